"""A message of the outbound queue as a command to VectorCare, or the reason why it is none.

`docs/contracts/command.json` says the same to those who write commands. Fields and limits: VectorCare Open API 2.0,
"Requests"; the bounds of numbers are this project's.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn, TypeAlias

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks.failure import FailureReason

MAX_STATE_AGE_DAYS = 7
CLOCK_TOLERANCE_SECONDS = 60

Fields: TypeAlias = Mapping[str, Any]

ID = re.compile("[A-Za-z0-9_-]{1,100}")
_COMMAND_ID = re.compile("[A-Za-z0-9._:-]{1,128}")


class Kind(StrEnum):
    """What VectorCare can be told."""

    STATE_UPDATE = "state_update"
    LOCATION_UPDATE = "location_update"
    ACCEPT = "accept"
    DECLINE = "decline"
    BEST_TIME = "best_time"
    CHANGE_REQUEST = "change_request"
    CREATE_REQUEST = "create_request"


_MINUTE, _HOUR = 60, 3600
MAX_AGE_SECONDS = {
    Kind.STATE_UPDATE: 24 * _HOUR,
    Kind.LOCATION_UPDATE: 15 * _MINUTE,
    Kind.ACCEPT: 30 * _MINUTE,
    Kind.DECLINE: 30 * _MINUTE,
    Kind.BEST_TIME: 30 * _MINUTE,
    Kind.CHANGE_REQUEST: 30 * _MINUTE,
    # A person waits for it too, and by then makes it by hand: late, it would be the second one.
    Kind.CREATE_REQUEST: 30 * _MINUTE,
}
"""How long a command is tried, from its arrival on the queue: a late one is worse than none."""

REPEATABLE = frozenset({Kind.STATE_UPDATE, Kind.LOCATION_UPDATE, Kind.ACCEPT, Kind.DECLINE})
"""What is sent again when nobody knows whether VectorCare has it: a repetition is harmless, a loss is not."""


class Unreadable(StrEnum):
    """Why a message cannot be read, and dies: nobody can be told of a command that has no name."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_COMMAND = "unknown_command"
    BAD_SERVICE_REQUEST_ID = "bad_service_request_id"
    BAD_COMMAND_ID = "bad_command_id"


class Refusal(StrEnum):
    """Why a command is refused for good before a call is spent."""

    MISSING_FIELD = "missing_field"
    UNKNOWN_FIELD = "unknown_field"
    BAD_FIELD = "bad_field"
    TOO_LONG = "too_long"
    UNKNOWN_STATE = "unknown_state"
    TOO_MANY_LOCATIONS = "too_many_locations"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"
    TIMESTAMP_TOO_OLD = "timestamp_too_old"


class UnreadableError(Exception):
    """The message is no command; trying again would not help."""

    def __init__(self, reason: Unreadable) -> None:
        super().__init__(reason.value)
        self.reason = reason


class RefusedError(Exception):
    """VectorCare would refuse the command for good."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Command:
    """What to tell VectorCare.

    Attributes
    ----------
    kind : Kind
        Which command.
    command_id : str
        Its name; the same one is not sent twice.
    service_request_id : str or None
        Whose; None with `create_request`.
    fields : mapping
        The command's own, as they were given; `command_fields.check` says whether they are right.
    """

    kind: Kind
    command_id: str
    service_request_id: str | None
    fields: Fields


def read(body: str, *, message_id: str) -> Command:
    """Read what a message names: which command, for whom.

    Parameters
    ----------
    body : str
        The message's.
    message_id : str
        SQS's; the name of a command that has none.

    Raises
    ------
    UnreadableError
        It names no command.
    """
    given = _parse(body)
    if not isinstance(given, dict):
        raise UnreadableError(Unreadable.NOT_AN_OBJECT)
    if given.get("command") not in tuple(Kind):
        raise UnreadableError(Unreadable.UNKNOWN_COMMAND)
    kind = Kind(given["command"])
    command_id = given.get("command_id", message_id)
    if not matches(_COMMAND_ID, command_id):
        raise UnreadableError(Unreadable.BAD_COMMAND_ID)
    service_request_id = given.get("service_request_id")
    if kind is not Kind.CREATE_REQUEST and not matches(ID, service_request_id):
        raise UnreadableError(Unreadable.BAD_SERVICE_REQUEST_ID)
    envelope = {"command", "command_id"} | ({"service_request_id"} if kind is not Kind.CREATE_REQUEST else set())
    return Command(
        kind=kind,
        command_id=command_id,
        service_request_id=service_request_id if kind is not Kind.CREATE_REQUEST else None,
        fields={name: value for name, value in given.items() if name not in envelope},
    )


def reason_for_death(body: str) -> Unreadable | FailureReason:
    """Say why a message is in the dead-letter queue, by the same rules that put it there."""
    try:
        # A name for a command that has none; which one says nothing about the message.
        read(body, message_id="-")
    except UnreadableError as error:
        return error.reason
    return FailureReason.EXHAUSTED


def service_request_id(body: str) -> str | None:
    """Name the service request of a message that may be unreadable otherwise; None where it names none."""
    try:
        given = _parse(body)
    except UnreadableError:
        return None
    value = given.get("service_request_id") if isinstance(given, dict) else None
    return value if isinstance(value, str) else None


def check_time(command: Command, *, now: UtcTimestamp) -> float:
    """Check a state's timestamp against the clock: within the last 7 days, and not in the future.

    Returns
    -------
    float
        Seconds until VectorCare would take it; 0 for nearly all. A CAD's clock that is up to a minute ahead costs
        a state so much delay, and not the state.

    Raises
    ------
    RefusedError
        It lies further in the future, or too far in the past: a rejection for time is final.
    """
    if command.kind is not Kind.STATE_UPDATE:
        return 0
    seconds_ahead = utc_timestamp.seconds_between(now, utc_timestamp.parse(command.fields["timestamp"]))
    if seconds_ahead > CLOCK_TOLERANCE_SECONDS:
        raise RefusedError(Refusal.TIMESTAMP_IN_FUTURE)
    if seconds_ahead < -MAX_STATE_AGE_DAYS * 24 * _HOUR:
        raise RefusedError(Refusal.TIMESTAMP_TOO_OLD)
    return max(0, seconds_ahead)


def _parse(body: str) -> Any:
    try:
        return json.loads(body, parse_float=_float, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise UnreadableError(Unreadable.NOT_JSON) from None


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError
    return value


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError


def matches(pattern: re.Pattern[str], value: Any) -> bool:
    """Tell whether a value is a string of exactly this form."""
    return isinstance(value, str) and bool(pattern.fullmatch(value))
