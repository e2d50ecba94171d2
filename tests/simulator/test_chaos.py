"""Faults come in the shares that were asked for, the same from one seed, and lose nothing."""

from random import Random

import pytest

from simulator.chaos import LATE_SECONDS, Chaos
from tests.simulator.post import SPEED, STILL, Post, Receiver


def test_shares_are_kept_and_do_not_shift_each_other() -> None:
    # Given
    chaos = Chaos(late=0.1, duplicated=0.2, out_of_order=0.3, restamped=0.4)
    random, other_random = Random(5), Random(5)
    # When
    faults = [chaos.draw(random) for _ in range(4000)]
    only_late = [Chaos(late=0.1).draw(other_random).delay for _ in range(4000)]
    # Then
    assert sum(fault.delay > 0 for fault in faults) / 4000 == pytest.approx(0.1, abs=0.02)
    assert sum(fault.repeat_after is not None for fault in faults) / 4000 == pytest.approx(0.2, abs=0.03)
    # What is late already need not be held.
    assert sum(fault.is_held for fault in faults) / 4000 == pytest.approx(0.3 * 0.9, abs=0.03)
    assert sum(fault.restamp_after is not None for fault in faults) / 4000 == pytest.approx(0.4, abs=0.03)
    # And the same ones are late, whatever else happens to them
    assert [fault.delay for fault in faults] == only_late


def test_a_duplicate_is_the_same_bytes_again(post: Post, receiver: Receiver) -> None:
    # Given
    post.delivery.chaos = Chaos(duplicated=1)
    # When
    webhook = post.publish()
    # Then
    counts = post.rest()
    assert [received.body for received in receiver.received] == [webhook.body] * 2
    assert (counts["shipments"], counts["acknowledged"], counts["calls"]) == (1, 1, 2)
    assert [call["reason"] for call in post.calls()] == ["event", "duplicate"]


def test_a_restamped_webhook_is_the_same_event_with_a_new_time(post: Post, receiver: Receiver) -> None:
    # Given
    post.delivery.chaos = Chaos(restamped=1)
    # When
    post.publish()
    # Then
    counts = post.rest()
    first, second = (received.content for received in receiver.received)
    assert first["event_timestamp"] != second["event_timestamp"]
    assert first | {"event_timestamp": None} == second | {"event_timestamp": None}
    assert (counts["events"], counts["shipments"], counts["acknowledged"]) == (1, 2, 2)


def test_a_late_webhook_comes_later(post: Post, receiver: Receiver) -> None:
    # Given
    post.delivery.chaos = Chaos(late=1)
    begin = post.clock.now()
    # When
    post.publish()
    post.rest()
    # Then
    [received] = receiver.received
    assert received.at - begin >= LATE_SECONDS[0]


def test_a_webhook_out_of_order_is_overtaken_by_the_next_of_its_request(post: Post, receiver: Receiver) -> None:
    # Given time that hardly moves: it is not time that releases it
    post.clock.speed = STILL
    post.delivery.chaos = Chaos(out_of_order=1)
    # When two follow each other, and another request has one
    first = post.publish()
    other = post.publish("VC-TEST0002")
    second = post.publish()
    receiver.await_count(2)
    # Then the second comes before the first, and the other request's still waits
    assert [received.body for received in receiver.received] == [second.body, first.body]
    # And a webhook that is not overtaken goes after a minute
    post.clock.speed = SPEED
    post.delivery.on_clock_change()
    post.rest()
    assert receiver.received[-1].body == other.body
