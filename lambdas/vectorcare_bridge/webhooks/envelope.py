"""Read a webhook's bytes as an event. Only the envelope is validated; `data` is kept whole."""

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import dynamodb_limits
from vectorcare_bridge.webhooks.failure import FailureReason, PermanentError

UNREADABLE = "unreadable"
"""The journal keeps unreadable webhooks under this name in place of a service request's id."""

FUTURE_TOLERANCE_MINUTES = 15

_DIGEST_SUFFIX_BYTES = 65
# Besides a webhook's bytes, the journal's item holds keys, times and names, 4.2 KiB at most, and the signature.
_MAX_BODY_BYTES = dynamodb_limits.MAX_ITEM_BYTES - 7680
_MAX_ATTRIBUTE_BYTES = 1024
# The rest of the largest item: keys, status, action and times.
_MAX_DATA_BYTES = dynamodb_limits.MAX_ITEM_BYTES - 8 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One webhook, read."""

    service_request_id: str
    event_id: str  # the body's digest if VectorCare names none
    last_updated: UtcTimestamp  # when VectorCare says the event happened
    request_status: str
    action: str | None  # what triggered the webhook; VectorCare may add actions
    data: Any  # the whole request, numbers as Decimal

    @property
    def carries_data(self) -> bool:
        """Whether `data` holds anything. Data that holds nothing erases nothing."""
        # In Python False equals 0.
        return self.data != 0 and not _is_blank(self.data)


def digest(body: bytes) -> str:
    """SHA-256 of a webhook's bytes in hex, for webhooks without an id."""
    return hashlib.sha256(body).hexdigest()


def read(body: bytes) -> Event:
    """Read a webhook.

    Unknown actions, statuses and fields are accepted: VectorCare adds some every month.

    Raises
    ------
    PermanentError
        With the reason why it cannot be read or stored.

    Notes
    -----
    Fields: VectorCare Open API 2.0, "Webhooks > Overview". Version 1 (retired 2026-08-12) had `event_type` and
    `event` in place of `request_status`.
    """
    envelope = _parse(body)
    if not isinstance(envelope, dict):
        raise PermanentError(FailureReason.NOT_AN_OBJECT)
    if "request_status" not in envelope and ("event_type" in envelope or "event" in envelope):
        raise PermanentError(FailureReason.UNSUPPORTED_VERSION)
    if len(body) > _MAX_BODY_BYTES:
        raise PermanentError(FailureReason.UNSTORABLE)
    return Event(
        service_request_id=_service_request_id(envelope),
        event_id=_event_id(envelope, body),
        last_updated=_time(envelope),
        request_status=dynamodb_limits.text(_required(envelope, "request_status"), max_bytes=_MAX_ATTRIBUTE_BYTES),
        action=_action(envelope),
        data=dynamodb_limits.document(envelope.get("data"), max_bytes=_MAX_DATA_BYTES),
    )


def refuse_future(event: Event, *, now: UtcTimestamp) -> None:
    """Refuse an event from the future: it would outrank all events until its time has come.

    Raises
    ------
    PermanentError
        `timestamp_in_future`: it is dated more than 15 minutes after `now`. A later redrive applies it.
    """
    if event.last_updated > utc_timestamp.later(now, minutes=FUTURE_TOLERANCE_MINUTES):
        raise PermanentError(FailureReason.TIMESTAMP_IN_FUTURE)


def reason_for_death(body: bytes, *, now: UtcTimestamp) -> FailureReason:
    """Return why a webhook becomes a dead letter at a given time."""
    try:
        refuse_future(read(body), now=now)
    except PermanentError as error:
        return error.reason
    return FailureReason.EXHAUSTED


def service_request_id(body: bytes) -> str | None:
    """Read only the service request's id, even from a webhook that is unreadable otherwise; None if it has none."""
    try:
        envelope = _parse(body)
    except PermanentError:
        return None
    value = envelope.get("service_request_id") if isinstance(envelope, dict) else None
    return value if isinstance(value, str) else None


def _is_blank(value: Any) -> bool:
    """Whether a value is null, blank text, or a container of nothing else, at any depth."""
    if isinstance(value, dict):
        return all(map(_is_blank, value.values()))
    if isinstance(value, list):
        return all(map(_is_blank, value))
    return value is None or (isinstance(value, str) and not value.strip())


def _parse(body: bytes) -> Any:
    try:
        # Decoded here, as json.loads would also guess at UTF-16 and UTF-32. A byte order mark is harmless.
        return json.loads(
            body.decode("utf-8-sig"), parse_int=_decimal, parse_float=_decimal, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise PermanentError(FailureReason.UNSTORABLE) from None
    except ValueError:
        raise PermanentError(FailureReason.NOT_JSON) from None


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except ArithmeticError:
        raise PermanentError(FailureReason.UNSTORABLE) from None


def _refuse_constant(_name: str) -> NoReturn:
    raise PermanentError(FailureReason.NOT_JSON)


def _required(envelope: dict[str, Any], field: str) -> str:
    value = envelope.get(field)
    if not isinstance(value, str) or not value:
        raise PermanentError(FailureReason.MISSING_FIELD)
    return value


def _service_request_id(envelope: dict[str, Any]) -> str:
    value = dynamodb_limits.text(
        _required(envelope, "service_request_id"), max_bytes=dynamodb_limits.MAX_PARTITION_KEY_BYTES
    )
    if value == UNREADABLE:
        raise PermanentError(FailureReason.UNSTORABLE)
    return value


def _event_id(envelope: dict[str, Any], body: bytes) -> str:
    value = envelope.get("event_id")
    if not isinstance(value, str) or not value:
        return digest(body)
    return dynamodb_limits.text(value, max_bytes=dynamodb_limits.MAX_SORT_KEY_BYTES - _DIGEST_SUFFIX_BYTES)


def _time(envelope: dict[str, Any]) -> UtcTimestamp:
    value = envelope.get("event_timestamp")
    if value is None:
        value = envelope.get("last_updated")
    if value is None:
        raise PermanentError(FailureReason.MISSING_FIELD)
    if not isinstance(value, str):
        raise PermanentError(FailureReason.BAD_TIMESTAMP)
    try:
        return utc_timestamp.parse(value)
    except ValueError:
        raise PermanentError(FailureReason.BAD_TIMESTAMP) from None


def _action(envelope: dict[str, Any]) -> str | None:
    value = envelope.get("action")
    return dynamodb_limits.text(value, max_bytes=_MAX_ATTRIBUTE_BYTES) if isinstance(value, str) else None
