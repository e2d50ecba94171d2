"""What the operator asks for in the Lambda console."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from vectorcare_bridge.dead_letters.dead_letter import REASONS, DeadLetterQueue


class RequestError(ValueError):
    """The test event is not a request; the text says what to write, and repeats nothing of the event."""


@dataclass(frozen=True, slots=True)
class RedriveRequest:
    """Which dead letters to move."""

    queue: DeadLetterQueue = DeadLetterQueue.INBOUND
    dry_run: bool = False
    limit: int | None = None  # move at most this many
    rate: float | None = None  # move at most this many per second
    reason: str | None = None  # only messages that are dead for this reason, one of the queue's own
    service_request_id: str | None = None


def read(event: object) -> RedriveRequest:
    """Read the event; `{}` means all dead letters of the inbound queue.

    Raises
    ------
    RequestError
        It is not an object, or has an unknown key, or a value of the wrong type or without content.
    """
    known = [field.name for field in fields(RedriveRequest)]
    if not isinstance(event, Mapping):
        raise RequestError("the event must be a JSON object; {} redrives all webhooks")
    if not set(event) <= set(known):
        raise RequestError(f"there is an unknown key; known are {', '.join(known)}; {{}} redrives all webhooks")
    queue = _queue(event)
    return RedriveRequest(
        queue=queue,
        dry_run=_is(bool, event, "dry_run", "true or false") or False,
        limit=_positive(int, event, "limit", "a whole number of at least 1"),
        rate=_positive(int | float, event, "rate", "a number of messages a second, above 0"),
        reason=_reason(event, queue),
        service_request_id=_is(str, event, "service_request_id", "a service request's id as text"),
    )


def _is(kind: Any, event: Mapping[str, Any], key: str, expected: str) -> Any:
    value = event.get(key)
    # bool is an int to Python, but not to an operator.
    if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
        raise RequestError(f"{key} must be {expected}")
    if isinstance(value, str) and not value.strip():
        raise RequestError(f"{key} is empty: give {expected}, or leave it out")
    return value


def _positive(kind: Any, event: Mapping[str, Any], key: str, expected: str) -> Any:
    value = _is(kind, event, key, expected)
    if value is not None and not 0 < value < math.inf:
        raise RequestError(f"{key} must be {expected}")
    return value


def _queue(event: Mapping[str, Any]) -> DeadLetterQueue:
    value = _is(str, event, "queue", "a queue's name as text")
    try:
        return DeadLetterQueue.INBOUND if value is None else DeadLetterQueue(value)
    except ValueError:
        raise RequestError(f"queue must be one of {', '.join(DeadLetterQueue)}") from None


def _reason(event: Mapping[str, Any], queue: DeadLetterQueue) -> str | None:
    value: str | None = _is(str, event, "reason", "a reason as text")
    if value is None or value in REASONS[queue]:
        return value
    raise RequestError(f"reason must, for the queue {queue}, be one of {', '.join(REASONS[queue])}")
