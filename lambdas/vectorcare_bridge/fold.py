"""The state of a service request as the fold of its journal: two registers, each newest-wins by itself.

The status register (status, action, time, event) belongs to the newest event. The data register belongs to the newest
event that carries data, because an UNAVAILABLE carries none and shall not erase what is known. Both are maxima, so
they come out the same under any order, duplication or grouping of the events.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vectorcare_bridge import instant
from vectorcare_bridge.envelope import Event

CLOCK_SKEW_MINUTES = 15
CLOSED_STATUSES = frozenset({"COMPLETED", "UNAVAILABLE"})


class OrderBy(StrEnum):
    """What makes one event newer than another; the other of the two breaks ties."""

    EVENT_TIMESTAMP = "event_timestamp"
    EVENT_ID = "event_id"


@dataclass(frozen=True, slots=True)
class Fold:
    """The events that two registers come from.

    Attributes
    ----------
    newest : Event
        Owns the status register.
    newest_data : Event or None
        Owns the data register; None where no event carried data.
    """

    newest: Event
    newest_data: Event | None


def rank(event: Event, order_by: OrderBy) -> tuple[str, str]:
    """Sort key of an event: the greater is the newer."""
    return rank_of(event.last_updated, event.event_id, order_by)


def rank_of(last_updated: str, event_id: str, order_by: OrderBy) -> tuple[str, str]:
    """Sort key of the event that a register names."""
    return (last_updated, event_id) if order_by is OrderBy.EVENT_TIMESTAMP else (event_id, last_updated)


def fold(events: Iterable[Event], order_by: OrderBy) -> Fold:
    """Fold events of one service request.

    Parameters
    ----------
    events : iterable of Event
        At least one, in any order.
    order_by : OrderBy
        The organization's order.

    Raises
    ------
    ValueError
        There is no event.
    """
    oldest_first = sorted(events, key=lambda event: rank(event, order_by))
    if not oldest_first:
        raise ValueError("nothing to fold")
    with_data = [event for event in oldest_first if event.data is not None]
    return Fold(newest=oldest_first[-1], newest_data=with_data[-1] if with_data else None)


def status_register(event: Event, *, received_at: str, retention_days: int) -> dict[str, Any]:
    """Write the status register that an event owns; an attribute that is None is absent from the item."""
    return {
        "last_updated": event.last_updated,
        "event_id": event.event_id,
        "request_status": event.request_status,
        "action": event.action,
        "received_at": received_at,
        "expires_at": expires_at(event, retention_days=retention_days),
    }


def data_register(event: Event) -> dict[str, Any]:
    """Write the data register that an event owns."""
    return {"data": event.data, "data_as_of": event.last_updated, "data_event_id": event.event_id}


def expires_at(event: Event, *, retention_days: int) -> int | None:
    """When the state that this event is the newest of may be deleted.

    Returns
    -------
    int or None
        Seconds since 1970: `retention_days` after the event of a closed request; None while it is open.
    """
    if event.request_status not in CLOSED_STATUSES:
        return None
    return instant.epoch_seconds(instant.later(event.last_updated, days=retention_days))


def may_create(event: Event, *, now: str, retention_days: int) -> bool:
    """Whether an event is young enough to begin a service request's state.

    What is older than the retention may be the replay of a request whose state was closed and has expired; it shall
    not come back. The table deletes by its own clock and this is decided by another, so what is about to be older
    counts as older.
    """
    return event.last_updated >= instant.later(now, days=-retention_days, minutes=CLOCK_SKEW_MINUTES)
