"""A letter is read by the rules of the queue that it is in."""

import json

import pytest

from tests.support.cloud import NOW
from tests.support.webhooks import body
from vectorcare_bridge.dead_letters import dead_letter, unpublished
from vectorcare_bridge.dead_letters.dead_letter import REASONS, DeadLetterQueue
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.message import Webhook

WEBHOOK = body(service_request_id="VC-1").decode()
AHEAD = body(service_request_id="VC-1", event_timestamp="2026-03-01T12:15:01Z").decode()
COMMAND = json.dumps({"command": "accept", "service_request_id": "VC-2"})
NO_COMMAND = json.dumps({"service_request_id": "VC-2"})
EVENT = unpublished.write("CommandFailed", {"service_request_id": "VC-3"})["MessageBody"]


def nothing(_body: bytes) -> None:
    """Have no word on why a webhook died."""


@pytest.mark.parametrize(
    ("source", "letter", "reason", "service_request_id"),
    [
        (DeadLetterQueue.INBOUND, WEBHOOK, "exhausted", "VC-1"),
        (DeadLetterQueue.INBOUND, AHEAD, "timestamp_in_future", "VC-1"),
        (DeadLetterQueue.INBOUND, COMMAND, "missing_field", "VC-2"),
        (DeadLetterQueue.INBOUND, "x", "not_json", None),
        (DeadLetterQueue.OUTBOUND, COMMAND, "exhausted", "VC-2"),
        (DeadLetterQueue.OUTBOUND, NO_COMMAND, "unknown_command", "VC-2"),
        (DeadLetterQueue.OUTBOUND, EVENT, "unknown_command", None),
        (DeadLetterQueue.OUTBOUND, '["VC-2"]', "not_an_object", None),
        (DeadLetterQueue.OUTBOUND, '{"service_request_id": 2}', "unknown_command", None),
        (DeadLetterQueue.OUTBOUND, "x", "not_json", None),
        (DeadLetterQueue.UNPUBLISHED, EVENT, "not_taken", "VC-3"),
        (DeadLetterQueue.UNPUBLISHED, COMMAND, "unreadable", None),
    ],
)
def test_each_queue_has_its_own_rules(
    source: DeadLetterQueue, letter: str, reason: str, service_request_id: str | None
) -> None:
    # Given a letter in a queue, When it is asked why it is there and whose it is
    found = dead_letter.reason(source, letter, {}, sent_at=NOW, recorded=nothing)
    # Then it is read as one of that queue, and its reason is one of those that may be asked for
    assert found == reason
    assert found in REASONS[source]
    assert dead_letter.service_request_id(source, letter, {}) == service_request_id


@pytest.mark.parametrize(
    ("source", "letter", "can_go_back"),
    [
        (DeadLetterQueue.INBOUND, "x", True),
        (DeadLetterQueue.OUTBOUND, "x", True),
        (DeadLetterQueue.UNPUBLISHED, EVENT, True),
        (DeadLetterQueue.UNPUBLISHED, "x", False),
    ],
)
def test_only_what_is_no_event_cannot_go_back(source: DeadLetterQueue, letter: str, can_go_back: bool) -> None:
    assert dead_letter.can_go_back(source, letter) is can_go_back


def test_a_webhook_is_read_from_the_bytes_that_were_signed() -> None:
    # Given a webhook that SQS carries as base64
    raw = body(service_request_id="VC-1", action="\uffff").replace(b"\\uffff", "\uffff".encode())
    encoded = message.encode(Webhook(raw, "c2ln", NOW))
    attributes = message.values(encoded["MessageAttributes"])
    assert attributes["encoding"] == "base64"
    # When it is read, Then it is the webhook that it was
    found = dead_letter.reason(
        DeadLetterQueue.INBOUND, encoded["MessageBody"], attributes, sent_at=NOW, recorded=nothing
    )
    assert found == "exhausted"
    assert dead_letter.service_request_id(DeadLetterQueue.INBOUND, encoded["MessageBody"], attributes) == "VC-1"


def test_the_reason_is_what_was_recorded_when_it_died() -> None:
    # Given a webhook that nothing is wrong with, and of which the journal says that DynamoDB refused it
    encoded = message.encode(Webhook(b"\xff", "c2ln", NOW))
    attributes = message.values(encoded["MessageAttributes"])
    asked: list[bytes] = []

    def recorded(raw: bytes) -> str:
        asked.append(raw)
        return "unstorable"

    # When it is asked why it is there
    found = dead_letter.reason(
        DeadLetterQueue.INBOUND, encoded["MessageBody"], attributes, sent_at=NOW, recorded=recorded
    )
    # Then the journal is asked by the bytes that were signed, and its word counts
    assert (found, asked) == ("unstorable", [b"\xff"])


@pytest.mark.parametrize("source", [DeadLetterQueue.OUTBOUND, DeadLetterQueue.UNPUBLISHED])
def test_the_journal_is_asked_for_webhooks_alone(source: DeadLetterQueue) -> None:
    assert dead_letter.reason(source, "x", {}, sent_at=NOW, recorded=lambda _: "unstorable") != "unstorable"


@pytest.mark.parametrize(
    ("received_at", "reason"),
    [("2026-03-01T12:00:00.999999Z", "timestamp_in_future"), ("2026-03-01T12:00:01.000000Z", "exhausted")],
)
def test_without_a_record_the_rule_judges_as_of_its_receipt_whenever_somebody_looks(
    received_at: UtcTimestamp, reason: str
) -> None:
    found = dead_letter.reason(
        DeadLetterQueue.INBOUND,
        AHEAD,
        {"received_at": received_at},
        sent_at=UtcTimestamp("2027-01-01T00:00:00.000000Z"),
        recorded=nothing,
    )
    assert found == reason


@pytest.mark.parametrize(
    ("source", "letter", "reason", "words"),
    [
        (DeadLetterQueue.INBOUND, AHEAD, "timestamp_in_future", "would die again for timestamp_in_future"),
        (DeadLetterQueue.INBOUND, WEBHOOK, "timestamp_in_future", "would apply"),
        (DeadLetterQueue.INBOUND, WEBHOOK, "exhausted", "would apply"),
        (DeadLetterQueue.INBOUND, WEBHOOK, "unstorable", "may die again: DynamoDB refused it"),
        (DeadLetterQueue.INBOUND, "x", "not_json", "would die again for not_json"),
        (DeadLetterQueue.OUTBOUND, COMMAND, "exhausted", "would be read"),
        (DeadLetterQueue.OUTBOUND, NO_COMMAND, "unknown_command", "would die again for unknown_command"),
        (DeadLetterQueue.UNPUBLISHED, EVENT, "not_taken", "would be published"),
        (DeadLetterQueue.UNPUBLISHED, "x", "unreadable", "would stay: it is no event"),
    ],
)
def test_what_a_redrive_would_do_is_said_as_of_now(
    source: DeadLetterQueue, letter: str, reason: str, words: str
) -> None:
    assert dead_letter.if_redriven(source, letter, {}, reason=reason, now=NOW) == words
