"""The journal takes each event once, keeps all bytes, and reads what takes part in the fold."""

from dataclasses import replace
from unittest import mock

import pytest
from botocore.exceptions import ClientError

from tests.support import faults
from tests.support.cloud import Cloud
from tests.support.webhooks import body
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import envelope
from vectorcare_bridge.webhooks.failure import FailureReason, PermanentError
from vectorcare_bridge.webhooks.fold import Received
from vectorcare_bridge.webhooks.journal import Journal, JournalEntry, recorded_reason
from vectorcare_bridge.webhooks.message import Webhook

RECEIVED_AT, RECEIVED_AGAIN_AT = (
    UtcTimestamp("2026-03-01T11:00:00.000000Z"),
    UtcTimestamp("2026-03-01T11:30:00.000000Z"),
)
EVENT_ID = "0198a000000000000000000000000001"


@pytest.fixture
def journal(cloud: Cloud) -> Journal:
    return Journal(cloud.dynamodb, "events", retention_days=30)


def webhook(raw: bytes, *, received_at: UtcTimestamp = RECEIVED_AT) -> Webhook:
    return Webhook(body=raw, signature="c2ln", received_at=received_at)


def stored(raw: bytes, event_id: str, received_at: UtcTimestamp = RECEIVED_AT, **more: str) -> dict[str, object]:
    """Write what the journal's item of a webhook holds, and nothing else."""
    return {
        "service_request_id": "VC-TEST0001",
        "event_id": event_id,
        "received_at": received_at,
        "body": raw,
        "signature": "c2ln",
        "expires_at": utc_timestamp.epoch_seconds(utc_timestamp.later(received_at, days=30)),
        **more,
    }


def test_an_event_is_written_once_and_later_deliveries_get_the_first_entry(cloud: Cloud, journal: Journal) -> None:
    # Given a webhook that the journal does not have, When it is delivered twice
    raw = body()
    event = envelope.read(raw)
    first = journal.append(event, webhook(raw))
    again = journal.append(event, webhook(raw, received_at=RECEIVED_AGAIN_AT))
    # Then the first delivery counts, and is stored as it came
    assert first == JournalEntry(event, RECEIVED_AT, is_new=True)
    assert again == JournalEntry(event, RECEIVED_AT)
    assert cloud.journal() == [stored(raw, EVENT_ID, last_updated="2026-03-01T10:00:00.000000Z")]


@pytest.mark.parametrize(
    ("time", "is_restamped"), [("2026-03-01T10:08:00.000000Z", True), ("2026-03-01T10:00:00.000000Z", False)]
)
def test_other_bytes_under_a_known_id_are_kept_beside_and_count_for_nothing(
    cloud: Cloud, journal: Journal, time: str, is_restamped: bool
) -> None:
    # Given a webhook in the journal
    first, second = body(), body(event_timestamp=time, action="OTHER")
    journal.append(envelope.read(first), webhook(first))
    # When its id comes again with other bytes, and perhaps another time
    entry = journal.append(envelope.read(second), webhook(second, received_at=RECEIVED_AGAIN_AT))
    # Then the first one goes on
    assert entry == JournalEntry(envelope.read(first), RECEIVED_AT, has_other_bytes=True, is_restamped=is_restamped)
    # And the second is kept whole, under a name of its own
    name = f"{EVENT_ID}#{envelope.digest(second)}"
    [beside] = [item for item in cloud.journal() if "redelivery_of" in item]
    assert beside == stored(second, name, RECEIVED_AGAIN_AT, redelivery_of=EVENT_ID, last_updated=time)


def test_the_time_in_the_journal_counts_whatever_its_bytes_say_today(cloud: Cloud, journal: Journal) -> None:
    # Given an entry whose bytes once were read as another time
    raw = body()
    as_read_then = replace(envelope.read(raw), last_updated=UtcTimestamp("2026-03-01T09:00:00.000000Z"))
    journal.append(as_read_then, webhook(raw))
    # When it is delivered again, Then the entry's time counts
    entry = journal.append(envelope.read(raw), webhook(raw))
    assert entry == JournalEntry(as_read_then, RECEIVED_AT, is_restamped=True)
    assert len(cloud.journal()) == 1


def test_an_unreadable_webhook_is_written_once_under_its_digest(cloud: Cloud, journal: Journal) -> None:
    # Given bytes that are no event, When they are delivered twice
    for received_at in (RECEIVED_AT, RECEIVED_AGAIN_AT):
        journal.append_unreadable(webhook(b"x", received_at=received_at), FailureReason.NOT_JSON)
    # Then the first delivery counts, and its reason is known
    assert recorded_reason(cloud.dynamodb, "events", b"x") == "not_json"
    assert recorded_reason(cloud.dynamodb, "events", b"y") is None
    expected = stored(b"x", envelope.digest(b"x"), reason="not_json") | {"service_request_id": "unreadable"}
    assert cloud.journal() == [expected]


def test_the_journal_reads_what_takes_part_in_the_fold(journal: Journal) -> None:
    # Given two entries, and between them a redelivery with other bytes, one that no rule of today reads, and another's
    raw, other, elsewhere = body(event_id="a"), body(event_id="a", action="X"), body(service_request_id="VC-OTHER")
    last = body(event_id="c")
    for each in (raw, other, elsewhere, last):
        journal.append(envelope.read(each), webhook(each))
    journal.append(replace(envelope.read(raw), event_id="b"), webhook(b"not json"))
    # Then the two alone are read, as first seen
    assert list(journal.entries("VC-TEST0001")) == [Received(envelope.read(one), RECEIVED_AT) for one in (raw, last)]


def test_what_decides_on_a_state_or_a_redrive_is_read_strongly_consistent(cloud: Cloud, journal: Journal) -> None:
    # When it is read for the fold, and for the reason of a dead letter
    with (
        mock.patch.object(cloud.dynamodb, "query", wraps=cloud.dynamodb.query) as query,
        mock.patch.object(cloud.dynamodb, "get_item", wraps=cloud.dynamodb.get_item) as get_item,
    ):
        list(journal.entries("VC-TEST0001"))
        recorded_reason(cloud.dynamodb, "events", b"x")
    # Then both see all that has been written
    assert [read.call_args.kwargs["ConsistentRead"] for read in (query, get_item)] == [True, True]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", ClientError),
        ("ResourceNotFoundException", ClientError),
        ("ValidationException", PermanentError),
    ],
)
def test_only_what_dynamodb_finds_invalid_is_refused_permanently(
    journal: Journal, code: str, error: type[Exception]
) -> None:
    with (
        faults.failing("PutItem", error=lambda: faults.refusal(code)),
        pytest.raises(error, match="(?i)unstor|" + code),
    ):
        journal.append(envelope.read(body()), webhook(body()))
