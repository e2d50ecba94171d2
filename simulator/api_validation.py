"""What the fields of an API call may hold: each function returns the refusal, or None (Open API 2.0, "Errors")."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from simulator.http_types import Response, error, field_error

Refusal = Response | None

MAX_LOCATIONS = 200
MAX_TEXT_LENGTH = 450
MAX_STATE_AGE_SECONDS = 7 * 24 * 3600
STATES = {"en_route", "arrived", "on_board", "arrived_at_destination", "completed", "canceled", "dry_run"}

# The year 2100 in Unix seconds: milliseconds, the usual mistake, are far beyond it.
_LATEST_SECONDS = 4_102_444_800
_LOCATION_BOUNDS: Mapping[str, tuple[float, float]] = {
    "lat": (-90, 90),
    "lng": (-180, 180),
    "alt": (-100_000, 100_000),
    "speed": (0, 100_000),
    "timestamp": (0, _LATEST_SECONDS),
}


def refuse_state(body: Any, now: float) -> Refusal:
    """Check a state update; `now` in seconds since 1970. Its time is in the last 7 days."""
    refusal = _refuse_missing(body, "name", "timestamp") or _refuse_time(body, "timestamp")
    if refusal:
        return refusal
    if body["name"] not in STATES:
        return field_error("name", "common:choice_invalid")
    age = now - parse_time(body["timestamp"]).timestamp()
    return None if 0 <= age <= MAX_STATE_AGE_SECONDS else field_error("timestamp", "api:bad_request")


def refuse_locations(body: Any, _now: float) -> Refusal:
    """Check a list of positions, 200 at most; their times are Unix seconds."""
    if not isinstance(body, list):
        return error(400, "api:bad_request")
    if len(body) > MAX_LOCATIONS:
        return error(400, "responder:too_many_locations")
    return next(filter(None, map(_refuse_location, body)), None)


def refuse_answer(body: Any, _now: float) -> Refusal:
    """Check an accept or a decline; its notes may be left out."""
    return _refuse_text(body, "response_notes")


def refuse_best_time(body: Any, _now: float) -> Refusal:
    """Check a proposal of another time."""
    return _refuse_missing(body, "proposed_agreed_dt") or _refuse_time(body, "proposed_agreed_dt")


def refuse_change_request(body: Any, _now: float) -> Refusal:
    """Check a request to change the agreed time."""
    return (
        _refuse_missing(body, "agreed_dt", "change_reason")
        or _refuse_time(body, "agreed_dt")
        or _refuse_text(body, "change_reason")
    )


REFUSALS: Mapping[str, Callable[[Any, float], Refusal]] = {
    "state": refuse_state,
    "locations": refuse_locations,
    "accept": refuse_answer,
    "decline": refuse_answer,
    "best-time": refuse_best_time,
    "change-request": refuse_change_request,
}


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time, UTC if it names no zone; ValueError if it is not one."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _refuse_missing(body: Any, *names: str) -> Refusal:
    for name in names:
        if not isinstance(body, dict) or name not in body:
            return field_error(name, "common:required")
        if body[name] is None:
            return field_error(name, "common:null")
        if body[name] == "":
            return field_error(name, "common:blank")
        if not isinstance(body[name], str):
            return field_error(name, "api:bad_request")
    return None


def _refuse_time(body: Any, name: str) -> Refusal:
    try:
        parse_time(body[name])
    except (ValueError, OverflowError):
        return field_error(name, "common:datetime_invalid_format")
    return None


def _refuse_text(body: Any, name: str) -> Refusal:
    if not isinstance(body, dict):
        return error(400, "api:bad_request")
    text = body.get(name, "")
    if not isinstance(text, str):
        return field_error(name, "common:null" if text is None else "api:bad_request")
    return field_error(name, "common:max_length") if len(text) > MAX_TEXT_LENGTH else None


def _refuse_location(location: Any) -> Refusal:
    if not isinstance(location, dict):
        return error(400, "api:bad_request")
    for name, (low, high) in _LOCATION_BOUNDS.items():
        if name not in location:
            if name == "speed":
                continue
            return field_error(name, "common:required", in_list=True)
        value = location[name]
        if value is None:
            return field_error(name, "common:null", in_list=True)
        # In Python True is 1; in JSON it is not a number.
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            return field_error(name, "api:bad_request", in_list=True)
    return None
