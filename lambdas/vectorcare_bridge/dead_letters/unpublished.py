"""An event that the bus did not take, as the message it waits in, and back."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from vectorcare_bridge.edge import exact_json
from vectorcare_bridge.webhooks.message import OutgoingMessage


class UnpublishedReason(StrEnum):
    """Why it waits."""

    NOT_TAKEN = "not_taken"
    """Nothing is wrong with it."""
    UNREADABLE = "unreadable"
    """It is no event: nothing of this project put it there."""


class UnreadableError(Exception):
    """The message holds no event."""


def write(detail_type: str, detail: Mapping[str, Any]) -> OutgoingMessage:
    """Make the SQS message."""
    return OutgoingMessage(
        MessageBody=exact_json.for_bus({"detail_type": detail_type, "detail": detail}), MessageAttributes={}
    )


def read(body: str) -> tuple[str, dict[str, Any]]:
    """Read detail type and detail back, with every digit of its numbers.

    Raises
    ------
    UnreadableError
        There are none.
    """
    try:
        content = exact_json.read(body)
    except (ValueError, RecursionError):
        raise UnreadableError from None
    if not isinstance(content, dict):
        raise UnreadableError
    detail_type, detail = content.get("detail_type"), content.get("detail")
    if not isinstance(detail_type, str) or not isinstance(detail, dict):
        raise UnreadableError
    return detail_type, detail


def reason(body: str) -> UnpublishedReason:
    """Say why a message waits."""
    try:
        read(body)
    except UnreadableError:
        return UnpublishedReason.UNREADABLE
    return UnpublishedReason.NOT_TAKEN


def service_request_id(body: str) -> str | None:
    """Name the service request that an event is about; None where it names none."""
    try:
        _detail_type, detail = read(body)
    except UnreadableError:
        return None
    value = detail.get("service_request_id")
    return value if isinstance(value, str) else None
