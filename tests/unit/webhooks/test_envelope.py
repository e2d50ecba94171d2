"""Which bytes are an event, and why the others are not."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.support.webhooks import INVENTED_NAME, body
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import envelope
from vectorcare_bridge.webhooks.envelope import Event
from vectorcare_bridge.webhooks.failure import FailureReason, PermanentError

NOW = UtcTimestamp("2026-03-01T10:00:00.000000Z")


def reason_of(raw: bytes) -> FailureReason:
    with pytest.raises(PermanentError) as refused:
        envelope.read(raw)
    assert INVENTED_NAME not in str(refused.value)
    assert refused.value.__cause__ is None
    return refused.value.reason


def test_an_event_is_its_envelope_and_its_whole_data() -> None:
    # Given a webhook with unknown fields
    raw = body(data={"patient_weight_kg": 81.25, "new": [{"deep": None}], "big": 10**37}, new_field=1)
    # When it is read
    event = envelope.read(raw)
    # Then data is whole, its numbers exact
    assert event == Event(
        service_request_id="VC-TEST0001",
        event_id="0198a000000000000000000000000001",
        last_updated=UtcTimestamp("2026-03-01T10:00:00.000000Z"),
        request_status="AVAILABLE",
        action="BROADCAST_RECEIVED",
        data={"patient_weight_kg": Decimal("81.25"), "new": [{"deep": None}], "big": Decimal(10**37)},
    )


ELEVEN = {"last_updated": "2026-03-01T11:00:00.000000Z"}
TWELVE_IN_BERLIN = "2026-03-01T12:00:00+01:00"


@pytest.mark.parametrize(
    ("raw", "changes"),
    [
        (body(action="TELEPORTED", request_status="PAUSED"), {"action": "TELEPORTED", "request_status": "PAUSED"}),
        (body(event_type="x"), {}),
        (body(event="x"), {}),
        (body(action=...), {"action": None}),
        (body(data=None), {"data": None}),
        (body(data=...), {"data": None}),
        (b"\xef\xbb\xbf" + body(), {}),
        (body().replace(b'"action"', b'"request_status": "ASSIGNED", "action"'), {"request_status": "ASSIGNED"}),
        (body(event_timestamp=None, last_updated=TWELVE_IN_BERLIN), ELEVEN),
        (body(event_timestamp=..., last_updated=TWELVE_IN_BERLIN), ELEVEN),
    ],
    ids=[
        *("unknown action and status", "a field of version 1", "another field of version 1", "no action", "null data"),
        *("no data", "byte order mark", "a key twice", "null event_timestamp", "no event_timestamp"),
    ],
)
def test_a_readable_webhook_may_differ_from_the_documented_one(raw: bytes, changes: dict[str, Any]) -> None:
    assert envelope.read(raw) == replace(envelope.read(body()), **changes)


@pytest.mark.parametrize("event_id", [None, ..., "", 7])
def test_an_absent_event_id_is_replaced_by_a_digest_of_the_body(event_id: Any) -> None:
    raw = body(event_id=event_id)
    assert envelope.read(raw).event_id == envelope.digest(raw)


def nested(lists: int, leaf: str = "") -> Any:
    return json.loads("[" * lists + leaf + "]" * lists)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"x", FailureReason.NOT_JSON),
        (b"", FailureReason.NOT_JSON),
        (b"\xff", FailureReason.NOT_JSON),
        (body().decode().encode("utf-16"), FailureReason.NOT_JSON),
        (body() + b"x", FailureReason.NOT_JSON),
        (body(data={"a": float("-inf")}), FailureReason.NOT_JSON),
        (b"[]", FailureReason.NOT_AN_OBJECT),
        (b'{"event_type": "x", "event": {}}', FailureReason.UNSUPPORTED_VERSION),
        (b'{"event": {"service_request_id": "VC-1"}}', FailureReason.UNSUPPORTED_VERSION),
        (b'{"event_type": "x", "service_request_id": "VC-1"}', FailureReason.UNSUPPORTED_VERSION),
        (b"{}", FailureReason.MISSING_FIELD),
        (body(service_request_id=...), FailureReason.MISSING_FIELD),
        (body(service_request_id=""), FailureReason.MISSING_FIELD),
        (body(service_request_id=5), FailureReason.MISSING_FIELD),
        (body(request_status=None), FailureReason.MISSING_FIELD),
        (body(event_timestamp=...), FailureReason.MISSING_FIELD),
        (body(event_timestamp="soon"), FailureReason.BAD_TIMESTAMP),
        (body(event_timestamp=1772359200), FailureReason.BAD_TIMESTAMP),
        (body(event_timestamp=..., last_updated=True), FailureReason.BAD_TIMESTAMP),
        (body(service_request_id="\ud800"), FailureReason.UNSTORABLE),
        (body(service_request_id="unreadable"), FailureReason.UNSTORABLE),
        (body(action="\udfff"), FailureReason.UNSTORABLE),
        (body(data={"a": "\ud83d"}), FailureReason.UNSTORABLE),
        (body(data={"\ud83d": 1}), FailureReason.UNSTORABLE),
        (body(data={"a": [{"": 1}]}), FailureReason.UNSTORABLE),
        (body(data=nested(32, "0")), FailureReason.UNSTORABLE),
        (b"[" * 100_000, FailureReason.UNSTORABLE),
        (b'{"a":' * 100_000, FailureReason.UNSTORABLE),
        (body(data="N").replace(b'"N"', b"9" * 400), FailureReason.UNSTORABLE),
        (body(data="N").replace(b'"N"', b"9" * 5000), FailureReason.UNSTORABLE),
        (body(data="N").replace(b'"N"', b"1e126"), FailureReason.UNSTORABLE),
        (body(data="N").replace(b'"N"', b"1e99999999999999999999"), FailureReason.UNSTORABLE),
        (body(data=[0] * 80_000), FailureReason.UNSTORABLE),
    ],
)
def test_unreadable_bytes_have_a_reason_from_the_closed_list(raw: bytes, reason: FailureReason) -> None:
    assert reason_of(raw) is reason


@pytest.mark.parametrize(
    ("field", "limit"),
    [
        ("service_request_id", 2048),
        # The journal keeps other bytes under a known id beside it, under the id, `#` and a digest: 1024 bytes at most.
        ("event_id", 1024 - 65),
        ("request_status", 1024),
        ("action", 1024),
        ("data", 392 * 1024),
    ],
)
def test_a_field_may_be_as_long_as_its_place_in_the_tables(field: str, limit: int) -> None:
    assert getattr(envelope.read(body(**{field: "x" * limit})), field) == "x" * limit
    assert reason_of(body(**{field: "x" * (limit + 1)})) is FailureReason.UNSTORABLE


def test_a_body_may_be_as_long_as_a_journal_item_has_room_for_it() -> None:
    padded = body().ljust(envelope._MAX_BODY_BYTES)
    assert envelope.read(padded) == envelope.read(body())
    assert reason_of(padded + b" ") is FailureReason.UNSTORABLE


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        (b"0e400", "0"),
        (b"-0.0", "0"),
        (b"1" + b"0" * 60, "1E+60"),
        (b"1200", "1200"),
        (b"9" * 38, "9" * 38),
        (b"9.9e125", "9.9E+125"),
        (b"1e-130", "1E-130"),
        (b"0." + b"0" * 50 + b"5", "5E-51"),
    ],
)
def test_numbers_that_dynamodb_holds_are_kept_exactly(literal: bytes, expected: str) -> None:
    raw = body(data={"n": "N"}).replace(b'"N"', literal)
    assert envelope.read(raw).data == {"n": Decimal(expected)}


def test_an_event_from_the_future_is_refused_beyond_fifteen_minutes() -> None:
    # Given one event just within the tolerance and one just beyond it
    within = envelope.read(body(event_timestamp="2026-03-01T10:15:00Z"))
    beyond = envelope.read(body(event_timestamp="2026-03-01T10:15:00.000001Z"))
    # When they are checked, Then only the second is refused
    envelope.refuse_future(within, now=NOW)
    with pytest.raises(PermanentError, match="timestamp_in_future"):
        envelope.refuse_future(beyond, now=NOW)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(body(event_timestamp="soon"), "VC-TEST0001"), (b"x", None), (b"[]", None), (b'{"service_request_id": 1}', None)],
)
def test_an_unreadable_webhook_may_still_name_its_service_request(raw: bytes, expected: str | None) -> None:
    assert envelope.service_request_id(raw) == expected
