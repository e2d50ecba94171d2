"""The redrive function on its three queues: what is asked for goes back, and whatever interrupts it loses nothing."""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest
from moto.sqs.models import sqs_backends

from tests.support import faults
from tests.support.cloud import Cloud, Context, create_bus
from tests.support.patience import Patience
from tests.support.webhooks import INVENTED_NAME, body
from tests.unit.conftest import Output
from vectorcare_bridge.dead_letters import unpublished
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.message import Webhook

RECEIVED_AT = UtcTimestamp("2026-03-01T10:00:00.000000Z")
NOT_JSON = 2
GOOD = 4


@pytest.fixture(autouse=True)
def _no_long_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectorcare_bridge.edge.queue.LONG_POLL_SECONDS", 0)


@pytest.fixture
def cloud(cloud: Cloud) -> Cloud:
    """Give a cloud with six messages in each dead-letter queue, two of them unreadable."""
    cloud.events_url = create_bus(cloud.sqs, boto3.client("events"))  # type: ignore[attr-defined]  # for these tests alone
    webhooks = [
        message.encode(Webhook(body(service_request_id=f"VC-{number}"), "c2ln", RECEIVED_AT)) for number in range(GOOD)
    ]
    command = {"command": "accept", "response_notes": INVENTED_NAME}
    commands = [json.dumps(command | {"service_request_id": f"VC-{number}"}) for number in range(GOOD)]
    events = [
        unpublished.write("CommandSucceeded", {"service_request_id": f"VC-{number}"})["MessageBody"]
        for number in range(GOOD)
    ]
    put(cloud, cloud.dead_letter_queue_url, webhooks)
    put(cloud, cloud.outbound_dead_letter_queue_url, [{"MessageBody": one} for one in commands])
    put(cloud, cloud.unpublished_queue_url, [{"MessageBody": one} for one in events])
    return cloud


def put(cloud: Cloud, url: str, messages: Sequence[Any]) -> None:
    """Put messages on a queue, and two unreadable ones."""
    entries = [*messages, *({"MessageBody": f"x{number}"} for number in range(NOT_JSON))]
    cloud.sqs.send_message_batch(
        QueueUrl=url, Entries=[{"Id": str(number), **one} for number, one in enumerate(entries)]
    )


def source_urls(cloud: Cloud) -> dict[str, str]:
    return {
        "inbound": cloud.dead_letter_queue_url,
        "outbound": cloud.outbound_dead_letter_queue_url,
        "unpublished": cloud.unpublished_queue_url,
    }


def destination_url(cloud: Cloud, queue: str) -> str:
    events_url: str = cloud.events_url  # type: ignore[attr-defined]  # for these tests alone
    return {"inbound": cloud.queue_url, "outbound": cloud.outbound_queue_url, "unpublished": events_url}[queue]


def everything() -> set[str]:
    """Name all messages in moto, including hidden ones and those of the subscriber."""
    queues = sqs_backends["123456789012"]["us-east-1"].queues.values()
    return {one.body for queue in queues for one in queue._messages}


def answer(**counts: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("examined", "moved", "skipped", "refused", "would_move"), 0)
    return {"dry_run": False} | nothing | {"remaining": GOOD + NOT_JSON, "stopped": "empty"} | counts


@pytest.mark.parametrize(
    ("event", "counts"),
    [
        ({}, {"moved": 6, "remaining": 0}),
        ({"reason": "not_json"}, {"moved": 2, "skipped": 4, "remaining": 4}),
        ({"service_request_id": "VC-1"}, {"moved": 1, "skipped": 5, "remaining": 5}),
        (
            {"dry_run": True, "reason": "exhausted"},
            {"dry_run": True, "would_move": 4, "skipped": 2, "reasons": {"exhausted": 4}, "first": [mock.ANY] * 4},
        ),
        ({"queue": "outbound"}, {"moved": 6, "remaining": 0}),
        ({"queue": "outbound", "reason": "exhausted"}, {"moved": 4, "skipped": 2, "remaining": 2}),
        ({"queue": "unpublished"}, {"moved": 4, "refused": 2, "remaining": 2}),
        ({"queue": "unpublished", "reason": "not_taken"}, {"moved": 4, "skipped": 2, "remaining": 2}),
    ],
)
def test_selected_messages_are_moved_and_the_rest_stays_in_its_queue(
    cloud: Cloud, event: dict[str, Any], counts: dict[str, Any]
) -> None:
    # Given dead letters in all queues, When some of one queue are asked for
    queue = event.get("queue", "inbound")
    assert cloud.invoke("redrive", event) == answer(examined=6, **counts)
    # Then they are where they belong, the others in their queue, to be seen, and the other queues left alone
    assert cloud.messages(destination_url(cloud, queue)) == counts.get("moved", 0)
    for name, url in source_urls(cloud).items():
        left = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        expected = counts.get("remaining", 6) if name == queue else 6
        assert int(left["Attributes"]["ApproximateNumberOfMessages"]) == expected


