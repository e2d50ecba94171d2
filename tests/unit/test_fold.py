"""The two registers of a service request."""

from typing import Any

import pytest

from vectorcare_bridge import fold, instant
from vectorcare_bridge.envelope import Event
from vectorcare_bridge.fold import OrderBy

TEN, ELEVEN = "2026-03-01T10:00:00.000000Z", "2026-03-01T11:00:00.000000Z"


def event(event_id: str, last_updated: str, *, status: str = "ASSIGNED", data: Any = "known") -> Event:
    return Event("VC-1", event_id, last_updated, status, "ANY", data)


def test_the_newest_event_owns_both_registers() -> None:
    older, newer = event("b", TEN), event("a", ELEVEN)
    assert fold.fold([newer, older], OrderBy.EVENT_TIMESTAMP) == fold.Fold(newest=newer, newest_data=newer)


def test_unavailable_moves_the_status_and_leaves_the_data() -> None:
    known, unavailable = event("a", TEN), event("b", ELEVEN, status="UNAVAILABLE", data=None)
    assert fold.fold([unavailable, known], OrderBy.EVENT_TIMESTAMP) == fold.Fold(unavailable, known)


def test_no_data_at_all_is_no_data() -> None:
    assert fold.fold([event("a", TEN, data=None)], OrderBy.EVENT_TIMESTAMP).newest_data is None


def test_of_events_of_one_instant_the_greater_id_is_the_newer() -> None:
    smaller, greater = event("a", TEN), event("b", TEN)
    assert fold.fold([greater, smaller], OrderBy.EVENT_TIMESTAMP).newest is greater


def test_ordered_by_id_the_greater_id_is_the_newer_whatever_its_time() -> None:
    smaller, greater = event("a", ELEVEN), event("b", TEN)
    assert fold.fold([greater, smaller], OrderBy.EVENT_ID).newest is greater


def test_falsy_data_is_data() -> None:
    assert fold.fold([event("a", TEN, data={})], OrderBy.EVENT_TIMESTAMP).newest_data is not None


def test_nothing_has_no_fold() -> None:
    with pytest.raises(ValueError, match=r"^nothing to fold$"):
        fold.fold([], OrderBy.EVENT_TIMESTAMP)


@pytest.mark.parametrize("status", ["COMPLETED", "UNAVAILABLE"])
def test_a_closed_request_expires_after_the_retention(status: str) -> None:
    expires_at = fold.expires_at(event("a", "1970-01-02T00:00:00.500000Z", status=status), retention_days=30)
    assert expires_at == 31 * 86400


@pytest.mark.parametrize("status", ["AVAILABLE", "ASSIGNED", "PAUSED"])
def test_an_open_request_never_expires(status: str) -> None:
    assert fold.expires_at(event("a", TEN, status=status), retention_days=30) is None


def test_only_an_event_within_the_retention_begins_a_request() -> None:
    now = "2026-03-31T10:00:00.000000Z"
    assert fold.may_create(event("a", "2026-03-01T10:15:00.000000Z"), now=now, retention_days=30)
    assert not fold.may_create(event("a", "2026-03-01T10:14:59.999999Z"), now=now, retention_days=30)


def test_a_clock_that_is_late_does_not_bring_an_expired_request_back() -> None:
    # Given a request that has just expired by the table's clock
    closed = event("a", TEN, status="COMPLETED")
    expired_at = fold.expires_at(closed, retention_days=30)
    assert expired_at is not None
    # When a function whose clock is ten minutes behind meets its webhook again, Then it creates nothing
    behind = instant.of_epoch(expired_at - 600)
    assert not fold.may_create(closed, now=behind, retention_days=30)
