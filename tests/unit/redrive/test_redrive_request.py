"""What an operator may ask for, and what is refused with the words that help."""

from typing import Any

import pytest

from redrive import request
from redrive.request import RedriveRequest, RequestError
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue


def test_each_key_of_the_event_is_a_field_of_the_request() -> None:
    event = {
        "queue": "outbound",
        "dry_run": True,
        "limit": 5,
        "rate": 0.5,
        "reason": "exhausted",
        "service_request_id": "VC-1",
    }
    assert request.read(event) == RedriveRequest(
        queue=DeadLetterQueue.OUTBOUND, dry_run=True, limit=5, rate=0.5, reason="exhausted", service_request_id="VC-1"
    )


KEYS = ("queue", "dry_run", "limit", "rate", "reason", "service_request_id")


@pytest.mark.parametrize(
    ("queue", "reason"),
    [
        (DeadLetterQueue.INBOUND, "timestamp_in_future"),
        (DeadLetterQueue.OUTBOUND, "unknown_command"),
        (DeadLetterQueue.OUTBOUND, "exhausted"),
        (DeadLetterQueue.UNPUBLISHED, "not_taken"),
    ],
)
def test_each_queue_has_its_own_reasons(queue: DeadLetterQueue, reason: str) -> None:
    assert request.read({"queue": str(queue), "reason": reason}) == RedriveRequest(queue=queue, reason=reason)


@pytest.mark.parametrize("event", [{}, *({key: None} for key in KEYS)])
def test_an_empty_event_and_nulls_ask_for_all_webhooks(event: dict[str, None]) -> None:
    assert request.read(event) == RedriveRequest(
        queue=DeadLetterQueue.INBOUND, dry_run=False, limit=None, rate=None, reason=None, service_request_id=None
    )


@pytest.mark.parametrize(("key", "least"), [("limit", 1), ("rate", 1), ("rate", 0.001)])
def test_the_least_that_may_be_asked_for(key: str, least: float) -> None:
    assert getattr(request.read({key: least}), key) == least


WHOLE, RATE = "limit must be a whole number of at least 1", "rate must be a number of messages a second, above 0"
OR_LEAVE = "is empty: give a service request's id as text, or leave it out"


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ([], "the event must be a JSON object; {} redrives all webhooks"),
        (
            {"zeal": 1, "dryrun": True},
            f"there is an unknown key; known are {', '.join(KEYS)}; {{}} redrives all webhooks",
        ),
        *(({"dry_run": value}, "dry_run must be true or false") for value in ("yes", 1)),
        *(({"limit": value}, WHOLE) for value in (0, 2.5, True)),
        *(({"rate": value}, RATE) for value in (0, "fast", True, float("inf"), float("nan"))),
        ({"reason": 5}, "reason must be a reason as text"),
        ({"reason": ""}, "reason is empty: give a reason as text, or leave it out"),
        (
            {"reason": "whatever"},
            "reason must, for the queue inbound, be one of not_json, not_an_object, unsupported_version, "
            "missing_field, bad_timestamp, timestamp_in_future, unstorable, exhausted",
        ),
        (
            {"queue": "outbound", "reason": "missing_field"},
            "reason must, for the queue outbound, be one of not_json, not_an_object, unknown_command, "
            "bad_service_request_id, bad_command_id, exhausted",
        ),
        (
            {"queue": "unpublished", "reason": "exhausted"},
            "reason must, for the queue unpublished, be one of not_taken, unreadable",
        ),
        ({"queue": 5}, "queue must be a queue's name as text"),
        ({"queue": " "}, "queue is empty: give a queue's name as text, or leave it out"),
        ({"queue": "outgoing"}, "queue must be one of inbound, outbound, unpublished"),
        ({"service_request_id": 5}, "service_request_id must be a service request's id as text"),
        *(({"service_request_id": value}, f"service_request_id {OR_LEAVE}") for value in ("", " \t\n")),
    ],
)
def test_a_wrong_event_is_refused_with_what_would_be_right(event: Any, complaint: str) -> None:
    with pytest.raises(RequestError) as refused:
        request.read(event)
    # The console shows this, and nothing of how it was found.
    assert str(refused.value) == complaint
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
