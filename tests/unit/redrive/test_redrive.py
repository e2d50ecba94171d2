"""Dead letters come back, whatever interrupts."""

import contextlib
import json
from typing import Any

import pytest
from moto.sqs.models import sqs_backends

from tests.support import faults
from tests.support.cloud import Cloud, Context
from tests.support.webhooks import INVENTED_NAME, body
from tests.unit.conftest import Output
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.message import Webhook


@pytest.fixture(autouse=True)
def _no_long_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectorcare_bridge.edge.queue.LONG_POLL_SECONDS", 0)


@pytest.fixture
def buried(cloud: Cloud) -> Cloud:
    """Give a cloud with dead letters: 12 that only had bad luck, 3 that are no JSON, 2 without a status."""
    for number in range(12):
        bury(cloud, body(service_request_id=f"VC-{number}"))
    for number in range(3):
        bury(cloud, b"x%d" % number)
    for number in range(2):
        bury(cloud, body(service_request_id=f"VC-{number}", request_status=...))
    return cloud


def bury(cloud: Cloud, raw: bytes) -> None:
    """Put a webhook into the dead-letter queue as SQS would."""
    webhook = Webhook(body=raw, signature="c2ln", received_at=UtcTimestamp("2026-03-01T10:00:00.000000Z"))
    cloud.sqs.send_message(QueueUrl=cloud.dead_letter_queue_url, **message.encode(webhook))


def dead(cloud: Cloud) -> int:
    return cloud.messages(cloud.dead_letter_queue_url)


