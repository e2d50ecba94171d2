"""A dead letter is read by the rules of the queue that it is in."""

import json

import pytest

from tests.support.cloud import NOW
from tests.support.webhooks import body
from vectorcare_bridge.dead_letters import dead_letter, unpublished
from vectorcare_bridge.dead_letters.dead_letter import REASONS, DeadLetterQueue
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.message import Webhook

INBOUND, OUTBOUND, UNPUBLISHED = DeadLetterQueue
WEBHOOK = body(service_request_id="VC-1").decode()
AHEAD = body(service_request_id="VC-1", event_timestamp="2026-03-01T12:15:01Z").decode()
COMMAND = json.dumps({"command": "accept", "service_request_id": "VC-2"})
NO_COMMAND = json.dumps({"service_request_id": "VC-2"})
EVENT = unpublished.write("CommandFailed", {"service_request_id": "VC-3"})["MessageBody"]


def nothing(_body: bytes) -> None:
    """Know nothing of why a webhook died."""


@pytest.mark.parametrize(
    ("source", "text", "reason", "service_request_id"),
    [
        (INBOUND, WEBHOOK, "exhausted", "VC-1"),
        (INBOUND, AHEAD, "timestamp_in_future", "VC-1"),
        (INBOUND, COMMAND, "missing_field", "VC-2"),
        (INBOUND, "x", "not_json", None),
        (OUTBOUND, COMMAND, "exhausted", "VC-2"),
        (OUTBOUND, NO_COMMAND, "unknown_command", "VC-2"),
        (OUTBOUND, EVENT, "unknown_command", None),
        (OUTBOUND, '["VC-2"]', "not_an_object", None),
        (OUTBOUND, '{"service_request_id": 2}', "unknown_command", None),
        (OUTBOUND, "x", "not_json", None),
        (UNPUBLISHED, EVENT, "not_taken", "VC-3"),
        (UNPUBLISHED, COMMAND, "unreadable", None),
    ],
)
def test_each_queue_has_its_own_rules(
    source: DeadLetterQueue, text: str, reason: str, service_request_id: str | None
) -> None:
    # Given a message in a queue, When it is asked why it is there and whose it is
    found = dead_letter.reason(source, text, {}, sent_at=NOW, recorded=nothing)
    # Then it is read as one of that queue, and its reason is one of those that may be asked for
    assert found == reason
    assert found in REASONS[source]
    assert dead_letter.service_request_id(source, text, {}) == service_request_id
    # And all can go back, except for what is no event
    assert dead_letter.can_go_back(source, text) is (reason != "unreadable")


@pytest.mark.parametrize(("recorded", "reason"), [(None, "exhausted"), ("unstorable", "unstorable")])
def test_the_journal_is_asked_by_the_bytes_that_were_signed_and_counts(recorded: str | None, reason: str) -> None:
    # Given a webhook that SQS carries as base64, and a journal that may know why it died
    raw = body(service_request_id="VC-1", action="\uffff").replace(b"\\uffff", "\uffff".encode())
    encoded = message.encode(Webhook(raw, "c2ln", NOW))
    attributes = message.values(encoded["MessageAttributes"])
    assert attributes["encoding"] == "base64"
    known = {raw: recorded}
    # When it is asked why it is there and whose it is, Then it is read as what was signed
    content = encoded["MessageBody"]
    assert dead_letter.reason(INBOUND, content, attributes, sent_at=NOW, recorded=known.__getitem__) == reason
    assert dead_letter.service_request_id(INBOUND, content, attributes) == "VC-1"


@pytest.mark.parametrize("source", [OUTBOUND, UNPUBLISHED])
def test_the_journal_is_asked_about_webhooks_only(source: DeadLetterQueue) -> None:
    assert dead_letter.reason(source, "x", {}, sent_at=NOW, recorded=lambda _: "unstorable") != "unstorable"


@pytest.mark.parametrize(
    ("received_at", "reason"),
    [("2026-03-01T12:00:00.999999Z", "timestamp_in_future"), ("2026-03-01T12:00:01.000000Z", "exhausted")],
)
def test_without_a_record_the_reason_depends_only_on_the_time_of_receipt(
    received_at: UtcTimestamp, reason: str
) -> None:
    found = dead_letter.reason(
        INBOUND,
        AHEAD,
        {"received_at": received_at},
        sent_at=UtcTimestamp("2027-01-01T00:00:00.000000Z"),
        recorded=nothing,
    )
    assert found == reason


@pytest.mark.parametrize(
    ("source", "text", "reason", "words"),
    [
        (INBOUND, AHEAD, "timestamp_in_future", "would die again for timestamp_in_future"),
        (INBOUND, WEBHOOK, "timestamp_in_future", "would apply"),
        (INBOUND, WEBHOOK, "exhausted", "would apply"),
        (INBOUND, WEBHOOK, "unstorable", "may die again: DynamoDB refused it"),
        (INBOUND, "x", "not_json", "would die again for not_json"),
        (OUTBOUND, COMMAND, "exhausted", "would be read"),
        (OUTBOUND, NO_COMMAND, "unknown_command", "would die again for unknown_command"),
        (UNPUBLISHED, EVENT, "not_taken", "would be published"),
        (UNPUBLISHED, "x", "unreadable", "would stay: it is no event"),
    ],
)
def test_the_effect_of_a_redrive_is_judged_as_of_now(
    source: DeadLetterQueue, text: str, reason: str, words: str
) -> None:
    assert dead_letter.if_redriven(source, text, {}, reason=reason, now=NOW) == words
