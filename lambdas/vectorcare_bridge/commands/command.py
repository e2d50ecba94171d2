"""A message of the outbound queue read as a command to VectorCare; `docs/contracts/command.json` is its schema."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn, TypeAlias

from vectorcare_bridge.webhooks.failure import FailureReason

Fields: TypeAlias = Mapping[str, Any]

ID = re.compile("[A-Za-z0-9_-]{1,100}")
_COMMAND_ID = re.compile("[A-Za-z0-9._:-]{1,128}")


class Kind(StrEnum):
    """The commands that VectorCare takes."""

    STATE_UPDATE = "state_update"
    LOCATION_UPDATE = "location_update"
    ACCEPT = "accept"
    DECLINE = "decline"
    BEST_TIME = "best_time"
    CHANGE_REQUEST = "change_request"
    CREATE_REQUEST = "create_request"


class Unreadable(StrEnum):
    """Why a message goes to the dead-letter queue: it has no name under which a result could be published."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_COMMAND = "unknown_command"
    BAD_SERVICE_REQUEST_ID = "bad_service_request_id"
    BAD_COMMAND_ID = "bad_command_id"


class Refusal(StrEnum):
    """Why a command fails before a call is made."""

    MISSING_FIELD = "missing_field"
    UNKNOWN_FIELD = "unknown_field"
    BAD_FIELD = "bad_field"
    TOO_LONG = "too_long"
    UNKNOWN_STATE = "unknown_state"
    TOO_MANY_LOCATIONS = "too_many_locations"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"
    TIMESTAMP_TOO_OLD = "timestamp_too_old"


class UnreadableError(Exception):
    """The message is not a command; trying again would not help."""

    def __init__(self, reason: Unreadable) -> None:
        super().__init__(reason.value)
        self.reason = reason


class RefusedError(Exception):
    """VectorCare would refuse the command at every attempt."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Command:
    """A command to VectorCare."""

    kind: Kind
    command_id: str  # the same one is not sent twice
    service_request_id: str | None  # None with `create_request`
    fields: Fields  # the command's own, as given; `command_fields.check` checks them


def read(body: str, *, message_id: str) -> Command:
    """Read which command a message holds, and for which service request.

    A command without an id gets the message's.

    Raises
    ------
    UnreadableError
        It is not a command.
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
    """Say why a message is in the dead-letter queue, by the rules that sent it there."""
    try:
        # A valid id in case it has none.
        read(body, message_id="-")
    except UnreadableError as error:
        return error.reason
    return FailureReason.EXHAUSTED


def service_request_id(body: str) -> str | None:
    """Find the service request of a message, which may be unreadable otherwise; None if it names none."""
    try:
        given = _parse(body)
    except UnreadableError:
        return None
    value = given.get("service_request_id") if isinstance(given, dict) else None
    return value if isinstance(value, str) else None


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
    """Say whether a value is a string of exactly this form."""
    return isinstance(value, str) and bool(pattern.fullmatch(value))
