"""Commands that nobody could read and events that the bus did not take come back too, whatever interrupts."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient
from moto.sqs.models import sqs_backends

from tests.support import faults
from tests.support.cloud import Cloud, Context
from tests.support.patience import Patience
from tests.unit.conftest import Output
from vectorcare_bridge import utc_timestamp

ACCEPT = {"command": "accept", "service_request_id": "VC-1", "response_notes": "Zebulon"}


@pytest.fixture(autouse=True)
def _no_long_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectorcare_bridge.edge.queue.LONG_POLL_SECONDS", 0)


def bury(cloud: Cloud, *bodies: str) -> list[str]:
    """Put messages into outbound's dead-letter queue; answers their ids."""
    url = cloud.outbound_dead_letter_queue_url
    return [cloud.sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"] for body in bodies]


def set_aside(cloud: Cloud, *bodies: str) -> None:
    """Put messages into the queue of what the bus did not take."""
    for body in bodies:
        cloud.sqs.send_message(QueueUrl=cloud.unpublished_queue_url, MessageBody=body)


def event(service_request_id: str, detail_type: str = "ServiceRequestUpdated") -> str:
    """Write an event as the publisher sets it aside."""
    return json.dumps({"detail_type": detail_type, "detail": {"service_request_id": service_request_id}})


def received(cloud: Cloud, url: str) -> list[dict[str, Any]]:
    """Take what is in a queue."""
    found: list[dict[str, Any]] = []
    while more := cloud.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    ).get("Messages"):
        found += [dict(one) for one in more]
    return found


def values(letter: dict[str, Any]) -> dict[str, str]:
    return {name: one["StringValue"] for name, one in letter.get("MessageAttributes", {}).items()}


def everything() -> set[str]:
    """Read all queues from moto's own books, hidden messages and what subscribers got included."""
    queues = sqs_backends["123456789012"]["us-east-1"].queues.values()
    bodies = [letter.body for queue in queues for letter in queue._messages]
    return {json.dumps(json.loads(body).get("detail", body)) if body.startswith("{") else body for body in bodies}


def test_a_command_goes_back_as_it_was_under_its_first_name_and_as_old_as_it_is(cloud: Cloud) -> None:
    # Given a command without a name that died
    [first_id] = bury(cloud, json.dumps(ACCEPT))
    sent_at = received(cloud, cloud.outbound_dead_letter_queue_url)[0]["Attributes"]["SentTimestamp"]
    cloud.sqs.purge_queue(QueueUrl=cloud.outbound_dead_letter_queue_url)
    [first_id] = bury(cloud, json.dumps(ACCEPT))
    # When it is redriven, and dies, and is redriven again
    assert cloud.invoke("redrive", {"queue": "outbound"})["moved"] == 1
    [once] = received(cloud, cloud.outbound_queue_url)
    cloud.sqs.send_message(
        QueueUrl=cloud.outbound_dead_letter_queue_url,
        MessageBody=once["Body"],
        MessageAttributes=once["MessageAttributes"],
    )
    assert cloud.invoke("redrive", {"queue": "outbound"})["moved"] == 1
    # Then it says what it said, and since when
    twice = next(one for one in received(cloud, cloud.outbound_queue_url) if values(one)["redriven"] == "2")
    assert json.loads(twice["Body"]) == ACCEPT
    assert values(twice)["first_message_id"] == values(once)["first_message_id"] == first_id
    assert values(twice)["first_sent_at"] == values(once)["first_sent_at"]
    assert values(once)["first_sent_at"] >= utc_timestamp.of_epoch(int(sent_at) / 1000)


