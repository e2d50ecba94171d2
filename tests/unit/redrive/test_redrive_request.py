"""What an operator may ask for, and what is refused with the words that help."""

from typing import Any

import pytest

from redrive import request
from redrive.request import RedriveRequest, RequestError
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue


def test_an_empty_event_asks_for_everything() -> None:
    assert request.read({}) == RedriveRequest(
        queue=DeadLetterQueue.INBOUND, dry_run=False, limit=None, rate=None, reason=None, service_request_id=None
    )


def test_each_key_of_the_event_is_one_wish() -> None:
    # Given an event with every key, When it is read
    asked = request.read(
        {
            "queue": "inbound",
            "dry_run": True,
            "limit": 5,
            "rate": 0.5,
            "reason": "not_json",
            "service_request_id": "VC-1",
        }
    )
    # Then each is where it belongs
    assert asked == RedriveRequest(
        queue=DeadLetterQueue.INBOUND, dry_run=True, limit=5, rate=0.5, reason="not_json", service_request_id="VC-1"
    )


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


@pytest.mark.parametrize("key", ["queue", "dry_run", "limit", "rate", "reason", "service_request_id"])
def test_null_is_as_good_as_absent(key: str) -> None:
    assert request.read({key: None}) == RedriveRequest()


@pytest.mark.parametrize(("key", "least"), [("limit", 1), ("rate", 1), ("rate", 0.001)])
def test_the_least_that_may_be_asked_for(key: str, least: float) -> None:
    assert getattr(request.read({key: least}), key) == least


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ([], "the event must be a JSON object; {} redrives all webhooks"),
        (
            {"zeal": 1, "dryrun": True},
            "there is an unknown key; known are queue, dry_run, limit, rate, reason, service_request_id; "
            "{} redrives all webhooks",
        ),
        ({"dry_run": "yes"}, "dry_run must be true or false"),
        ({"dry_run": 1}, "dry_run must be true or false"),
        ({"limit": 0}, "limit must be a whole number of at least 1"),
        ({"limit": 2.5}, "limit must be a whole number of at least 1"),
        ({"limit": True}, "limit must be a whole number of at least 1"),
        ({"rate": 0}, "rate must be a number of messages a second, above 0"),
        ({"rate": "fast"}, "rate must be a number of messages a second, above 0"),
        ({"rate": True}, "rate must be a number of messages a second, above 0"),
        ({"reason": 5}, "reason must be a reason as text"),
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
        ({"queue": "outgoing"}, "queue must be one of inbound, outbound, unpublished"),
        ({"service_request_id": 5}, "service_request_id must be a service request's id as text"),
        (
            {"service_request_id": ""},
            "service_request_id is empty: give a service request's id as text, or leave it out",
        ),
        (
            {"service_request_id": " \t\n"},
            "service_request_id is empty: give a service request's id as text, or leave it out",
        ),
        ({"reason": ""}, "reason is empty: give a reason as text, or leave it out"),
        ({"queue": " "}, "queue is empty: give a queue's name as text, or leave it out"),
        ({"rate": float("inf")}, "rate must be a number of messages a second, above 0"),
        ({"rate": float("nan")}, "rate must be a number of messages a second, above 0"),
    ],
)
def test_what_is_no_wish_is_refused_with_what_would_be_one(event: Any, complaint: str) -> None:
    # Given an event that says something else, When it is read
    with pytest.raises(RequestError) as refused:
        request.read(event)
    # Then the console shows this, and nothing of how it was found
    assert str(refused.value) == complaint
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
