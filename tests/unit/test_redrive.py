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
from vectorcare_bridge import message
from vectorcare_bridge.message import Webhook


@pytest.fixture(autouse=True)
def _no_long_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectorcare_bridge.queue.LONG_POLL_SECONDS", 0)


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
    webhook = Webhook(body=raw, signature="c2ln", received_at="2026-03-01T10:00:00.000000Z")
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
    monkeypatch.setattr("vectorcare_bridge.aws.monotonic", lambda: clock[0])
    monkeypatch.setattr("vectorcare_bridge.aws.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
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

    monkeypatch.setattr("vectorcare_bridge.aws.monotonic", lambda: clock[0])
    monkeypatch.setattr("vectorcare_bridge.aws.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
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
        (None, "must be a JSON object"),
        ({"key1": "value1"}, "unknown key 'key1'"),
        ({"limit": 0}, "limit must be a whole number"),
    ],
)
def test_an_event_that_says_something_else_is_an_error_and_moves_nothing(
    buried: Cloud, event: Any, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        buried.invoke("redrive", event)
    assert visible(buried) == 17


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
