"""Webhooks' bytes, with what is true of them: known here because they are written here, and not by reading them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from functools import cached_property
from typing import Any

from verification.simulation.world.scheduler import timestamp_at

MARKER = "Quillfeather"
"""Part of every name in the invented webhooks, and of error texts that repeat their input."""


class ContentKind(Enum):
    """What the bytes are."""

    EVENT = auto()
    UNREADABLE = auto()
    """Signed, and never to be applied."""
    FORBIDDEN = auto()
    """Forged, or another customer's: must never get past ingest."""


@dataclass(eq=False)
class Content:
    """The bytes of one attempt, and what they say: of an event, `data` has its numbers as Decimal.

    `reason` is why it cannot be read, of the closed list.
    """

    body: bytes
    kind: ContentKind
    service_request_id: str = ""
    event_id: str = ""
    last_updated: str = ""
    request_status: str = ""
    action: str | None = None
    data: Any = None
    reason: str = ""

    @property
    def carries_data(self) -> bool:
        """Whether the event says anything of the request beside its status: there is a leaf that is not empty."""
        if not self.data:
            return False
        rest = [self.data]
        while rest:
            value = rest.pop()
            if isinstance(value, dict | list):
                rest += value.values() if isinstance(value, dict) else value
            elif value not in (None, ""):
                return True
        return False

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """An event of a service request, as VectorCare knows it, `at` in seconds on the simulation's clock.

    `time_form` is one of several ways to write the time, `prefix` a byte order mark or nothing.
    """

    service_request_id: str
    event_id: str | None
    at: float
    request_status: str
    action: str
    data: Any
    time_form: int = 0
    prefix: bytes = b""

    def content(self, *, at: float | None = None, note: str = "") -> Content:
        """Write the event, stamped `at` another time than its own if given; `note` makes other bytes of it."""
        write, true_time = TIME_FORMS[self.time_form]
        moment = round(self.at if at is None else at, 6)
        envelope: dict[str, Any] = {
            "event_id": self.event_id,
            "event_timestamp": write(moment),
            "service_request_id": self.service_request_id,
            "request_status": self.request_status,
            "action": self.action,
            "data": self.data,
        }
        if self.event_id is None:
            del envelope["event_id"]
        if note:
            envelope["note"] = note
        body = self.prefix + _written(envelope).encode()
        return Content(
            body=body,
            kind=ContentKind.EVENT,
            service_request_id=self.service_request_id,
            event_id=self.event_id or hashlib.sha256(body).hexdigest(),
            last_updated=true_time(moment),
            request_status=self.request_status,
            action=self.action,
            data=_exact(self.data),
        )


# How VectorCare may write a time, and which time that is: a form without its fraction means another one.
TIME_FORMS: tuple[tuple[Callable[[float], str], Callable[[float], str]], ...] = (
    (lambda at: f"{timestamp_at(at)[:23]}Z", lambda at: f"{timestamp_at(at)[:23]}000Z"),
    (lambda at: f"{timestamp_at(at // 1)[:19]}Z", lambda at: timestamp_at(at // 1)),
    (lambda at: f"{timestamp_at(at + 2 * 3600)[:26]}+02:00", timestamp_at),
    (lambda at: f"{timestamp_at(at - 5.5 * 3600)[:26]}-05:30", timestamp_at),
    (lambda at: f"{timestamp_at(at)[:26]}999Z", timestamp_at),
    (lambda at: timestamp_at(at)[:26], timestamp_at),
    (timestamp_at, timestamp_at),
)


def _exact(value: Any) -> Any:
    """Turn floats and integers into the decimals that their JSON says."""
    if isinstance(value, bool) or value is None or isinstance(value, str | Decimal):
        return value
    if isinstance(value, dict):
        return {name: _exact(child) for name, child in value.items()}
    if isinstance(value, list):
        return [_exact(child) for child in value]
    return Decimal(json.dumps(value))


def _written(value: Any) -> str:
    """Write JSON in which a Decimal has all its digits, as VectorCare may."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_written(name)}: {_written(child)}" for name, child in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
