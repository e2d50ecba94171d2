"""Poison is dead at once, and what is dead can be redriven, also in two goes."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.environment import LocalEnvironment
from simulator import VectorCare
from tests.end_to_end import work_of
from tests.end_to_end.support import webhook
from tests.support.wait import wait_until
from verification.load import workers

RARELY = 0.001
"""Letters a second: the second one would not be moved before a quarter of an hour is over."""


@pytest.fixture(autouse=True)
def _no_letters_of_others(local: LocalEnvironment) -> Iterator[None]:
    """Begin and end with an empty dead-letter queue, so that its counts are the test's own."""
    _purge(local)
    yield
    _purge(local)


def test_an_unreadable_webhook_is_dead_and_says_why(local: LocalEnvironment, vectorcare: VectorCare) -> None:
    # Given
    body = b"certainly no JSON"

    # When
    vectorcare.send(body)
    local.stack.settle()

    # Then
    assert local.stack.dead() == 1
    entry = local.stack.unreadable(body)
    assert entry is not None
    assert entry["reason"] == "not_json"


def test_a_redrive_takes_only_what_it_is_asked_for_and_says_what_it_did(
    local: LocalEnvironment, vectorcare: VectorCare
) -> None:
    # Given
    vectorcare.send(b"no JSON")
    vectorcare.send(b"[]")
    vectorcare.send(b"[1]")
    local.stack.settle()

    # When
    rehearsed = local.stack.invoke("RedriveFunction", {"dry_run": True, "reason": "not_an_object"})
    limited = local.stack.invoke("RedriveFunction", {"reason": "not_an_object", "limit": 1})

    # Then
    assert (rehearsed["examined"], rehearsed["would_move"], rehearsed["moved"], rehearsed["skipped"]) == (3, 2, 0, 1)
    assert (limited["moved"], limited["stopped"]) == (1, "limit")
    local.stack.settle()
    assert local.stack.dead() == 3  # the one that was moved is still no object


def test_a_redrive_refuses_what_it_does_not_understand(local: LocalEnvironment) -> None:
    # When
    answer = local.stack.invoke("RedriveFunction", {"dryrun": True})

    # Then
    assert "unknown key" in answer["error"]
    assert "dryrun" not in answer["error"]
    assert answer["moved"] == 0


def test_a_redrive_that_is_killed_half_way_loses_nothing_and_the_next_one_finishes(
    local: LocalEnvironment,
) -> None:
    # Given
    letters = [webhook() for _ in range(20)]
    work_of.put(local, "DeadLetterQueueUrl", *(letter.body for letter in letters))
    local.stack.invoke("RedriveFunction", {"dry_run": True, "limit": 1})  # it is loaded, and has its process
    [worker] = [one.pid for one in workers.find(local) if one.function == "redrive"]

    def applied() -> int:
        return sum(local.stack.service_request(letter.service_request_id) is not None for letter in letters)

    # When it is killed after the first one
    with ThreadPoolExecutor(1) as operator:
        interrupted = operator.submit(local.stack.invoke, "RedriveFunction", {"rate": RARELY})
        wait_until(applied, what="the redrive moves one")
        os.kill(worker, signal.SIGKILL)

    # Then
    assert "errorMessage" in interrupted.result()
    local.stack.settle()
    assert (applied(), local.stack.dead()) == (1, len(letters) - 1)

    # When
    finished = local.stack.invoke("RedriveFunction", {})

    # Then
    assert (finished["stopped"], finished["remaining"]) == ("empty", 0)
    local.stack.settle()
    assert applied() == len(letters)
    assert local.stack.dead() == 0


def _purge(local: LocalEnvironment) -> None:
    local.stack.settle()
    local.emulator.aws.sqs.purge_queue(QueueUrl=local.deployment.outputs["DeadLetterQueueUrl"])
    assert local.stack.dead() == 0
