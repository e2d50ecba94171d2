"""Which of a service request's events its two registers must come from."""

from collections.abc import Iterable

from verification.simulation.plan.content import Content

Rank = tuple[str, str]


def rank(last_updated: str, event_id: str, order_by: str) -> Rank:
    """Give an event its place; the greater is the newer."""
    return (last_updated, event_id) if order_by == "event_timestamp" else (event_id, last_updated)


def newest(contents: Iterable[Content], order_by: str) -> Content | None:
    """Find the newest of events."""
    return max(contents, key=lambda one: rank(one.last_updated, one.event_id, order_by), default=None)
