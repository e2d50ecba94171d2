"""Webhooks are delivered by VectorCare's rules, and every call is in the history."""

import socket
from base64 import b64decode
from collections.abc import Callable
from unittest import mock

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from simulator import history
from tests.simulator.post import MovedClock, Post, Received, Receiver, make_key
from tests.support.wait import PATIENCE


def is_signed_with(key: RSAPrivateKey, received: Received) -> bool:
    try:
        key.public_key().verify(b64decode(received.signature), received.body, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("status", [200, 299])
def test_any_2xx_is_success(post: Post, receiver: Receiver, status: int) -> None:
    # Given
    receiver.statuses.append(status)
    # When
    webhook = post.publish()
    # Then it is sent once, byte for byte, and signed
    counts = post.rest()
    [received] = receiver.received
    assert received.body == webhook.body
    assert is_signed_with(make_key(), received)
    assert (counts["acknowledged"], counts["calls"], counts["given_up"]) == (1, 1, 0)
    # And the history holds neither data nor the URL's identifier
    text = str(post.delivery.history(10))
    assert "customer_id" not in text
    assert "Nobody" not in text


@pytest.mark.parametrize("status", [302, 400, 500])
def test_anything_else_is_tried_again_after_8_and_64_seconds(receiver: Receiver, status: int) -> None:
    # Given a clock that does not move, and a receiver that refuses
    clock = MovedClock()
    post = Post(clock)
    post.delivery.register([receiver.url])
    receiver.statuses.extend([status, status])
    post.publish()
    waits = []
    for attempts in (1, 2):
        # When an attempt has failed
        post.await_calls(attempts)
        [pending] = post.delivery.pending()
        waits.append(pending["due_in_seconds"])
        # Then the next comes once its time has come
        clock.at += pending["due_in_seconds"] + 0.1
        post.delivery.on_clock_change()
    # And the third succeeds, with the same body
    counts = post.rest()
    post.delivery.close()
    assert (counts["acknowledged"], counts["calls"], counts["given_up"]) == (1, 3, 0)
    assert len({received.body for received in receiver.received}) == 1
    assert [(call["attempt"], call["status"]) for call in post.calls()] == [(1, status), (2, status), (3, 200)]
    assert 7.2 <= waits[0] <= 8.8
    assert 57.6 <= waits[1] <= 70.4


def test_after_three_failures_only_a_redelivery_helps(post: Post, receiver: Receiver) -> None:
    # Given a webhook that was given up
    receiver.statuses.extend([500] * 4)
    webhook = post.publish()
    assert post.rest() == {"events": 1, "shipments": 1, "acknowledged": 0, "given_up": 1, "calls": 3, "pending": 0}
    # When it is redelivered and fails, Then that is tried once
    last = post.calls()[-1]["id"]
    post.delivery.redeliver(last)
    assert (post.rest()["calls"], post.rest()["given_up"]) == (4, 1)
    # When it is redelivered and taken
    post.delivery.redeliver(last)
    counts = post.rest()
    # Then it counts as taken, with the same body
    assert (counts["acknowledged"], counts["given_up"], counts["calls"]) == (1, 0, 5)
    assert {received.body for received in receiver.received} == {webhook.body}
    assert [call["reason"] for call in post.calls()] == ["event"] * 3 + ["redelivery"] * 2


def test_a_receiver_that_does_not_listen_is_unreachable(post: Post) -> None:
    # Given a port that is closed
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    post.delivery.register([f"http://127.0.0.1:{port}/webhook"])
    # When
    post.publish()
    # Then
    assert post.rest()["given_up"] == 1
    assert [(call["status"], call["error"]) for call in post.calls()] == [(None, "unreachable")] * 3


def test_a_receiver_that_does_not_answer_in_time_is_tried_again(post: Post, receiver: Receiver) -> None:
    # Given a receiver that takes it and does not answer
    receiver.is_stuck.set()
    # When VectorCare's patience ends
    post.delivery.gives_up_after = 0.1
    post.publish()
    receiver.await_count(1)
    receiver.is_stuck.clear()
    post.delivery.gives_up_after = PATIENCE
    # Then it comes again
    assert post.rest()["acknowledged"] == 1
    assert [(call["status"], call["error"]) for call in post.calls()] == [(None, "timeout"), (200, None)]


def test_two_webhooks_get_everything_and_a_stuck_one_holds_up_no_other(
    post: Post, receiver: Receiver, new_receiver: Callable[[], Receiver]
) -> None:
    # Given two URLs; one does not answer
    other = new_receiver()
    post.delivery.register([receiver.url, other.url])
    other.is_stuck.set()
    # When
    for _ in range(20):
        post.publish()
    # Then the other gets all
    receiver.await_count(20)
    # And it too, once it answers
    other.is_freed.set()
    counts = post.rest()
    assert (counts["events"], counts["shipments"], counts["acknowledged"]) == (20, 40, 40)
    assert {r.body for r in other.received} == {r.body for r in receiver.received}


@pytest.mark.parametrize(
    "urls",
    [
        ["https://a.example", "https://b.example", "https://c.example"],
        ["https://a.example", "https://a.example"],
        ["http://a.example/webhook"],
        ["ftp://127.0.0.1/webhook"],
    ],
)
def test_at_most_two_urls_by_https_are_registered(post: Post, receiver: Receiver, urls: list[str]) -> None:
    with pytest.raises(ValueError, match="webhook"):
        post.delivery.register(urls)
    assert post.delivery.urls == [receiver.url]


def test_what_waits_for_a_removed_url_ends(post: Post, receiver: Receiver) -> None:
    # Given a webhook that waits for its third attempt
    receiver.statuses.extend([500, 500])
    post.publish()
    receiver.await_count(2)
    # When its URL is removed
    post.delivery.register([])
    # Then it is given up, and cannot be redelivered
    assert post.rest()["given_up"] == 1
    assert post.calls()[-1]["error"] == "webhook_removed"
    with pytest.raises(ValueError, match="registered"):
        post.delivery.redeliver(post.calls()[-1]["id"])


def test_a_rotated_key_signs_what_comes_next_and_what_comes_again(post: Post, receiver: Receiver) -> None:
    # Given a webhook signed with the old key
    post.publish()
    post.rest()
    # When the key is rotated
    post.delivery.private_key = make_key(1)
    post.publish()
    post.rest()
    post.delivery.redeliver(post.calls()[0]["id"])
    post.rest()
    # Then
    assert [is_signed_with(make_key(1), received) for received in receiver.received] == [False, True, True]
    assert receiver.received[2].body == receiver.received[0].body


def test_the_history_forgets_the_oldest_and_counts_all(post: Post) -> None:
    # Given room for three calls
    with mock.patch.object(history, "KEPT_CALLS", 3):
        for _ in range(5):
            post.publish()
            post.rest()
    # Then
    assert [call["id"] for call in post.calls()] == [3, 4, 5]
    assert post.rest()["calls"] == 5
    with pytest.raises(KeyError):
        post.delivery.redeliver(1)
