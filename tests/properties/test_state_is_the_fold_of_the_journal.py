"""Any order, duplication, batching and crash of any set of webhooks ends in the fold of the journal."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cloud import NOW
from tests.support.tables import SERVICE_REQUEST, Crash, Tables
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.webhooks.fold import OrderBy
from vectorcare_bridge.webhooks.message import Webhook
from vectorcare_bridge.webhooks.vocabulary import STATUSES

# Of one second, of one moment in several forms, and in the order of time but not of text.
TIMES = ("10:00:00Z", "10:00:00.000Z", "10:00:00.500Z", "10:00:00.5+00:00", "10:00:01Z", "12:00:01+02:00", "10:07:00Z")


@dataclass(frozen=True)
class Attempt:
    """A webhook as VectorCare sends it; a retry may carry another time, or other bytes."""

    event_id: str
    time: str
    status: str
    has_data: bool
    variant: int

    def webhook(self) -> Webhook:
        """Write it as ingest puts it on the queue."""
        content = {
            "event_id": self.event_id,
            "event_timestamp": f"2026-03-01T{self.time}",
            "service_request_id": SERVICE_REQUEST,
            "request_status": self.status,
            "action": "ANY",
            "data": {"seen_by": self.event_id, "variant": self.variant} if self.has_data else None,
        }
        return Webhook(json.dumps(content).encode(), "c2ln", NOW)


@dataclass(frozen=True)
class Batch:
    """Messages that are delivered together, and how often the function dies on them first."""

    size: int
    crashes: tuple[Crash, ...]


attempts = st.builds(
    Attempt,
    event_id=st.sampled_from("abcd"),
    time=st.sampled_from(TIMES),
    status=st.sampled_from(STATUSES),
    has_data=st.booleans(),
    variant=st.integers(0, 1),
)
crashes = st.builds(Crash, call=st.integers(1, 8), after=st.booleans())
batches = st.builds(Batch, size=st.integers(1, 6), crashes=st.lists(crashes, max_size=2).map(tuple))


@pytest.fixture(autouse=True, scope="module")
def _at_noon() -> Iterator[None]:
    with mock.patch("vectorcare_bridge.edge.runtime.now", return_value=NOW):
        yield


def expected_state(entries: list[dict[str, Any]], order_by: OrderBy) -> dict[str, Any]:
    """Fold the journal again, by other code than the product's."""
    first_seen = [
        {**json.loads(entry["body"]), "at": entry["last_updated"]} for entry in entries if "redelivery_of" not in entry
    ]
    by_time = order_by is OrderBy.EVENT_TIMESTAMP
    first_seen.sort(key=lambda event: (event["at"], event["event_id"]) if by_time else (event["event_id"],))
    newest = first_seen[-1]
    state = {
        "last_updated": newest["at"],
        "event_id": newest["event_id"],
        "request_status": newest["request_status"],
    }
    with_data = [event for event in first_seen if event["data"] is not None]
    if with_data:
        last = with_data[-1]
        state |= {"data": last["data"], "data_as_of": last["at"], "data_event_id": last["event_id"]}
    return state


@pytest.mark.parametrize("order_by", OrderBy)
@given(deliveries=st.lists(attempts, min_size=1, max_size=10), cuts=st.lists(batches, max_size=6))
def test_every_history_ends_in_the_fold_of_its_journal(
    order_by: OrderBy, deliveries: list[Attempt], cuts: list[Batch]
) -> None:
    # Given deliveries of a few events: repeated, re-stamped, altered, in any order
    tables, waiting = Tables(order_by), deliveries
    # When they arrive in batches, and the function dies on some before it succeeds
    for batch in [*cuts, Batch(len(deliveries), ())]:
        head, waiting = waiting[: batch.size], waiting[batch.size :]
        for crash in (*batch.crashes, None) if head else ():
            tables.deliver([attempt.webhook() for attempt in head], crash)
    # Then the state is the fold of the journal in both registers
    state, expected = tables.state() or {}, expected_state(tables.journal(), order_by)
    assert {key: value for key, value in state.items() if key in expected} == expected
    assert ("data" in state) == ("data" in expected)
    # And every delivery is in the journal, byte for byte
    assert {entry["body"] for entry in tables.journal()} == {attempt.webhook().body for attempt in deliveries}


@pytest.mark.parametrize("order_by", OrderBy)
@given(events=st.lists(attempts, min_size=1, max_size=6, unique_by=lambda attempt: attempt.event_id), data=st.data())
def test_if_nothing_is_restamped_the_state_is_the_newest_of_all_events(
    order_by: OrderBy, events: list[Attempt], data: st.DataObject
) -> None:
    # Given events, each with one time, delivered several times in any order
    tables, in_order = Tables(order_by), Tables(order_by)
    deliveries = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=4))))
    # When each is delivered alone
    for attempt in deliveries:
        tables.deliver([attempt.webhook()])
    # Then the state is the newest of them, as if they had come in order
    for attempt in sorted(events, key=lambda attempt: attempt.event_id):
        in_order.deliver([attempt.webhook()])
    state, expected = tables.state() or {}, in_order.state() or {}
    # And is moved no more often than there are events and registers
    assert state.pop("revision") - utc_timestamp.epoch_milliseconds(NOW) <= 2 * len(events)
    expected.pop("revision")
    assert state == expected
