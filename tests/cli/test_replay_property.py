"""Replay makes of a corrupted state what the processor would have made."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from unittest import mock

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.lib.journal import JournalReader
from cli.lib.replay_plan import Plan, ReplayOutcome
from cli.lib.replayer import Replayer
from tests.support.cloud import Cloud, InlineExecutor, delivered, running
from vectorcare_bridge.webhooks.fold import OrderBy, Rule

RETENTION_DAYS = 365  # the cloud's
# Old enough to make no item, of one instant in two forms, and young.
TIMES = ("2025-01-01T00:00:00Z", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000Z", "2026-03-01T10:00:00.5Z")
FIELDS = ("last_updated", "event_id", "request_status", "action", "received_at", "expires_at", "data", "data_as_of")

few = settings(max_examples=15)
serial_numbers = itertools.count()


@dataclass(frozen=True)
class Attempt:
    """A webhook as VectorCare sends it; a retry may carry another time, or other bytes."""

    event_id: str
    time: str
    status: str
    data: Any

    def body(self, service_request_id: str) -> bytes:
        return json.dumps(
            {
                "event_id": self.event_id,
                "event_timestamp": self.time,
                "service_request_id": service_request_id,
                "request_status": self.status,
                "action": "ANY",
                "data": self.data,
            }
        ).encode()


values = st.sampled_from([None, {}, {"number": 1}, {"number": True}, {"number": 1.5, "list": [1, None]}])
attempts = st.builds(
    Attempt,
    event_id=st.sampled_from("abcd"),
    time=st.sampled_from(TIMES),
    status=st.sampled_from(("AVAILABLE", "ASSIGNED", "COMPLETED", "UNAVAILABLE")),
    data=values,
)
histories = st.lists(attempts, min_size=1, max_size=8)


@pytest.fixture(scope="module", params=list(OrderBy))
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """Give one cloud for all examples; each has a service request of its own."""
    inline = mock.patch("vectorcare_bridge.edge.runtime.executor", return_value=InlineExecutor())
    with inline, running(order_by=request.param) as cloud:
        yield cloud


def deliver(cloud: Cloud, service_request_id: str, attempt: Attempt) -> None:
    """Have the real processor apply a webhook."""
    records = [delivered(attempt.body(service_request_id))]
    assert cloud.invoke("processor", {"Records": records}) == {"batchItemFailures": []}


def replay(cloud: Cloud, service_request_id: str, *, dry_run: bool = False) -> Plan:
    replayer = Replayer(
        cloud.dynamodb,
        JournalReader(cloud.dynamodb, "events"),
        "service_requests",
        rule=Rule(OrderBy(cloud.order_by), RETENTION_DAYS),
        dry_run=dry_run,
    )
    return replayer.replay(service_request_id)


def state_of(cloud: Cloud, service_request_id: str) -> dict[str, Any] | None:
    return cloud.state(service_request_id)


def comparable(state: dict[str, Any] | None) -> dict[str, Any]:
    assert state is not None
    return {name: value for name, value in state.items() if name not in {"updated_at", "revision"}}


@few
@given(history=histories, corruption=st.data())
def test_replay_makes_of_a_corrupted_state_what_the_processor_had_made(
    cloud: Cloud, history: list[Attempt], corruption: st.DataObject
) -> None:
    # Given a state that a fault raised, lowered, emptied or removed
    service_request_id = f"VC-{next(serial_numbers)}"
    young = [attempt for attempt in history if not attempt.time.startswith("2025")]
    for attempt in young or [Attempt("a", TIMES[1], "AVAILABLE", {"number": 1})]:
        deliver(cloud, service_request_id, attempt)
    right = state_of(cloud, service_request_id)
    assert right is not None
    wrong = corrupted(right, corruption)
    table = boto3.resource("dynamodb").Table("service_requests")
    table.delete_item(Key={"service_request_id": service_request_id})
    if wrong is not None:
        table.put_item(Item=wrong)

    # When
    rehearsed = replay(cloud, service_request_id, dry_run=True)
    untouched = state_of(cloud, service_request_id)
    plan = replay(cloud, service_request_id)

    # Then
    assert untouched == wrong
    assert (
        rehearsed.outcome
        is plan.outcome
        is (ReplayOutcome.UNCHANGED if wrong and comparable(wrong) == comparable(right) else ReplayOutcome.CHANGED)
    )
    assert comparable(state_of(cloud, service_request_id)) == comparable(right)
    after = state_of(cloud, service_request_id)
    assert after is not None
    if plan.outcome is ReplayOutcome.CHANGED and wrong and "revision" in wrong:
        assert after["revision"] == wrong["revision"] + 1
    assert replay(cloud, service_request_id).outcome is ReplayOutcome.UNCHANGED


def corrupted(right: dict[str, Any], corruption: st.DataObject) -> dict[str, Any] | None:
    if corruption.draw(st.booleans(), label="gone"):
        return None
    wrong = dict(right)
    for name in corruption.draw(st.sets(st.sampled_from((*FIELDS, "data_event_id", "revision"))), label="removed"):
        wrong.pop(name, None)
    others = {
        "last_updated": "9999-01-01T00:00:00.000000Z",
        "request_status": "SOMETHING",
        "expires_at": Decimal(1),
        "data": {"number": Decimal(2)},
        "data_as_of": "9999-01-01T00:00:00.000000Z",
    }
    for name in corruption.draw(st.sets(st.sampled_from(sorted(others))), label="changed"):
        wrong[name] = others[name]
    return wrong