def visible(cloud: Cloud) -> int:
    name = "ApproximateNumberOfMessages"
    answer = cloud.sqs.get_queue_attributes(QueueUrl=cloud.dead_letter_queue_url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def report(**counts: Any) -> dict[str, Any]:
    nothing = {
        "examined": 0,
        "moved": 0,
        "skipped": 0,
        "refused": 0,
        "would_move": 0,
        "remaining": 0,
        "stopped": "empty",
    }
    return {"dry_run": False} | nothing | counts


def test_an_empty_event_moves_everything(buried: Cloud) -> None:
    assert buried.invoke("redrive", {}) == report(examined=17, moved=17)
    assert buried.messages() == 17
    assert dead(buried) == 0


def test_a_redriven_letter_keeps_its_attributes_and_counts_its_redrives(cloud: Cloud) -> None:
    # Given a dead letter
    bury(cloud, b"\xff")
    # When it is redriven
    cloud.invoke("redrive", {})
    # Then it is the message it was, redriven once
    [record] = cloud.receive()
    values = {name: value["stringValue"] for name, value in record["messageAttributes"].items()}
    assert (values["redriven"], values["encoding"], values["source"]) == ("1", "base64", "vectorcare")
    assert values["signature"]
    assert values["received_at"]


@pytest.mark.parametrize(
    "given",
    [
        {f"attribute-{number}": "x" for number in range(10)},
        {f"attribute-{number}": "x" for number in range(9)} | {"signature": "c2ln"},
        {},
    ],
    ids=["ten of somebody's own", "nine beside the signature", "none, and a body that fills the message"],
)
def test_a_dead_letter_that_sqs_would_not_take_as_it_is_comes_back_all_the_same(
    cloud: Cloud, given: dict[str, str]
) -> None:
    # Given a message that somebody put on the queue by hand, and that died
    text = "x" * (8 if given else message.MAX_BYTES)
    attributes: dict[str, Any] = {name: {"DataType": "String", "StringValue": one} for name, one in given.items()}
    cloud.sqs.send_message(QueueUrl=cloud.dead_letter_queue_url, MessageBody=text, MessageAttributes=attributes)
    # When it is redriven
    assert cloud.invoke("redrive", {})["moved"] == 1
    # Then it is what was signed, with the attributes that count and that there is room for
    [record] = cloud.receive()
    assert record["body"] == text
    assert set(record["messageAttributes"]) <= {"source", "signature", "received_at", "redriven"}
    assert ("signature" in record["messageAttributes"]) == ("signature" in given)
    size = len(record["body"]) + sum(
        len(name) + len(one["dataType"]) + len(one["stringValue"]) for name, one in record["messageAttributes"].items()
    )
    assert size <= message.MAX_BYTES


def test_nothing_to_move_is_no_error(cloud: Cloud) -> None:
    assert cloud.invoke("redrive", {}) == report()


def test_a_dry_run_counts_and_moves_nothing(buried: Cloud) -> None:
    answer = buried.invoke("redrive", {"dry_run": True, "reason": "exhausted"})
    assert answer == report(dry_run=True, examined=17, skipped=5, would_move=12, remaining=17)
    assert buried.messages() == 0
    assert visible(buried) == 17


@pytest.mark.parametrize(
    ("event", "moved"),
    [
        ({"reason": "exhausted"}, 12),
        ({"reason": "not_json"}, 3),
        ({"reason": "bad_timestamp"}, 0),
        ({"service_request_id": "VC-1"}, 2),
        ({"service_request_id": "VC-1", "reason": "missing_field"}, 1),
    ],
)
def test_a_filter_moves_what_it_names_and_releases_the_rest(buried: Cloud, event: dict[str, str], moved: int) -> None:
    answer = buried.invoke("redrive", event)
    assert answer == report(examined=17, moved=moved, skipped=17 - moved, remaining=17 - moved)
    assert buried.messages() == moved
    assert visible(buried) == 17 - moved


@pytest.mark.parametrize("limit", [1, 10, 13])
def test_a_limit_is_kept(buried: Cloud, limit: int) -> None:
    answer = buried.invoke("redrive", {"limit": limit})
    assert answer == report(examined=limit, moved=limit, remaining=17 - limit, stopped="limit")
    assert visible(buried) == 17 - limit


def test_a_rate_is_kept(buried: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a clock that moves only when somebody sleeps
    clock = [0.0]
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.monotonic", lambda: clock[0])
    monkeypatch.setattr(
        "vectorcare_bridge.edge.runtime.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds)
    )
    # When 17 letters are moved at 2 a second
    answer = buried.invoke("redrive", {"rate": 2})
    # Then it takes 8.5 seconds
    assert answer["moved"] == 17
    assert clock[0] == 8.5


def test_what_stood_still_does_not_catch_up_in_a_burst(buried: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a clock that moves when somebody sleeps, and by five seconds while the second letter is sent
    clock, sent = [0.0], []

    def stall(operation: str, after: bool) -> None:
        if operation == "SendMessage" and after:
            sent.append(clock[0])
            clock[0] += 5 if len(sent) == 2 else 0

    monkeypatch.setattr("vectorcare_bridge.edge.runtime.monotonic", lambda: clock[0])
    monkeypatch.setattr(
        "vectorcare_bridge.edge.runtime.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds)
    )
    # When the letters are moved at one a second
    with faults.on_call(stall):
        answer = buried.invoke("redrive", {"rate": 1})
    # Then no second sees more than one
    assert answer["moved"] == 17
    assert sent == [0, 1, *range(6, 21)]


def test_it_stops_before_its_own_time_out(buried: Cloud) -> None:
    answer = buried.invoke("redrive", {}, Context(remaining_ms=20_000))
    assert answer == report(remaining=17, stopped="time")


def test_a_rate_that_would_outlast_the_time_stops_at_once(buried: Cloud) -> None:
    answer = buried.invoke("redrive", {"rate": 0.001}, Context(remaining_ms=120_000))
    assert answer == report(examined=1, moved=1, remaining=16, stopped="time")


def test_a_letter_that_dies_again_is_not_moved_twice_in_one_run(cloud: Cloud) -> None:
    # Given a poison that is back among the dead as soon as it was moved
    bury(cloud, b"poison")

    def die_again(operation: str, after: bool) -> None:
        if operation == "SendMessage" and after and cloud.messages():
            died.append(True)
            assert len(died) < 5
            while cloud.messages():
                cloud.process()

    died: list[bool] = []
    with faults.on_call(die_again):
        # When it is redriven, Then the run ends and the poison is where it was
        answer = cloud.invoke("redrive", {})
    assert answer == report(examined=2, moved=1, skipped=1, remaining=1)


def test_a_letter_stays_where_it_is_while_the_queue_refuses(buried: Cloud) -> None:
    with faults.failing("SendMessage"):
        answer = buried.invoke("redrive", {})
    assert answer == report(examined=10, refused=10, remaining=17, stopped="refused")
    assert visible(buried) == 17


@pytest.mark.parametrize("after", [False, True], ids=["before it takes effect", "after"])
@pytest.mark.parametrize("operation", ["SendMessage", "DeleteMessage", "ReceiveMessage", "ChangeMessageVisibility"])
@pytest.mark.parametrize("nth", [1, 4])
def test_interrupted_at_any_call_nothing_is_lost(buried: Cloud, operation: str, nth: int, after: bool) -> None:
    # Given a run that dies at some call, with no chance to tidy up
    class Killed(BaseException):
        """What no `except Exception` holds up."""

    def kill(called: str, has_taken_effect: bool) -> None:
        if dead_already:
            raise Killed
        if called == operation and has_taken_effect is after:
            calls.append(called)
            if len(calls) == nth:
                dead_already.append(True)
                raise Killed

    calls: list[str] = []
    dead_already: list[bool] = []
    # When it is started
    with faults.on_call(kill), contextlib.suppress(Killed):
        buried.invoke("redrive", {"reason": "exhausted"})
    # Then all seventeen are still on one of the queues
    assert len(everything()) == 17


def everything() -> set[str]:
    """Read both queues from moto's own books, hidden messages included."""
    queues = sqs_backends["123456789012"]["us-east-1"].queues.values()
    return {letter.body for queue in queues for letter in queue._messages}


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        (None, "the event must be a JSON object; {} redrives all webhooks"),
        ({"service_request_id": "VC-1", INVENTED_NAME: True}, "there is an unknown key; known are queue, "),
        ({"reason": INVENTED_NAME}, "reason must, for the queue inbound, be one of not_json, "),
        ({"queue": INVENTED_NAME}, "queue must be one of inbound, outbound, unpublished"),
        ({"limit": INVENTED_NAME}, "limit must be a whole number"),
        ({"limit": 0}, "limit must be a whole number"),
        ({"service_request_id": ""}, "service_request_id is empty"),
        ({"service_request_id": " \n"}, "service_request_id is empty"),
        ({"reason": ""}, "reason is empty"),
        ({"queue": ""}, "queue is empty"),
    ],
)
def test_an_event_that_says_something_else_is_answered_and_moves_nothing(
    buried: Cloud, output: Output, event: Any, complaint: str
) -> None:
    # Given such an event, When it comes
    answer = buried.invoke("redrive", event)
    # Then the answer says what would be one beside a report of nothing; nobody repeats what was typed
    error = answer.pop("error")
    assert error.startswith(complaint)
    assert answer == {name: count for name, count in report(stopped="error").items() if name in answer}
    assert answer.keys() >= {"moved", "would_move", "stopped"}
    assert visible(buried) == 17
    assert INVENTED_NAME not in error + output.text()


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        ("GetQueueAttributes", {"examined": 17, "moved": 17, "remaining": None}),
        ("ReceiveMessage", {"examined": 10, "moved": 10, "remaining": 7, "stopped": "unanswered"}),
    ],
)
def test_what_was_moved_is_reported_whatever_fails_at_the_end(
    buried: Cloud, output: Output, failing: str, expected: dict[str, Any]
) -> None:
    # Given a dead-letter queue that answers no more once ten messages were deleted
    deleted: list[str] = []

    def decide(operation: str, after: bool) -> Exception | None:
        deleted.extend(["one"] if operation == "DeleteMessage" and after else [])
        return faults.unreachable() if operation == failing and len(deleted) >= 10 else None

    # When all are asked for, Then the answer and the metric say what was done
    with faults.on_call(decide):
        answer = buried.invoke("redrive", {})
    assert answer == report(**expected)
    assert f'"Redriven":[{expected["moved"]}' in output.text().replace(" ", "").replace(".0", "")


def test_what_the_redrive_says_holds_no_payload_and_joins_letter_and_message(buried: Cloud, output: Output) -> None:
    # Given a dead letter that can be read, and errors that repeat their input
    with faults.failing("SendMessage", error=lambda: faults.refusal("X")):
        buried.invoke("redrive", {})
    # When all letters are moved
    buried.invoke("redrive", {})
    # Then each line of a move names the letter and the message it became, and no line holds a name
    text = output.text()
    moves = [json.loads(line) for line in text.splitlines() if '"redrive.moved"' in line]
    assert len({move["message_id"] for move in moves} | {move["redriven_from"] for move in moves}) == 2 * 17
    assert INVENTED_NAME not in text