@pytest.mark.parametrize(
    ("asked", "moved"),
    [
        ({"reason": "not_json"}, {"x"}),
        ({"reason": "unknown_command"}, {'{"service_request_id": "VC-1"}'}),
        ({"reason": "exhausted"}, {json.dumps(ACCEPT)}),
        ({"service_request_id": "VC-1"}, {'{"service_request_id": "VC-1"}', json.dumps(ACCEPT)}),
        ({"service_request_id": "VC-1", "reason": "exhausted"}, {json.dumps(ACCEPT)}),
        ({"service_request_id": "VC-1", "dry_run": True}, set()),
    ],
)
def test_commands_are_chosen_by_what_the_sender_would_say_of_them(
    cloud: Cloud, asked: dict[str, Any], moved: set[str]
) -> None:
    # Given commands of all sorts
    bury(cloud, "x", "[]", '{"service_request_id": "VC-1"}', '{"command": "accept"}', json.dumps(ACCEPT))
    # When some are asked for
    answer = cloud.invoke("redrive", {"queue": "outbound", **asked})
    # Then those are moved, and the others are where they were
    assert (answer["examined"], answer["moved"], answer["remaining"]) == (5, len(moved), 5 - len(moved))
    assert {letter["Body"] for letter in received(cloud, cloud.outbound_queue_url)} == moved
    assert len(received(cloud, cloud.outbound_dead_letter_queue_url)) == 5 - len(moved)


def test_an_event_is_published_as_it_would_have_been(cloud: Cloud) -> None:
    # Given a change and an outcome that the bus did not take
    url = cloud.subscribe()
    set_aside(cloud, event("VC-1"), event("VC-2", "CommandSucceeded"))
    # When all are asked for
    answer = cloud.invoke("redrive", {"queue": "unpublished"})
    # Then both are on the bus
    assert (answer["moved"], answer["remaining"], answer["stopped"]) == (2, 0, "empty")
    published = [json.loads(one["Body"]) for one in received(cloud, url)]
    assert {(one["source"], one["detail-type"], one["detail"]["service_request_id"]) for one in published} == {
        ("vectorcare-bridge", "ServiceRequestUpdated", "VC-1"),
        ("vectorcare-bridge", "CommandSucceeded", "VC-2"),
    }


@pytest.mark.parametrize(
    ("asked", "moved"),
    [({"service_request_id": "VC-1"}, 1), ({"reason": "not_taken"}, 2), ({"limit": 1}, 1), ({"dry_run": True}, 0)],
)
def test_events_are_chosen_like_letters(cloud: Cloud, asked: dict[str, Any], moved: int) -> None:
    url = cloud.subscribe()
    set_aside(cloud, event("VC-1"), event("VC-2"))
    assert cloud.invoke("redrive", {"queue": "unpublished", **asked})["moved"] == moved
    assert len(received(cloud, url)) == moved
    assert len(received(cloud, cloud.unpublished_queue_url)) == 2 - moved


