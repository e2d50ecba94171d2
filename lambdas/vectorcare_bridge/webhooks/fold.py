"""The state of a service request: the projection (fold) of its journal into two registers, each newest-wins.

The status register (status, action, time, event) belongs to the newest event. The data register belongs to the newest
event that carries data, because an UNAVAILABLE carries none and must not erase what is known. Both are maxima, so
they come out the same under any order, duplication or grouping of the events.

Time takes part in two ways, and each looks at nothing but the journal's entry:

- A request begins with the first of its events that were within the retention when they were received. Earlier events
  do not count, so an old signed webhook cannot begin a request. It may move one that has begun.
- The state is over once its newest event has closed the request and the retention has passed since.

So the state is a function of the journal's entries and their times of receipt, and of nothing else. The processor
holds the item and not the journal; `may_begin` says when that is enough.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks.envelope import Event
from vectorcare_bridge.webhooks.vocabulary import CLOSED_STATUSES

CLOCK_SKEW_MINUTES = 15


class OrderBy(StrEnum):
    """What makes one event newer than another; the other of the two breaks ties."""

    EVENT_TIMESTAMP = "event_timestamp"
    EVENT_ID = "event_id"


@dataclass(frozen=True, slots=True)
class Rule:
    """The organization's rule: which event is newer, and for how many days a closed request's state is kept."""

    order_by: OrderBy
    retention_days: int


@dataclass(frozen=True, slots=True)
class Received:
    """An event as the journal has it: as first seen, with the time of its first delivery."""

    event: Event
    received_at: UtcTimestamp


@dataclass(frozen=True, slots=True)
class Fold:
    """The events that two registers come from."""

    newest: Received  # owns the status register
    newest_data: Event | None  # owns the data register; None if no event carried data
    since: UtcTimestamp  # when the request began; what happened before it does not count

    def counts(self, event: Event) -> bool:
        return event.last_updated >= self.since


def rank(event: Event, order_by: OrderBy) -> tuple[str, str]:
    """Sort key of an event: the greater is the newer."""
    return rank_of(event.last_updated, event.event_id, order_by)


def rank_of(last_updated: str, event_id: str, order_by: OrderBy) -> tuple[str, str]:
    """Sort key of the event that a register names."""
    return (last_updated, event_id) if order_by is OrderBy.EVENT_TIMESTAMP else (event_id, last_updated)


def fold(received: Iterable[Received], rule: Rule) -> Fold | None:
    """Fold events of one service request, in any order; None if none of them begins it."""
    oldest_first = sorted(received, key=lambda one: rank(one.event, rule.order_by))
    timely = [one.event.last_updated for one in oldest_first if _is_within(one.event, rule, at=one.received_at)]
    if not timely:
        return None
    since = min(timely)
    oldest_first = [one for one in oldest_first if one.event.last_updated >= since]
    with_data = [one.event for one in oldest_first if one.event.carries_data]
    return Fold(newest=oldest_first[-1], newest_data=with_data[-1] if with_data else None, since=since)


def is_recent(received: Received, rule: Rule, *, now: UtcTimestamp) -> bool:
    """Whether an event is within the retention by now.

    If so, it counts, and it is newer than any earlier state of the request.
    """
    return _is_within(received.event, rule, at=max(now, received.received_at))


def is_over(folded: Fold, rule: Rule, *, now: UtcTimestamp) -> bool:
    """Whether the state that these events make has expired; a state that is about to expire counts as expired."""
    end = expires_at(folded.newest.event, retention_days=rule.retention_days)
    return end is not None and end <= utc_timestamp.epoch_seconds(utc_timestamp.later(now, minutes=CLOCK_SKEW_MINUTES))


def may_begin(folded: Fold, rule: Rule, *, now: UtcTimestamp) -> bool:
    """Whether recent events of a request may make its item without a look at the journal.

    If there is no item, it may have expired. Its events are in the journal and still count. A recent event is newer
    than all of them, in both registers if it carries data:

        ──┬───────────┬──────────────────────────┬──────────────┬─────▶
          data        closed                     item deleted   new event, with data
                      └────────── retention ─────┘
                             └────────── retention ─────────────┘

    Without data, or ordered by ids, which need not follow time, it may be older: then the whole journal must be folded.
    """
    data = folded.newest_data
    return rule.order_by is OrderBy.EVENT_TIMESTAMP and data is not None and _is_within(data, rule, at=now)


def status_register(received: Received, *, retention_days: int) -> dict[str, Any]:
    """Write the status register that an event owns; an attribute that is None is absent from the item."""
    event = received.event
    return {
        "last_updated": event.last_updated,
        "event_id": event.event_id,
        "request_status": event.request_status,
        "action": event.action,
        "received_at": received.received_at,
        "expires_at": expires_at(event, retention_days=retention_days),
    }


def data_register(event: Event) -> dict[str, Any]:
    """Write the data register that an event owns."""
    return {"data": event.data, "data_as_of": event.last_updated, "data_event_id": event.event_id}


def expires_at(event: Event, *, retention_days: int) -> int | None:
    """Return when the state of its newest event may be deleted, in seconds since 1970; None while it is open."""
    if event.request_status not in CLOSED_STATUSES:
        return None
    return utc_timestamp.epoch_seconds(utc_timestamp.later(event.last_updated, days=retention_days))


def _is_within(event: Event, rule: Rule, *, at: UtcTimestamp) -> bool:
    """Whether an event is younger than the retention.

    The table deletes by its own clock, and this rule uses another. So an event that will soon be older counts as older.
    """
    return event.last_updated >= utc_timestamp.later(at, days=-rule.retention_days, minutes=CLOCK_SKEW_MINUTES)
