"""The two registers of a service request."""

from decimal import Decimal
from typing import Any

import pytest

from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import fold
from vectorcare_bridge.webhooks.envelope import Event
from vectorcare_bridge.webhooks.fold import Fold, OrderBy, Received, Rule

TEN, ELEVEN = UtcTimestamp("2026-03-01T10:00:00.000000Z"), UtcTimestamp("2026-03-01T11:00:00.000000Z")
BY_TIME, BY_ID = Rule(OrderBy.EVENT_TIMESTAMP, 30), Rule(OrderBy.EVENT_ID, 30)


def event(event_id: str, last_updated: UtcTimestamp, *, status: str = "ASSIGNED", data: Any = "known") -> Event:
    return Event("VC-1", event_id, last_updated, status, "ANY", data)


def received(*events: Event) -> list[Received]:
    return [Received(one, ELEVEN) for one in events]


def folded(*events: Event, rule: Rule = BY_TIME) -> tuple[Event, Event | None]:
    found = fold.fold(received(*events), rule)
    assert found is not None
    return found.newest.event, found.newest_data


@pytest.mark.parametrize(
    ("older", "newer", "rule"),
    [
        (event("b", TEN), event("a", ELEVEN), BY_TIME),
        (event("a", TEN), event("b", TEN), BY_TIME),
        (event("a", ELEVEN), event("b", TEN), BY_ID),
    ],
    ids=["by time", "of one time, by id", "by id"],
)
def test_the_newest_event_owns_both_registers(older: Event, newer: Event, rule: Rule) -> None:
    assert folded(newer, older, rule=rule) == folded(older, newer, rule=rule) == (newer, newer)


@pytest.mark.parametrize(
    "nothing",
    [None, {}, [], "", " ", False, Decimal(0), {"a": None}, {"a": {"b": [None, ""]}}, [[], {}]],
    ids=repr,
)
def test_data_that_carries_nothing_erases_nothing(nothing: Any) -> None:
    known, closing = event("a", TEN), event("b", ELEVEN, status="UNAVAILABLE", data=nothing)
    assert folded(known, closing) == (closing, known)
    assert folded(closing) == (closing, None)


@pytest.mark.parametrize("something", [{"hospice": False}, {"age": Decimal(0)}, [Decimal(0)], "text", True], ids=repr)
def test_data_that_carries_anything_is_data(something: Any) -> None:
    newer = event("b", ELEVEN, data=something)
    assert folded(event("a", TEN), newer) == (newer, newer)


def test_without_events_there_is_no_fold() -> None:
    assert fold.fold([], BY_TIME) is None


@pytest.mark.parametrize("rule", [BY_TIME, BY_ID])
def test_an_event_older_than_the_retention_at_its_receipt_begins_no_request(rule: Rule) -> None:
    # Given a request that is open, and what closed it 40 days ago, received now under a greater id
    opened, late = event("a", TEN), event("b", UtcTimestamp("2026-01-20T11:00:00.000000Z"), status="UNAVAILABLE")
    # Then by either order it is as if the late one had not come
    assert folded(opened, late, rule=rule) == (opened, opened)
    assert fold.fold(received(late), rule) is None


@pytest.mark.parametrize("rule", [BY_TIME, BY_ID])
def test_an_event_received_late_still_moves_a_request_that_had_begun(rule: Rule) -> None:
    # Given a request that began in time, and what closed it, received three months late
    opened, closed = event("a", TEN), event("b", ELEVEN, status="UNAVAILABLE", data=None)
    entries = [Received(opened, TEN), Received(closed, UtcTimestamp("2026-06-01T11:00:00.000000Z"))]
    # Then it is closed
    found = fold.fold(entries, rule)
    assert found is not None
    assert (found.newest.event, found.newest_data) == (closed, opened)


def test_whether_an_event_counts_does_not_change_with_the_years() -> None:
    # Given an event that was received in time, and is folded much later
    long_ago = event("a", UtcTimestamp("2016-03-01T10:00:00.000000Z"))
    # Then it counts
    assert fold.fold([Received(long_ago, UtcTimestamp("2016-03-01T10:00:01.000000Z"))], BY_TIME) is not None


@pytest.mark.parametrize(
    ("status", "expires_at"),
    [
        *((status, 31 * 86400) for status in ("COMPLETED", "UNAVAILABLE")),
        *((status, None) for status in ("AVAILABLE", "ASSIGNED", "PAUSED")),
    ],
)
def test_only_a_closed_request_expires_after_the_retention(status: str, expires_at: int | None) -> None:
    last = event("a", UtcTimestamp("1970-01-02T00:00:00.500000Z"), status=status)
    assert fold.expires_at(last, retention_days=30) == expires_at


@pytest.mark.parametrize(
    ("last_updated", "is_counted"), [("2026-03-01T10:15:00.000000Z", True), ("2026-03-01T10:14:59.999999Z", False)]
)
def test_only_an_event_within_the_retention_begins_a_request(last_updated: UtcTimestamp, is_counted: bool) -> None:
    one = Received(event("a", last_updated), UtcTimestamp("2026-03-31T10:00:00.000000Z"))
    assert (fold.fold([one], BY_TIME) is not None) is is_counted
    assert fold.is_recent(one, BY_TIME, now=one.received_at) is is_counted


def test_an_event_is_recent_by_the_later_of_two_clocks() -> None:
    one = Received(event("a", UtcTimestamp("2026-03-01T10:15:00.000000Z")), UtcTimestamp("2026-03-31T10:00:00.000001Z"))
    assert not fold.is_recent(one, BY_TIME, now=UtcTimestamp("2026-03-31T10:00:00.000000Z"))


def only(one: Event) -> Fold:
    return Fold(Received(one, TEN), newest_data=one if one.carries_data else None, since=one.last_updated)


@pytest.mark.parametrize(
    ("last_updated", "is_enough"), [("2026-03-01T10:15:00.000000Z", True), ("2026-03-01T10:14:59.999999Z", False)]
)
def test_an_event_with_data_within_the_retention_begins_a_request_alone(
    last_updated: UtcTimestamp, is_enough: bool
) -> None:
    now = UtcTimestamp("2026-03-31T10:00:00.000000Z")
    assert fold.may_begin(only(event("a", last_updated)), BY_TIME, now=now) is is_enough


def test_an_event_without_data_begins_no_request_alone() -> None:
    assert not fold.may_begin(only(event("a", TEN, data=None)), BY_TIME, now=ELEVEN)


def test_ordered_by_id_no_event_begins_a_request_alone() -> None:
    assert not fold.may_begin(only(event("a", TEN)), BY_ID, now=ELEVEN)


def test_a_request_is_over_once_it_is_closed_and_its_retention_has_passed() -> None:
    closed, opened = only(event("a", TEN, status="COMPLETED")), only(event("a", TEN))
    assert not fold.is_over(closed, BY_TIME, now=UtcTimestamp("2026-03-31T09:44:59.000000Z"))
    # The table deletes by its own clock: what is about to be over counts as over.
    assert fold.is_over(closed, BY_TIME, now=UtcTimestamp("2026-03-31T09:45:00.000000Z"))
    assert not fold.is_over(opened, BY_TIME, now=UtcTimestamp("2046-03-31T10:00:00.000000Z"))
