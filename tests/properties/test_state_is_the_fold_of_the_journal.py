"""Any order, duplication, batching and crash of any set of webhooks ends in the fold of the journal."""

import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from unittest import mock

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import faults
from tests.support.cloud import Cloud, InlineExecutor, delivered, running
from vectorcare_bridge import utc_timestamp

STATUSES = ("AVAILABLE", "ASSIGNED", "COMPLETED", "UNAVAILABLE")
# Of one second, of one instant in several forms, and in the order of time but not of text.
TIMES = ("10:00:00Z", "10:00:00.000Z", "10:00:00.500Z", "10:00:00.5+00:00", "10:00:01Z", "12:00:01+02:00", "10:07:00Z")


class Crashed(BaseException):
    """The function's end: nothing after it runs."""


@dataclass(frozen=True)
class Attempt:
    """A webhook as VectorCare sends it; a retry may carry another time, or other bytes."""

    event_id: str
    time: str
    status: str
    has_data: bool
    variant: int

    def body(self, service_request_id: str) -> bytes:
        """Write its bytes."""
        return json.dumps(
            {
                "event_id": self.event_id,
                "event_timestamp": f"2026-03-01T{self.time}",
                "service_request_id": service_request_id,
                "request_status": self.status,
                "action": "ANY",
                "data": {"seen_by": self.event_id, "variant": self.variant} if self.has_data else None,
            }
        ).encode()


attempts = st.builds(
    Attempt,
    event_id=st.sampled_from("abcd"),
    time=st.sampled_from(TIMES),
    status=st.sampled_from(STATUSES),
    has_data=st.booleans(),
    variant=st.integers(0, 1),
)


@dataclass(frozen=True)
class Crash:
    """Die at the nth call of a batch, before or after it takes effect."""

    call: int
    after: bool


@dataclass(frozen=True)
class Batch:
    """Messages that are delivered together, and how often the function dies on them first."""

    size: int
    crashes: tuple[Crash, ...]


crashes = st.builds(Crash, call=st.integers(1, 8), after=st.booleans())
batches = st.builds(Batch, size=st.integers(1, 6), crashes=st.lists(crashes, max_size=2).map(tuple))
serial_numbers = itertools.count()


@pytest.fixture(scope="module", params=["event_timestamp", "event_id"])
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """Give one cloud for all examples; each has a service request of its own."""
    inline = mock.patch("vectorcare_bridge.edge.runtime.executor", return_value=InlineExecutor())
    with inline, running(order_by=request.param) as cloud:
        yield cloud


def deliver(cloud: Cloud, records: list[dict[str, Any]], crash: Crash | None) -> None:
    """Deliver a batch once; on a crash the rest of the invocation does not happen."""
    calls = itertools.count(1)
    dead: list[bool] = []

    def decide(_operation: str, after: bool) -> None:
        reached = crash is not None and after is crash.after and next(calls) >= crash.call
        if dead or reached:
            dead.append(True)
            raise Crashed

    with faults.on_call(decide), suppress(Crashed):
        cloud.invoke("processor", {"Records": records})


def journal_of(service_request_id: str) -> list[dict[str, Any]]:
    table = boto3.resource("dynamodb").Table("events")
    return list(table.query(KeyConditionExpression=Key("service_request_id").eq(service_request_id))["Items"])


def expected_state(entries: list[dict[str, Any]], order_by: str) -> dict[str, Any]:
    """Fold the journal anew, by other code than the product's."""
    first_seen = [
        {**json.loads(entry["body"].value), "at": entry["last_updated"]}
        for entry in entries
        if "redelivery_of" not in entry
    ]
    by_time = order_by == "event_timestamp"
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


@settings(max_examples=80)
@given(deliveries=st.lists(attempts, min_size=1, max_size=10), cuts=st.lists(batches, max_size=6))
def test_every_history_ends_in_the_fold_of_its_journal(
    cloud: Cloud, deliveries: list[Attempt], cuts: list[Batch]
) -> None:
    # Given deliveries of a few events: repeated, re-stamped, altered, in any order
    service_request_id = f"VC-{next(serial_numbers)}"
    records = [delivered(attempt.body(service_request_id)) for attempt in deliveries]
    # When they arrive in batches, on some of which the function dies before it succeeds
    for batch in [*cuts, Batch(len(records) or 1, ())]:
        head, records = records[: batch.size], records[batch.size :]
        for crash in (*batch.crashes, None) if head else ():
            deliver(cloud, head, crash)
    # Then the state is the fold of the journal in both registers
    entries = journal_of(service_request_id)
    state = cloud.state(service_request_id)
    assert state is not None
    expected = expected_state(entries, cloud.order_by)
    assert {key: value for key, value in state.items() if key in expected} == expected
    assert ("data" in state) == ("data" in expected)
    # And every delivery is in the journal, byte for byte
    bodies = {entry["body"].value for entry in entries}
    assert bodies == {attempt.body(service_request_id) for attempt in deliveries}


@settings(max_examples=40)
@given(events=st.lists(attempts, min_size=1, max_size=6, unique_by=lambda attempt: attempt.event_id), data=st.data())
def test_where_nothing_is_restamped_the_state_is_the_newest_of_all_events(
    cloud: Cloud, events: list[Attempt], data: st.DataObject
) -> None:
    # Given events, each with one time, delivered several times in any order
    service_request_id = f"VC-{next(serial_numbers)}"
    deliveries = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=4))))
    # When each is delivered alone
    for attempt in deliveries:
        deliver(cloud, [delivered(attempt.body(service_request_id))], None)
    # Then the state is the newest of them, as if they had come in order
    in_order = f"VC-{next(serial_numbers)}"
    for attempt in sorted(events, key=lambda attempt: attempt.event_id):
        deliver(cloud, [delivered(attempt.body(in_order))], None)
    assert comparable(cloud, service_request_id) == comparable(cloud, in_order)
    # And is moved no more often than there are events and registers
    state = cloud.state(service_request_id)
    assert state is not None
    # A revision counts from the clock at the first write.
    assert state["revision"] - utc_timestamp.epoch_milliseconds(state["updated_at"]) <= 2 * len(events)


def comparable(cloud: Cloud, service_request_id: str) -> dict[str, Any]:
    state = cloud.state(service_request_id)
    assert state is not None
    return {key: value for key, value in state.items() if key not in {"service_request_id", "revision", "updated_at"}}
