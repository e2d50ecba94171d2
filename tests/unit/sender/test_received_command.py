"""A record of Lambda's event becomes a message, and a command is tried for its time."""

from typing import Any

import pytest

from sender.received_command import ReceivedMessage, read_record
from tests.support.attempt import delivery
from tests.support.cloud import NOW
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands.command import Kind
from vectorcare_bridge.utc_timestamp import UtcTimestamp


@pytest.mark.parametrize(
    ("attributes", "first_id", "redriven", "sent_at"),
    [
        ({}, "m-1", "0", "2026-03-01T12:00:00.123000Z"),
        (
            {"first_message_id": "first", "redriven": "2", "first_sent_at": "2026-03-01T11:00:00.000000Z"},
            "first",
            "2",
            "2026-03-01T11:00:00.000000Z",
        ),
    ],
)
def test_a_record_is_read_with_what_a_redrive_noted(
    attributes: dict[str, str], first_id: str, redriven: str, sent_at: str
) -> None:
    # Given a record, with an attribute that is no text, as Lambda hands it over
    given: dict[str, Any] = {"other": {"binaryValue": "eA==", "dataType": "Binary"}}
    record = {
        "messageId": "m-1",
        "receiptHandle": "r-1",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1772366400123"},
        "messageAttributes": given | {name: {"stringValue": one} for name, one in attributes.items()},
    }
    # When it is read, Then the command is as old as it was at first
    assert read_record(record) == ReceivedMessage(
        message_id="m-1",
        first_id=first_id,
        redriven=redriven,
        receipt_handle="r-1",
        receives=3,
        sent_at=UtcTimestamp(sent_at),
        body="{}",
    )


@pytest.mark.parametrize("kind", Kind)
def test_a_command_expires_when_it_has_been_on_the_queue_for_its_time(kind: Kind) -> None:
    max_age = {Kind.STATE_UPDATE: 86_400, Kind.LOCATION_UPDATE: 900}.get(kind, 1800)
    # Given a command that is ten seconds old, When its time is just over, Then it is expired, and not before
    one = delivery(kind)
    assert (one.age(NOW), one.max_age) == (10, max_age)
    assert one.is_expired(utc_timestamp.later(NOW, minutes=(max_age - 10) / 60))
    assert not one.is_expired(utc_timestamp.later(NOW, minutes=(max_age - 10.001) / 60))
