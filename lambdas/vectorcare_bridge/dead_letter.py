"""What waits for an operator in one of three queues: whose it is, and why it is there.

A letter is read by the rules that put it there, so that the redrive and the operator's command say the same of it.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from vectorcare_bridge import command, envelope, failure, message, unpublished


class Source(StrEnum):
    """Which queue."""

    INBOUND = "inbound"
    """Webhooks that could not be applied."""
    OUTBOUND = "outbound"
    """Commands that could not be read."""
    UNPUBLISHED = "unpublished"
    """Events that the bus did not take."""


REASONS: Mapping[Source, Sequence[str]] = {
    Source.INBOUND: tuple(failure.Reason),
    Source.OUTBOUND: (*command.Unreadable, failure.Reason.EXHAUSTED),
    Source.UNPUBLISHED: tuple(unpublished.Reason),
}
"""Why a letter may be in it."""


def reason(source: Source, body: str, attributes: Mapping[str, str], *, now: str) -> str:
    """Say why a letter is there.

    Parameters
    ----------
    source : Source
        Where it is.
    body, attributes : str, mapping of str to str
        The message's body and attribute values.
    now : str
        27-character instant.
    """
    match source:
        case Source.INBOUND:
            return envelope.reason_for_death(_webhook(body, attributes), now=now)
        case Source.OUTBOUND:
            return command.reason_for_death(body)
        case Source.UNPUBLISHED:
            return unpublished.reason(body)


def can_go_back(source: Source, body: str) -> bool:
    """Tell whether a letter can be taken where it came from: all but what lies among the events and is none."""
    return source is not Source.UNPUBLISHED or unpublished.reason(body) is unpublished.Reason.NOT_TAKEN


def service_request_id(source: Source, body: str, attributes: Mapping[str, str]) -> str | None:
    """Name the service request of a letter that may be unreadable otherwise; None where it names none."""
    match source:
        case Source.INBOUND:
            return envelope.service_request_id(_webhook(body, attributes))
        case Source.OUTBOUND:
            return command.service_request_id(body)
        case Source.UNPUBLISHED:
            return unpublished.service_request_id(body)


def _webhook(body: str, attributes: Mapping[str, str]) -> bytes:
    return message.decode(body, attributes, sent_at="").body
