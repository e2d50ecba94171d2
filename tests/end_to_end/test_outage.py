"""Rule: signed means kept, with the queue down too; and VectorCare has its answer while the queue is silent."""

from local.environment import LocalEnvironment
from simulator import VectorCare
from tests.end_to_end.support import black_hole, closed_port, function_variables, kept, webhook
from tests.support.wait import wait_until

IMPATIENT = {"LOCAL_TIMEOUTS_TIMES": "1"}
"""The time-outs that it has on AWS; for other tests they are longer, so that a busy machine does not meet them."""


def test_a_webhook_that_the_queue_refuses_is_spooled_and_the_drain_delivers_it(
    local: LocalEnvironment, vectorcare: VectorCare
) -> None:
    # Given
    event = webhook()
    before = kept(local)
    # When
    with closed_port() as closed, function_variables(local, "IngestFunction", AWS_ENDPOINT_URL_SQS=closed):
        answer = vectorcare.send(event.body)
    # Then
    assert answer.status == 200
    assert local.stack.spooled() == before.spooled + 1
    assert local.stack.waiting() == 0
    assert local.stack.service_request(event.service_request_id) is None
    # When
    drained = local.stack.invoke("DrainFunction", {})
    # Then
    assert drained == {"moved": 1, "failed": 0, "stopped": "empty"}
    assert local.stack.spooled() == 0
    local.stack.settle()
    (entry,) = local.stack.journal(event.service_request_id)
    assert entry["body"] == event.body
    assert local.stack.service_request(event.service_request_id) is not None


def test_a_queue_that_never_answers_does_not_keep_vectorcare_waiting(
    local: LocalEnvironment, vectorcare: VectorCare
) -> None:
    # Given
    event = webhook()
    # When
    with (
        black_hole() as silence,
        function_variables(local, "IngestFunction", AWS_ENDPOINT_URL_SQS=silence, **IMPATIENT),
    ):
        # Then it is answered, though the queue never answers; VectorCare asks again where this machine is too slow
        # for the spool's time-out.
        wait_until(
            lambda: vectorcare.send(event.body), lambda answer: answer.status == 200, what="the webhook is taken"
        )
    assert local.stack.invoke("DrainFunction", {})["moved"] >= 1
    local.stack.settle()
    assert len(local.stack.journal(event.service_request_id)) == 1
    assert local.stack.service_request(event.service_request_id) is not None
