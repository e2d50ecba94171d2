"""An event that the bus did not take, written as an SQS message and read back."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from vectorcare_bridge.edge import exact_json
from vectorcare_bridge.webhooks.message import OutgoingMessage


class UnpublishedReason(StrEnum):
    """Why a message is in the queue of unpublished events."""

    NOT_TAKEN = "not_taken"
    """Nothing is wrong with it."""
    UNREADABLE = "unreadable"
    """It is not an event: nothing of this project put it there."""


class NotAnEventError(Exception):
    """The message is not an event."""


def write(detail_type: str, detail: Mapping[str, Any]) -> OutgoingMessage:
    """Make the SQS message."""
    return OutgoingMessage(
        MessageBody=exact_json.for_bus({"detail_type": detail_type, "detail": detail}), MessageAttributes={}
    )


def read(body: str) -> tuple[str, dict[str, Any]]:
    """Read detail type and detail back, with every digit of its numbers.

    Raises
    ------
    NotAnEventError
        There are none.
    """
    try:
        content = exact_json.read(body)
    except (ValueError, RecursionError):
        raise NotAnEventError from None
    if not isinstance(content, dict):
        raise NotAnEventError
    detail_type, detail = content.get("detail_type"), content.get("detail")
    if not isinstance(detail_type, str) or not isinstance(detail, dict):
        raise NotAnEventError
    return detail_type, detail


def reason(body: str) -> UnpublishedReason:
    """Say why a message is there."""
    try:
        read(body)
    except NotAnEventError:
        return UnpublishedReason.UNREADABLE
    return UnpublishedReason.NOT_TAKEN


def service_request_id(body: str) -> str | None:
    """Find the service request that an event is about; None if it names none."""
    try:
        _detail_type, detail = read(body)
    except NotAnEventError:
        return None
    value = detail.get("service_request_id")
    return value if isinstance(value, str) else None
