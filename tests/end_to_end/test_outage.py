"""Rule: signed means kept, with the queue down too; and VectorCare has its answer while the queue is silent."""

from local.stand import Stand
from simulator import VectorCare
from tests.end_to_end.support import black_hole, closed_port, environment, kept, webhook
from tests.support.wait import wait_until

IMPATIENT = {"STAND_TIMEOUTS_TIMES": "1"}
"""With the time-outs that it has on AWS, which the stand lets last so long that no busy machine meets them."""


def test_a_webhook_that_the_queue_refuses_is_spooled_and_the_drain_delivers_it(
    stand: Stand, vectorcare: VectorCare
) -> None:
    # Given
    event = webhook()
    before = kept(stand)

    # When
    with closed_port() as nobody, environment(stand, "IngestFunction", AWS_ENDPOINT_URL_SQS=nobody):
        answer = vectorcare.send(event.body)

    # Then
    assert answer.status == 200
    assert stand.holdings.spooled() == before.spooled + 1
    assert stand.holdings.waiting() == 0
    assert stand.holdings.service_request(event.service_request_id) is None

    # When
    drained = stand.holdings.invoke("DrainFunction", {})

    # Then
    assert drained == {"moved": 1, "failed": 0, "stopped": "empty"}
    assert stand.holdings.spooled() == 0
    stand.holdings.settle()
    (entry,) = stand.holdings.journal(event.service_request_id)
    assert entry["body"] == event.body
    assert stand.holdings.service_request(event.service_request_id) is not None


def test_a_queue_that_never_answers_does_not_keep_vectorcare_waiting(stand: Stand, vectorcare: VectorCare) -> None:
    # Given
    event = webhook()

    # When
    with black_hole() as silence, environment(stand, "IngestFunction", AWS_ENDPOINT_URL_SQS=silence, **IMPATIENT):
        # Then it is answered, though the queue never answers; VectorCare asks again where this machine is too slow
        # for the spool's time-out.
        wait_until(
            lambda: vectorcare.send(event.body), lambda answer: answer.status == 200, what="the webhook is taken"
        )
    assert stand.holdings.invoke("DrainFunction", {})["moved"] >= 1
    stand.holdings.settle()
    assert len(stand.holdings.journal(event.service_request_id)) == 1
    assert stand.holdings.service_request(event.service_request_id) is not None


def test_with_queue_and_spool_silent_vectorcare_is_told_to_try_again(stand: Stand, vectorcare: VectorCare) -> None:
    # Given
    event = webhook()
    before = kept(stand)

    # When
    with (
        black_hole() as silence,
        environment(stand, "IngestFunction", AWS_ENDPOINT_URL_SQS=silence, AWS_ENDPOINT_URL_S3=silence, **IMPATIENT),
    ):
        refused = vectorcare.send(event.body)
    nothing = kept(stand)
    repeated = vectorcare.send(event.body)

    # Then
    assert refused.status == 503
    assert nothing == before
    assert repeated.status == 200
    stand.holdings.settle()
    assert stand.holdings.service_request(event.service_request_id) is not None


def test_a_drain_that_meets_a_dead_queue_leaves_the_spool_as_it_is(stand: Stand, vectorcare: VectorCare) -> None:
    # Given
    event = webhook()
    with closed_port() as nobody:
        with environment(stand, "IngestFunction", AWS_ENDPOINT_URL_SQS=nobody):
            vectorcare.send(event.body)
        spooled = stand.holdings.spooled()

        # When
        with environment(stand, "DrainFunction", AWS_ENDPOINT_URL_SQS=nobody):
            drained = stand.holdings.invoke("DrainFunction", {})

    # Then
    assert (drained["moved"], drained["failed"]) == (0, spooled)
    assert stand.holdings.spooled() == spooled
    assert stand.holdings.invoke("DrainFunction", {})["moved"] == spooled
    stand.holdings.settle()
    assert stand.holdings.service_request(event.service_request_id) is not None
