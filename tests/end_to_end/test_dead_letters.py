"""Poison is dead at once, and what is dead can be redriven, also in two goes."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.stand import Stand
from simulator import VectorCare
from tests.end_to_end import work_of
from tests.end_to_end.support import webhook
from tests.support.wait import wait_until
from verification.load import workers

RARELY = 0.001
"""Letters a second: the second one would not be moved before a quarter of an hour is over."""


@pytest.fixture(autouse=True)
def _no_letters_of_others(stand: Stand) -> Iterator[None]:
    """Begin and end with an empty dead-letter queue, so that its counts are the test's own."""
    _purge(stand)
    yield
    _purge(stand)


def test_an_unreadable_webhook_is_dead_and_says_why(stand: Stand, vectorcare: VectorCare) -> None:
    # Given
    body = b"certainly no JSON"

    # When
    vectorcare.send(body)
    stand.holdings.settle()

    # Then
    assert stand.holdings.dead() == 1
    entry = stand.holdings.unreadable(body)
    assert entry is not None
    assert entry["reason"] == "not_json"


def test_a_redrive_takes_only_what_it_is_asked_for_and_says_what_it_did(stand: Stand, vectorcare: VectorCare) -> None:
    # Given
    vectorcare.send(b"no JSON")
    vectorcare.send(b"[]")
    vectorcare.send(b"[1]")
    stand.holdings.settle()

    # When
    rehearsed = stand.holdings.invoke("RedriveFunction", {"dry_run": True, "reason": "not_an_object"})
    limited = stand.holdings.invoke("RedriveFunction", {"reason": "not_an_object", "limit": 1})

    # Then
    assert (rehearsed["examined"], rehearsed["would_move"], rehearsed["moved"], rehearsed["skipped"]) == (3, 2, 0, 1)
    assert (limited["moved"], limited["stopped"]) == (1, "limit")
    stand.holdings.settle()
    assert stand.holdings.dead() == 3  # the one that was moved is still no object


def test_a_redrive_refuses_what_it_does_not_understand(stand: Stand) -> None:
    # When
    answer = stand.holdings.invoke("RedriveFunction", {"dryrun": True})

    # Then
    assert "unknown key" in answer["error"]
    assert "dryrun" not in answer["error"]
    assert answer["moved"] == 0


def test_a_redrive_that_is_killed_half_way_loses_nothing_and_the_next_one_finishes(
    stand: Stand,
) -> None:
    # Given
    letters = [webhook() for _ in range(20)]
    work_of.put(stand, "DeadLetterQueueUrl", *(letter.body for letter in letters))
    stand.holdings.invoke("RedriveFunction", {"dry_run": True, "limit": 1})  # it is loaded, and has its process
    [worker] = [one.pid for one in workers.find(stand) if one.function == "redrive"]

    def applied() -> int:
        return sum(stand.holdings.service_request(letter.service_request_id) is not None for letter in letters)

    # When it is killed after the first one
    with ThreadPoolExecutor(1) as operator:
        interrupted = operator.submit(stand.holdings.invoke, "RedriveFunction", {"rate": RARELY})
        wait_until(applied, what="the redrive moves one")
        os.kill(worker, signal.SIGKILL)

    # Then
    assert "errorMessage" in interrupted.result()
    stand.holdings.settle()
    assert (applied(), stand.holdings.dead()) == (1, len(letters) - 1)

    # When
    finished = stand.holdings.invoke("RedriveFunction", {})

    # Then
    assert (finished["stopped"], finished["remaining"]) == ("empty", 0)
    stand.holdings.settle()
    assert applied() == len(letters)
    assert stand.holdings.dead() == 0


def _purge(stand: Stand) -> None:
    stand.holdings.settle()
    stand.emulator.aws.sqs.purge_queue(QueueUrl=stand.deployment.outputs["DeadLetterQueueUrl"])
    assert stand.holdings.dead() == 0
