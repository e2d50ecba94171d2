"""A dead webhook has one reason: in the log, the metric, the journal and every tool, at any time."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

import pytest

from redrive import send_back
from tests.support import faults
from tests.support.cloud import NOW, Cloud
from tests.support.webhooks import body
from tests.unit.conftest import Output
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.dead_letters import dead_letter
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue
from vectorcare_bridge.webhooks import envelope, message
from vectorcare_bridge.webhooks.journal import Journal, recorded_reason
from vectorcare_bridge.webhooks.message import Webhook
from verification.simulation.models.dynamodb import DynamoDB, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AHEAD = body(event_timestamp="2026-03-01T13:00:00Z")


@pytest.fixture(autouse=True)
def _no_long_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectorcare_bridge.edge.queue.LONG_POLL_SECONDS", 0)
    # Retries come without a wait.
    monkeypatch.setattr("vectorcare_bridge.webhooks.failure.backoff_seconds", lambda *_: 0)


def die(cloud: Cloud) -> None:
    """Have all that is on the queue received until it is dead."""
    for _ in range(32):
        if not cloud.messages():
            return
        cloud.process()
    raise AssertionError("the message is still on the queue")


def would_move(cloud: Cloud, reason: str) -> int:
    """Ask a redrive how many are dead for a reason."""
    return int(cloud.invoke("redrive", {"reason": reason, "dry_run": True})["would_move"])


def reason_and_effect(cloud: Cloud) -> tuple[str, str]:
    """Say of the one dead letter why it is there, and what a redrive would do, as the operator's command does."""
    [found] = cloud.sqs.receive_message(
        QueueUrl=cloud.dead_letter_queue_url,
        MessageAttributeNames=["All"],
        AttributeNames=["All"],
        VisibilityTimeout=0,
    )["Messages"]
    values = message.values(found.get("MessageAttributes", {}))
    reason = dead_letter.reason(
        DeadLetterQueue.INBOUND,
        found["Body"],
        values,
        sent_at=send_back.sent_at(found),
        recorded=lambda raw: recorded_reason(cloud.dynamodb, "events", raw),
    )
    from vectorcare_bridge.edge import runtime  # noqa: PLC0415 whose clock a test may move

    return reason, dead_letter.if_redriven(
        DeadLetterQueue.INBOUND, found["Body"], values, reason=reason, now=runtime.now()
    )


def logged(output: Output) -> tuple[str | None, list[str]]:
    """Read the reason of the last attempt from the log, and those that the metric counted."""
    lines = [json.loads(line) for line in output.text().splitlines() if line.startswith("{")]
    last = [line.get("reason") for line in lines if line.get("message") == "processing.failed"][-1]
    return last, [line["reason"] for line in lines if "Failed" in line]


def test_a_dead_event_from_the_future_keeps_its_reason_when_its_time_has_come(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a webhook that died as it is dated an hour ahead
    cloud.post(AHEAD)
    die(cloud)
    assert reason_and_effect(cloud) == ("timestamp_in_future", "would die again for timestamp_in_future")
    # When two hours have passed
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: utc_timestamp.later(NOW, minutes=120))
    # Then it is found by its reason, and only by that, and a redrive would apply it
    assert reason_and_effect(cloud) == ("timestamp_in_future", "would apply")
    assert (would_move(cloud, "timestamp_in_future"), would_move(cloud, "exhausted")) == (1, 0)
    assert cloud.invoke("redrive", {"reason": "timestamp_in_future"})["moved"] == 1
    cloud.process()
    assert cloud.state() is not None


def by_hand(raw: bytes, **attributes: str) -> Callable[[Cloud], object]:
    given: dict[str, Any] = {name: {"DataType": "String", "StringValue": one} for name, one in attributes.items()}
    return lambda cloud: cloud.sqs.send_message(
        QueueUrl=cloud.queue_url, MessageBody=raw.decode(), MessageAttributes=given
    )


def posted(raw: bytes) -> Callable[[Cloud], object]:
    return lambda cloud: cloud.post(raw)


def refused() -> Exception:
    return faults.refusal("ValidationException")


NO_JOURNAL = {"PutItem": faults.unreachable}
AGAIN = "would die again for"
# How each is put on the queue, what fails, the reason, what a redrive would do, and whether the journal says why.
CASES: dict[str, tuple[Callable[[Cloud], object], dict[str, Callable[[], Exception]], str, str, bool]] = {
    "no JSON, no journal": (posted(b"x"), NO_JOURNAL, "not_json", f"{AGAIN} not_json", False),
    "ahead, no journal": (posted(AHEAD), NO_JOURNAL, "timestamp_in_future", f"{AGAIN} timestamp_in_future", False),
    "right, no journal": (posted(body()), NO_JOURNAL, "exhausted", "would apply", False),
    "refused": (posted(body()), {"UpdateItem": refused}, "unstorable", "may die again: DynamoDB refused it", True),
    "too large": (by_hand(body(blank=" " * 410_000)), {}, "unstorable", f"{AGAIN} unstorable", False),
    "no JSON, too large": (by_hand(b"x" * 410_000), {}, "not_json", f"{AGAIN} not_json", False),
    "large signature": (by_hand(b"x", signature="x" * 500_000), {}, "not_json", f"{AGAIN} not_json", True),
}


@pytest.mark.parametrize("case", CASES)
def test_log_metric_tools_and_journal_name_the_same_reason(cloud: Cloud, output: Output, case: str) -> None:
    put, failing, reason, words, is_journaled = CASES[case]
    # Given a webhook that dies, while a table fails, perhaps
    put(cloud)
    with ExitStack() as stack:
        for operation, error in failing.items():
            stack.enter_context(faults.failing(operation, error=error))
        die(cloud)
    # When somebody asks why, Then log, metric, tools and journal say the same
    assert logged(output) == (reason, [reason])
    assert reason_and_effect(cloud) == (reason, words)
    assert would_move(cloud, reason) == 1
    entries = [entry for entry in cloud.journal() if entry["service_request_id"] == "unreadable"]
    assert [entry["reason"] for entry in entries] == ([reason] if is_journaled else [])


def test_a_webhook_refused_by_dynamodb_is_given_up_only_after_the_record(cloud: Cloud) -> None:
    # Given a state's table that refuses a webhook permanently, and a journal that then fails
    cloud.post(body())
    # When it is received twice, Then it is given up the second time alone
    with faults.failing("UpdateItem", error=refused), faults.failing("PutItem", numbers={2}):
        for given_up in (0, 1):
            cloud.process()
            unreadable = [entry for entry in cloud.journal() if entry["service_request_id"] == "unreadable"]
            assert len(unreadable) == given_up


def test_the_largest_event_that_may_come_fits_its_entry_in_the_journal() -> None:
    # Given events as large as the rule allows, with the longest names and signatures, two of them of one name
    names = {"service_request_id": "V" * 2048, "event_id": "e" * (1024 - 65)}
    room = envelope._MAX_BODY_BYTES - len(body(**names, blank=""))
    table = Table(keys=("service_request_id", "event_id"))
    journal = Journal(cast("DynamoDBClient", DynamoDB({"events": table})), "events", retention_days=3650)
    # When they are entered, Then DynamoDB takes them
    for character in "xy":
        raw = body(**names, blank=character * room)
        journal.append(envelope.read(raw), Webhook(raw, "s" * message.MAX_SIGNATURE_BYTES, NOW))
    assert len(table.items) == 2