def test_a_run_stops_before_its_own_time_out(cloud: Cloud, patience: Patience) -> None:
    assert cloud.invoke("redrive", {}, Context(remaining_ms=20_000)) == answer(stopped="time")
    # And so does asking a bus again that cannot be reached
    with faults.failing("PutEvents"):
        counts = cloud.invoke("redrive", {"queue": "unpublished"}, Context(remaining_ms=61_000))
    assert counts == answer(examined=6, refused=6, stopped="refused")
    assert 0 < sum(patience.waits) <= 1 * GOOD


def test_how_many_remain_may_be_unknown(cloud: Cloud) -> None:
    with faults.failing("GetQueueAttributes"):
        assert cloud.invoke("redrive", {}) == answer(examined=6, moved=6, remaining=None)


def test_an_event_that_says_something_else_is_answered_and_moves_nothing(cloud: Cloud, output: Output) -> None:
    counts = cloud.invoke("redrive", {"reason": INVENTED_NAME})
    # The answer says what would be right, beside an empty report; neither answer nor log repeats the input.
    error = counts.pop("error")
    assert error.startswith("reason must, for the queue inbound, be one of not_json, ")
    assert counts == {name: count for name, count in answer(stopped="error").items() if name in counts}
    assert counts.keys() >= {"moved", "would_move", "stopped"}
    assert cloud.messages(cloud.dead_letter_queue_url) == 6
    assert INVENTED_NAME not in error + output.text()


@pytest.mark.parametrize("queue", ["inbound", "outbound"])
def test_log_lines_name_both_messages_and_hold_no_payload(cloud: Cloud, output: Output, queue: str) -> None:
    # Given errors that repeat their input, and then none
    with faults.failing("SendMessage", error=lambda: faults.refusal("X")):
        cloud.invoke("redrive", {"queue": queue})
    cloud.invoke("redrive", {"queue": queue})
    # Then each line of a move names the dead letter and the message it became, and no line holds a name
    text = output.text()
    moves = [json.loads(line) for line in text.splitlines() if '"redrive.moved"' in line]
    assert len({move["message_id"] for move in moves} | {move["redriven_from"] for move in moves}) == 2 * 6
    assert "redrive.refused" in text
    assert INVENTED_NAME not in text


@pytest.mark.parametrize("after", [False, True], ids=["before it takes effect", "after"])
@pytest.mark.parametrize(
    ("event", "operation"),
    [
        ({}, "SendMessage"),
        ({}, "DeleteMessage"),
        ({"rate": 2}, "ReceiveMessage"),
        ({"reason": "exhausted"}, "ChangeMessageVisibility"),
        ({"queue": "outbound"}, "SendMessage"),
        ({"queue": "unpublished"}, "PutEvents"),
    ],
)
@pytest.mark.usefixtures("patience")
def test_interrupted_at_any_call_nothing_is_lost(
    cloud: Cloud, event: dict[str, Any], operation: str, after: bool
) -> None:
    # Given a run that dies at some call, with no chance to tidy up
    class Killed(BaseException):
        """Not caught by `except Exception`."""

    def kill(called: str, has_taken_effect: bool) -> None:
        if is_dead:
            raise Killed
        if called == operation and has_taken_effect is after:
            calls.append(called)
            if len(calls) == 2:
                is_dead.append(True)
                raise Killed

    calls: list[str] = []
    is_dead: list[bool] = []
    before = everything()
    # When it is started
    with faults.on_call(kill), contextlib.suppress(Killed):
        cloud.invoke("redrive", event)
    # Then all messages are still on a queue, or with the bus's subscriber
    assert is_dead
    published = {json.loads(one)["detail"]["service_request_id"] for one in everything() if '"detail-type"' in one}
    lost = before - everything()
    assert all(json.loads(one)["detail"]["service_request_id"] in published for one in lost)


EXAMPLES = json.loads((Path(__file__).parents[3] / "docs/examples/redrive.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_test_event_of_the_documents_does_what_its_name_says(cloud: Cloud, name: str) -> None:
    # Given an event to copy into the Lambda console, When the function is run with it
    asked = EXAMPLES[name]
    report = cloud.invoke("redrive", asked)
    # Then it is understood, and one that only looks moves nothing
    assert "error" not in report
    assert report["dry_run"] is name.startswith("look")
    assert (report["moved"] == 0) is report["dry_run"]
    assert cloud.messages(destination_url(cloud, asked.get("queue", "inbound"))) == report["moved"]
    # And JSON can hold what it says.
    assert json.loads(json.dumps(report)) == report
