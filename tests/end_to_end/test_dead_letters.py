"""Redriving is safe to interrupt: what was not moved is still there, and the next redrive moves it."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

from local.environment import LocalEnvironment
from tests.end_to_end import work_of
from tests.end_to_end.support import webhook
from tests.support.wait import wait_until
from verification.load import workers

RARELY = 0.001
"""Messages a second: the second one would not be moved within a quarter of an hour."""


def test_a_redrive_that_is_killed_loses_nothing_and_the_next_one_finishes(local: LocalEnvironment) -> None:
    # Given
    local.stack.settle()
    local.emulator.aws.sqs.purge_queue(QueueUrl=local.deployment.outputs["DeadLetterQueueUrl"])
    dead_letters = [webhook() for _ in range(20)]
    work_of.put(local, "DeadLetterQueueUrl", *(each.body for each in dead_letters))
    local.stack.invoke("RedriveFunction", {"dry_run": True, "limit": 1})  # it is loaded, and has its process
    [worker] = [one.pid for one in workers.find(local) if one.function == "redrive"]

    def applied() -> int:
        return sum(local.stack.service_request(each.service_request_id) is not None for each in dead_letters)

    # When it is killed after the first one
    with ThreadPoolExecutor(1) as operator:
        interrupted = operator.submit(local.stack.invoke, "RedriveFunction", {"rate": RARELY})
        wait_until(applied, what="the redrive moves one")
        os.kill(worker, signal.SIGKILL)
    # Then
    assert "errorMessage" in interrupted.result()
    local.stack.settle()
    assert (applied(), local.stack.dead()) == (1, len(dead_letters) - 1)
    # When
    finished = local.stack.invoke("RedriveFunction", {})
    # Then
    assert (finished["stopped"], finished["remaining"]) == ("empty", 0)
    local.stack.settle()
    assert (applied(), local.stack.dead()) == (len(dead_letters), 0)
