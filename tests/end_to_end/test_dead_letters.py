"""Poison is dead within seconds, and what is dead can be redriven, also in two goes."""

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from local.stand import Stand
from local.vectorcare import VectorCare, Webhook
from soak import workers
from tests.end_to_end.support import QUIET_WITHIN, webhook

FUTURE_TOLERANCE = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def _no_letters_of_others(stand: Stand) -> Iterator[None]:
    """Begin and end with an empty dead-letter queue, so that its counts are the test's own."""
    _purge(stand)
    yield
    _purge(stand)


def test_an_unreadable_webhook_is_dead_within_seconds_and_says_why(stand: Stand, vectorcare: VectorCare) -> None:
    # Given
    body = b"certainly no JSON"
    begin = time.monotonic()

    # When
    vectorcare.send(body)
    assert stand.holdings.settle(within=QUIET_WITHIN)

    # Then
    assert time.monotonic() - begin < 10
    assert stand.holdings.dead() == 1
    entry = stand.holdings.unreadable(body)
    assert entry is not None
    assert entry["reason"] == "not_json"


def test_a_redrive_takes_only_what_it_is_asked_for_and_says_what_it_did(stand: Stand, vectorcare: VectorCare) -> None:
    # Given
    vectorcare.send(b"no JSON")
    vectorcare.send(b"[]")
    vectorcare.send(b"[1]")
    assert stand.holdings.settle(within=QUIET_WITHIN)

    # When
    rehearsed = stand.holdings.invoke("RedriveFunction", {"dry_run": True, "reason": "not_an_object"})
    limited = stand.holdings.invoke("RedriveFunction", {"reason": "not_an_object", "limit": 1})

    # Then
    assert (rehearsed["examined"], rehearsed["would_move"], rehearsed["moved"], rehearsed["skipped"]) == (3, 2, 0, 1)
    assert (limited["moved"], limited["stopped"]) == (1, "limit")
    assert stand.holdings.settle(within=QUIET_WITHIN)
    assert stand.holdings.dead() == 3  # the one that was moved is still no object


def test_a_redrive_refuses_what_it_does_not_understand(stand: Stand) -> None:
    # When
    answer = stand.holdings.invoke("RedriveFunction", {"dryrun": True})

    # Then
    assert "dryrun" in answer["errorMessage"]


def test_a_redrive_that_is_killed_half_way_loses_nothing_and_the_next_one_finishes(
    stand: Stand, vectorcare: VectorCare
) -> None:
    # Given
    its_time = datetime.now(UTC) + timedelta(seconds=12)  # all of them must be dead by then
    letters = [_future(its_time + FUTURE_TOLERANCE) for _ in range(20)]
    with ThreadPoolExecutor(4) as senders:
        list(senders.map(lambda letter: vectorcare.send(letter.body), letters))
    assert stand.holdings.settle(within=QUIET_WITHIN)
    assert stand.holdings.dead() == len(letters)
    time.sleep(max(0.0, (its_time - datetime.now(UTC)).total_seconds()) + 0.5)
    stand.holdings.invoke("RedriveFunction", {"dry_run": True, "limit": 1})  # it is loaded, and has its process
    [worker] = [one.pid for one in workers.find(stand) if one.function == "redrive"]

    # When
    with ThreadPoolExecutor(1) as operator:
        # By a process of its own, as this one may stand still for longer than the run takes; and between two letters,
        # as one in hand would be hidden for a minute.
        killer = subprocess.Popen(["/bin/sh", "-c", f"sleep 4.5; kill -KILL {worker}"])  # noqa: S603 a number
        interrupted = operator.submit(stand.holdings.invoke, "RedriveFunction", {"rate": 1})
        assert killer.wait() == 0

    # Then
    assert "errorMessage" in interrupted.result()
    assert stand.holdings.settle(within=QUIET_WITHIN)
    applied = [letter for letter in letters if stand.holdings.service_request(letter.service_request_id)]
    assert 0 < len(applied) < len(letters)
    assert len(applied) + stand.holdings.dead() >= len(letters)

    # When
    finished = stand.holdings.invoke("RedriveFunction", {})

    # Then
    assert (finished["stopped"], finished["remaining"]) == ("empty", 0)
    assert stand.holdings.settle(within=QUIET_WITHIN)
    assert all(stand.holdings.service_request(letter.service_request_id) for letter in letters)
    assert stand.holdings.dead() == 0


def _future(at: datetime) -> Webhook:
    return webhook(event_timestamp=at)


def _purge(stand: Stand) -> None:
    assert stand.holdings.settle(within=QUIET_WITHIN)
    stand.emulator.aws.sqs.purge_queue(QueueUrl=stand.deployment.outputs["DeadLetterQueueUrl"])
    assert stand.holdings.dead() == 0
