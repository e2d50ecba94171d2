"""The fields of each command, checked before a call is made; `docs/contracts/command.json` says the same.

Fields and limits: VectorCare Open API 2.0, "Requests"; the bounds of numbers are this project's.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands.command import ID, Command, Fields, Kind, Refusal, RefusedError, matches
from vectorcare_bridge.utc_timestamp import UtcTimestamp

MAX_TEXT_LENGTH = 450
MAX_LOCATIONS = 200
MAX_STATE_AGE_DAYS = 7
CLOCK_TOLERANCE_SECONDS = 60
_SECONDS_IN_A_DAY = 86_400
STATES = ("en_route", "arrived", "on_board", "arrived_at_destination", "completed", "canceled", "dry_run")

_TIME = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?"
    "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
# The year 2100 in seconds: milliseconds, the usual mistake, are far beyond it.
_LOCATION_BOUNDS: Mapping[str, Sequence[float]] = {
    "lat": (-90, 90),
    "lng": (-180, 180),
    "alt": (-100_000, 100_000),
    "speed": (0, 100_000),
    "timestamp": (0, 4_102_444_800),
}


def check(command: Command) -> None:
    """Check a command's fields, except what depends on the clock.

    Raises
    ------
    RefusedError
        VectorCare would never take them.
    """
    required, optional, check_values = _RULES[command.kind]
    if not required <= command.fields.keys():
        raise RefusedError(Refusal.MISSING_FIELD)
    if command.fields.keys() - required - optional:
        # A misspelt optional field would be ignored silently.
        raise RefusedError(Refusal.UNKNOWN_FIELD)
    check_values(command.fields)


def check_time(command: Command, *, now: UtcTimestamp) -> float:
    """Check a state's timestamp against the clock: within the last 7 days, and not in the future.

    Returns
    -------
    float
        Seconds until VectorCare would take it; 0 for nearly all. If a CAD's clock is up to a minute ahead, its states
        are delayed, and not refused.

    Raises
    ------
    RefusedError
        It is further in the future, or too far in the past: VectorCare would never take it.
    """
    if command.kind is not Kind.STATE_UPDATE:
        return 0
    seconds_ahead = utc_timestamp.seconds_between(now, utc_timestamp.parse(command.fields["timestamp"]))
    if seconds_ahead > CLOCK_TOLERANCE_SECONDS:
        raise RefusedError(Refusal.TIMESTAMP_IN_FUTURE)
    if seconds_ahead < -MAX_STATE_AGE_DAYS * _SECONDS_IN_A_DAY:
        raise RefusedError(Refusal.TIMESTAMP_TOO_OLD)
    return max(0, seconds_ahead)


def _require(fulfilled: bool, otherwise: Refusal = Refusal.BAD_FIELD) -> None:
    if not fulfilled:
        raise RefusedError(otherwise)


def _check_text(value: Any, *, shortest: int = 0) -> None:
    _require(isinstance(value, str) and len(value) >= shortest)
    _require(len(value) <= MAX_TEXT_LENGTH, Refusal.TOO_LONG)


def _check_time_text(value: Any) -> None:
    _require(matches(_TIME, value))
    try:
        utc_timestamp.parse(value)
    except ValueError:
        raise RefusedError(Refusal.BAD_FIELD) from None


def _check_number(value: Any, low: float, high: float) -> None:
    # In Python True is 1; in JSON it is not a number.
    _require(isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high)


def _check_state(fields: Fields) -> None:
    _require(isinstance(fields["name"], str))
    _require(fields["name"] in STATES, Refusal.UNKNOWN_STATE)
    _check_time_text(fields["timestamp"])


def _check_locations(fields: Fields) -> None:
    locations = fields["locations"]
    _require(isinstance(locations, list) and len(locations) > 0)
    _require(len(locations) <= MAX_LOCATIONS, Refusal.TOO_MANY_LOCATIONS)
    for location in locations:
        _check_location(location)


def _check_location(location: Any) -> None:
    _require(isinstance(location, dict))
    _require({"lat", "lng", "alt", "timestamp"} <= location.keys(), Refusal.MISSING_FIELD)
    _require(not location.keys() - _LOCATION_BOUNDS.keys(), Refusal.UNKNOWN_FIELD)
    for name, value in location.items():
        _check_number(value, *_LOCATION_BOUNDS[name])


def _check_answer(fields: Fields) -> None:
    if "response_notes" in fields:
        _check_text(fields["response_notes"])


def _check_best_time(fields: Fields) -> None:
    _check_time_text(fields["proposed_agreed_dt"])


def _check_change_request(fields: Fields) -> None:
    _check_time_text(fields["agreed_dt"])
    _check_text(fields["change_reason"], shortest=1)


def _check_create_request(fields: Fields) -> None:
    _require(matches(ID, fields["service_id"]))
    _require(isinstance(fields["request"], dict))


_RULES = {
    Kind.STATE_UPDATE: ({"name", "timestamp"}, set[str](), _check_state),
    Kind.LOCATION_UPDATE: ({"locations"}, set[str](), _check_locations),
    Kind.ACCEPT: (set[str](), {"response_notes"}, _check_answer),
    Kind.DECLINE: (set[str](), {"response_notes"}, _check_answer),
    Kind.BEST_TIME: ({"proposed_agreed_dt"}, set[str](), _check_best_time),
    Kind.CHANGE_REQUEST: ({"agreed_dt", "change_reason"}, set[str](), _check_change_request),
    Kind.CREATE_REQUEST: ({"service_id", "request"}, set[str](), _check_create_request),
}
