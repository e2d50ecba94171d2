"""Rule: signed means kept, with the queue down too; and VectorCare has its answer while the queue is silent."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from local.environment import LocalEnvironment
from simulator import VectorCare
from tests.end_to_end.support import black_hole, closed_port, function_variables, kept, webhook
from tests.support.wait import wait_until

IMPATIENT = {"LOCAL_TIMEOUTS_TIMES": "1"}
"""The time-outs that it has on AWS; for other tests they are longer, so that a busy machine does not meet them."""


@pytest.mark.parametrize("no_queue", [closed_port, black_hole])
def test_without_the_queue_a_webhook_is_answered_and_spooled_and_the_drain_delivers_it(
    local: LocalEnvironment, vectorcare: VectorCare, no_queue: Callable[[], AbstractContextManager[str]]
) -> None:
    # Given
    event = webhook()
    before = kept(local)
    # When VectorCare asks again if this machine is too slow for the spool's time-out
    with no_queue() as url, function_variables(local, "IngestFunction", AWS_ENDPOINT_URL_SQS=url, **IMPATIENT):
        wait_until(
            lambda: vectorcare.send(event.body), lambda answer: answer.status == 200, what="the webhook is taken"
        )
    # Then
    spooled = local.stack.spooled() - before.spooled
    assert spooled >= 1
    assert local.stack.waiting() == 0
    assert local.stack.service_request(event.service_request_id) is None
    # When
    drained = local.stack.invoke("DrainFunction", {})
    # Then
    assert drained == {"moved": spooled, "failed": 0, "stopped": "empty"}
    assert local.stack.spooled() == 0
    local.stack.settle()
    (entry,) = local.stack.journal(event.service_request_id)
    assert entry["body"] == event.body
    assert local.stack.service_request(event.service_request_id) is not None
