"""Any order, duplication, batching and crash of any set of webhooks ends in the fold of the journal."""

import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.process import Processor, ReceivedWebhook
from tests.support.cloud import NOW, InlineExecutor
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge.dynamodb_item import to_item
from vectorcare_bridge.webhooks.fold import OrderBy, Rule
from vectorcare_bridge.webhooks.journal import Journal
from vectorcare_bridge.webhooks.message import Webhook
from vectorcare_bridge.webhooks.state import State
from vectorcare_bridge.webhooks.vocabulary import STATUSES
from verification.simulation.models.dynamodb import DynamoDB, Table
from verification.simulation.world.client import Paginator

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from vectorcare_bridge.edge.queue import Queue

SERVICE_REQUEST = "VC-TEST0001"
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

    def body(self) -> bytes:
        """Write its bytes."""
        return json.dumps(
            {
                "event_id": self.event_id,
                "event_timestamp": f"2026-03-01T{self.time}",
                "service_request_id": SERVICE_REQUEST,
                "request_status": self.status,
                "action": "ANY",
                "data": {"seen_by": self.event_id, "variant": self.variant} if self.has_data else None,
            }
        ).encode()


@dataclass(frozen=True)
class Crash:
    """The function dies at the nth call of a batch, before or after it takes effect."""

    call: int
    after: bool


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


class CrashedError(BaseException):
    """The function's end: nothing after it runs."""


class Tables:
    """Both tables in the simulation's model of DynamoDB, a processor over them, and the client between the two."""

    def __init__(self, order_by: OrderBy) -> None:
        self.model = DynamoDB(
            {"events": Table(("service_request_id", "event_id")), "states": Table(("service_request_id",))}
        )
        self._calls = itertools.count(1)
        self._crash: Crash | None = None
        client, rule = cast("DynamoDBClient", self), Rule(order_by, 365)
        self._processor = Processor(
            Journal(client, "events", retention_days=2555),
            State(client, "states", rule=rule),
            cast("Queue", mock.Mock()),
            rule=rule,
            executor=InlineExecutor(),
        )

    def __getattr__(self, operation: str) -> Any:
        return partial(self._call, getattr(self.model, operation))

    def get_paginator(self, operation: str) -> Paginator:
        """Make a paginator, as boto3 does."""
        return Paginator(getattr(self, operation))

    def _call(self, operation: Any, **parameters: Any) -> Any:
        number, crash = next(self._calls), self._crash
        if crash and (number > crash.call or (number == crash.call and not crash.after)):
            raise CrashedError
        answer = operation(**parameters)
        if crash and number == crash.call:
            raise CrashedError
        return answer

    def deliver(self, attempts: list[Attempt], crash: Crash | None = None) -> None:
        """Deliver a batch once; after a crash the rest of the invocation does not happen."""
        self._calls, self._crash = itertools.count(1), crash
        received = [ReceivedWebhook("m", "r", 1, Webhook(attempt.body(), "c2ln", NOW)) for attempt in attempts]
        with suppress(CrashedError):
            self._processor.process(received)

    def journal(self) -> list[dict[str, Any]]:
        """Read all entries."""
        return [to_item(item) for item in self.model.tables["events"].items.values()]

    def state(self) -> dict[str, Any]:
        """Read the one item."""
        return to_item(self.model.tables["states"].items[SERVICE_REQUEST,])


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
    # When they arrive in batches, on some of which the function dies before it succeeds
    for batch in [*cuts, Batch(len(deliveries), ())]:
        head, waiting = waiting[: batch.size], waiting[batch.size :]
        for crash in (*batch.crashes, None) if head else ():
            tables.deliver(head, crash)
    # Then the state is the fold of the journal in both registers
    state, expected = tables.state(), expected_state(tables.journal(), order_by)
    assert {key: value for key, value in state.items() if key in expected} == expected
    assert ("data" in state) == ("data" in expected)
    # And every delivery is in the journal, byte for byte
    assert {entry["body"] for entry in tables.journal()} == {attempt.body() for attempt in deliveries}


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
        tables.deliver([attempt])
    # Then the state is the newest of them, as if they had come in order
    for attempt in sorted(events, key=lambda attempt: attempt.event_id):
        in_order.deliver([attempt])
    state, expected = tables.state(), in_order.state()
    # And is moved no more often than there are events and registers
    assert state.pop("revision") - utc_timestamp.epoch_milliseconds(NOW) <= 2 * len(events)
    expected.pop("revision")
    assert state == expected