@pytest.mark.usefixtures("patience")
def test_what_the_bus_does_not_take_stays(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a bus that refuses one event
    url = cloud.subscribe()
    set_aside(cloud, event("VC-1"), event("VC-2"), event("VC-3"))

    def put(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "PutEvents" and "VC-2" in parameters["Entries"][0]["Detail"]:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
        return original(self, operation, parameters)

    original = BaseClient._make_api_call  # type: ignore[attr-defined]  # the one place all calls pass
    monkeypatch.setattr(BaseClient, "_make_api_call", put)
    # When all are asked for
    answer = cloud.invoke("redrive", {"queue": "unpublished"})
    # Then the others are published, and that one is where it was
    assert (answer["moved"], answer["refused"], answer["remaining"], answer["stopped"]) == (2, 1, 1, "empty")
    assert len(received(cloud, url)) == 2
    assert "VC-2" in received(cloud, cloud.unpublished_queue_url)[0]["Body"]


@pytest.mark.parametrize("body", ["x", "[]", "{}", '{"detail_type": 1, "detail": {}}', '{"detail_type": "A"}'])
def test_what_is_no_event_stays(cloud: Cloud, body: str) -> None:
    cloud.subscribe()
    set_aside(cloud, body)
    answer = cloud.invoke("redrive", {"queue": "unpublished", "reason": "unreadable"})
    assert (answer["moved"], answer["refused"], answer["remaining"]) == (0, 1, 1)


def test_the_bus_is_asked_again_until_a_minute_before_the_end(cloud: Cloud, patience: Patience) -> None:
    # Given a bus that cannot be reached, and a run with a minute and a second
    set_aside(cloud, event("VC-1"))
    with faults.failing("PutEvents"):
        answer = cloud.invoke("redrive", {"queue": "unpublished"}, Context(remaining_ms=61_000))
    # When it is redriven, Then the event is left, and the run has ended in time
    assert answer["refused"] == 1
    assert 0 < sum(patience.waits) <= 1


@pytest.mark.usefixtures("patience")
def test_a_bus_that_takes_nothing_ends_the_run(cloud: Cloud) -> None:
    set_aside(cloud, *[event(f"VC-{number}") for number in range(15)])
    with faults.failing("PutEvents"):
        answer = cloud.invoke("redrive", {"queue": "unpublished"})
    assert (answer["examined"], answer["refused"], answer["stopped"]) == (10, 10, "refused")
    assert len(received(cloud, cloud.unpublished_queue_url)) == 15


def test_each_queue_is_left_alone_by_the_others(cloud: Cloud) -> None:
    # Given a letter in each of two queues
    cloud.subscribe()
    bury(cloud, "x")
    set_aside(cloud, event("VC-1"))
    # When the third is redriven, Then nothing moves
    assert cloud.invoke("redrive", {})["examined"] == 0
    assert cloud.messages(cloud.outbound_dead_letter_queue_url) == cloud.messages(cloud.unpublished_queue_url) == 1


def test_what_is_said_of_a_run_holds_no_payload(cloud: Cloud, output: Output) -> None:
    # Given a command with a note, and errors that repeat their input
    bury(cloud, json.dumps(ACCEPT))
    with faults.failing("SendMessage", error=lambda: faults.refusal("X")):
        cloud.invoke("redrive", {"queue": "outbound"})
    # When it is moved, Then no line holds the note
    cloud.invoke("redrive", {"queue": "outbound"})
    text = output.text()
    assert "redrive.refused" in text
    assert "Zebulon" not in text


def _commands(cloud: Cloud) -> set[str]:
    bodies = {f'["command {number}"]' for number in range(15)}
    bury(cloud, *sorted(bodies))
    return bodies


def _events(cloud: Cloud) -> set[str]:
    cloud.subscribe()
    set_aside(cloud, *[event(f"VC-{number}") for number in range(15)])
    return {json.dumps({"service_request_id": f"VC-{number}"}) for number in range(15)}


@pytest.mark.parametrize("after", [False, True], ids=["before it takes effect", "after"])
@pytest.mark.parametrize(
    ("queue", "fill", "operation"),
    [
        ("outbound", _commands, "SendMessage"),
        ("outbound", _commands, "DeleteMessage"),
        ("outbound", _commands, "ReceiveMessage"),
        ("unpublished", _events, "PutEvents"),
        ("unpublished", _events, "DeleteMessage"),
        ("unpublished", _events, "ReceiveMessage"),
    ],
)
def test_interrupted_at_any_call_nothing_is_lost_from_any_queue(
    cloud: Cloud, queue: str, fill: Callable[[Cloud], set[str]], operation: str, after: bool
) -> None:
    # Given a run that dies at some call, with no chance to tidy up
    class Killed(BaseException):
        """What no `except Exception` holds up."""

    def kill(called: str, has_taken_effect: bool) -> None:
        if dead_already:
            raise Killed
        if called == operation and has_taken_effect is after:
            calls.append(called)
            if len(calls) == 2:
                dead_already.append(True)
                raise Killed

    calls: list[str] = []
    dead_already: list[bool] = []
    there = fill(cloud)
    # When it is started
    with faults.on_call(kill), contextlib.suppress(Killed):
        cloud.invoke("redrive", {"queue": queue})
    # Then all are still on a queue, or with the bus's subscriber
    assert dead_already or operation == "ReceiveMessage"
    assert everything() == there
