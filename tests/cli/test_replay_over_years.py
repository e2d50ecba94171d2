"""The state is a function of the journal, however much time passes between webhooks, looks and losses."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.lib.journal import JournalReader
from cli.lib.replay_plan import ReplayOutcome
from cli.lib.replayer import Replayer
from tests.support.cloud import Cloud, InlineExecutor, delivered, running
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks.fold import OrderBy, Rule

RETENTION_DAYS = 365  # the cloud's
FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)
REGISTERS = ("last_updated", "event_id", "request_status", "received_at", "data", "data_as_of", "data_event_id")
LOSSES = {
    "nothing": (),
    "the data register": ("data", "data_as_of", "data_event_id"),
    "the status register": ("last_updated", "event_id", "request_status", "action", "received_at", "expires_at"),
    "the item": None,
}

serial_numbers = itertools.count()


@dataclass(frozen=True)
class Attempt:
    """A webhook: on which day it happened, after how many days it was received, and after how many more applied."""

    event_id: str
    day: float
    received_after: float
    applied_after: float
    status: str
    data: Any

    @property
    def received(self) -> float:
        return self.day + self.received_after

    @property
    def applied(self) -> float:
        return self.received + self.applied_after

    def record(self, service_request_id: str) -> dict[str, Any]:
        """Write it as Lambda hands it over."""
        content = {
            "event_id": self.event_id,
            "event_timestamp": instant(self.day),
            "service_request_id": service_request_id,
            "request_status": self.status,
            "action": "ANY",
            "data": self.data,
        }
        return delivered(json.dumps(content).encode(), received_at=instant(self.received))


def instant(day: float) -> UtcTimestamp:
    return UtcTimestamp((FIRST_DAY + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


attempts = st.builds(
    Attempt,
    event_id=st.sampled_from("abcdef"),
    day=st.sampled_from((0.0, 0.5, 1.0, 90.0, 364.0, 365.0, 366.0, 500.0, 900.0, 1500.0)),
    received_after=st.sampled_from((0.0, 0.0, 0.0, 30.0, 364.0, 365.0, 400.0)),
    applied_after=st.sampled_from((0.0, 0.0, 0.0, 13.0)),
    status=st.sampled_from(("AVAILABLE", "ASSIGNED", "COMPLETED", "UNAVAILABLE")),
    data=st.sampled_from((None, {}, [], {"n": 1}, {"n": 2}, {"n": None})),
)


@pytest.fixture(scope="module", params=list(OrderBy))
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """Give one cloud for all examples; each has a service request of its own."""
    inline = mock.patch("vectorcare_bridge.edge.runtime.executor", return_value=InlineExecutor())
    with inline, running(order_by=request.param) as cloud:
        yield cloud


def apply(cloud: Cloud, service_request_id: str, history: Sequence[Attempt], *, expires: bool, together: bool) -> None:
    """Let the processor have the webhooks, each on its day, or all that come at once in one batch."""
    for at, group in itertools.groupby(sorted(history, key=lambda one: one.applied), key=lambda one: one.applied):
        if expires:
            expire(cloud, service_request_id, at)
        records = [one.record(service_request_id) for one in group]
        for batch in [records] if together else [[record] for record in records]:
            with at_day(at):
                assert cloud.invoke("processor", {"Records": batch}) == {"batchItemFailures": []}


def at_day(day: float) -> Any:
    return mock.patch("vectorcare_bridge.edge.runtime.now", return_value=instant(day))


def table() -> Any:
    return boto3.resource("dynamodb").Table("service_requests")


def expire(cloud: Cloud, service_request_id: str, day: float) -> None:
    """Delete an item whose time is over, as DynamoDB's time to live does sooner or later."""
    state = cloud.state(service_request_id)
    if state and "expires_at" in state and state["expires_at"] <= (FIRST_DAY + timedelta(days=day)).timestamp():
        table().delete_item(Key={"service_request_id": service_request_id})


def expected(cloud: Cloud, service_request_id: str, *, day: float) -> dict[str, Any] | None:
    """Say what the journal makes of the request by that day, by other code than the product's."""
    entries = boto3.resource("dynamodb").Table("events")
    found = entries.query(KeyConditionExpression=Key("service_request_id").eq(service_request_id))["Items"]
    margin = timedelta(minutes=15)
    firsts, timely = [], []
    for entry in found:
        said = json.loads(entry["body"].value) | {"at": entry["last_updated"], "received_at": entry["received_at"]}
        age = datetime.fromisoformat(said["received_at"]) - datetime.fromisoformat(said["at"])
        if "redelivery_of" not in entry:
            firsts.append(said)
            timely += [said["at"]] if age <= timedelta(days=RETENTION_DAYS) - margin else []
    counting = [said for said in firsts if said["at"] >= min(timely, default="9999")]
    by = ("at", "event_id") if cloud.order_by == OrderBy.EVENT_TIMESTAMP else ("event_id", "at")
    counting.sort(key=lambda said: [said[name] for name in by])
    if not counting:
        return None
    newest = counting[-1]
    ends = datetime.fromisoformat(newest["at"]) + timedelta(days=RETENTION_DAYS)
    is_closed = newest["request_status"] in {"COMPLETED", "UNAVAILABLE"}
    if is_closed and ends <= FIRST_DAY + timedelta(days=day) + margin:
        return None
    state = {
        "last_updated": newest["at"],
        **{name: newest[name] for name in ("event_id", "request_status", "received_at")},
    }
    with_data = [said for said in counting if said["data"] and list(said["data"].values()) != [None]]
    if with_data:
        last = with_data[-1]
        state |= {"data": last["data"], "data_as_of": last["at"], "data_event_id": last["event_id"]}
    return state


def registers(state: dict[str, Any] | None) -> dict[str, Any] | None:
    return state and {name: state[name] for name in REGISTERS if name in state}


def replay(cloud: Cloud, service_request_id: str, *, day: float) -> ReplayOutcome:
    journal = JournalReader(cloud.dynamodb, "events")
    rule = Rule(OrderBy(cloud.order_by), RETENTION_DAYS)
    with at_day(day):
        found = Replayer(cloud.dynamodb, journal, "service_requests", rule=rule, dry_run=False)
        return found.replay(service_request_id).outcome


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    history=st.lists(attempts, min_size=1, max_size=7),
    expires=st.booleans(),
    together=st.booleans(),
    loss=st.sampled_from(sorted(LOSSES)),
    later=st.sampled_from((0.0, 200.0, 4000.0)),
)
def test_whatever_is_lost_a_replay_at_any_time_gives_what_the_processor_held(
    cloud: Cloud, *, history: list[Attempt], expires: bool, together: bool, loss: str, later: float
) -> None:
    # Given webhooks over years, of which some are applied long after they were received
    service_request_id = f"VC-{next(serial_numbers)}"
    last = max(one.applied for one in history)
    apply(cloud, service_request_id, history, expires=expires, together=together)
    # Then the processor holds what the journal makes of them, whether DynamoDB has deleted what is over or not
    right = expected(cloud, service_request_id, day=last)
    expire(cloud, service_request_id, last + 1 / 96)
    assert registers(cloud.state(service_request_id)) == right

    # When something is lost, and the journal replayed at some later time
    state, gone = cloud.state(service_request_id), LOSSES[loss]
    if gone is None or state is None:
        table().delete_item(Key={"service_request_id": service_request_id})
    else:
        table().put_item(Item={name: value for name, value in state.items() if name not in gone})
    outcome = replay(cloud, service_request_id, day=last + later)

    # Then what is not over by then is there again
    due = expected(cloud, service_request_id, day=last + later)
    if due:
        assert registers(cloud.state(service_request_id)) == right == due
        assert replay(cloud, service_request_id, day=last + later) is ReplayOutcome.UNCHANGED
    elif cloud.state(service_request_id) is None:
        assert outcome is ReplayOutcome.EXPIRED


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=st.lists(attempts, min_size=2, max_size=6), order=st.randoms(use_true_random=False))
def test_one_journal_has_one_end_whatever_the_order_and_the_batches(
    cloud: Cloud, history: list[Attempt], order: Any
) -> None:
    # Given webhooks, each with an id of its own, all of them received by the time the first is applied
    unique = list({one.event_id: one for one in history}.values())
    now = max(one.received for one in unique)
    ends = []
    # When they are applied in one batch, one by one, and one by one in another order
    shuffled = order.sample(unique, len(unique))
    for batches in ([unique], [[one] for one in unique], [[one] for one in shuffled]):
        service_request_id = f"VC-{next(serial_numbers)}"
        for batch in batches:
            with at_day(now):
                records = [one.record(service_request_id) for one in batch]
                assert cloud.invoke("processor", {"Records": records}) == {"batchItemFailures": []}
        expire(cloud, service_request_id, now + 1 / 96)
        ends.append(registers(cloud.state(service_request_id)))
    # Then it comes to the same
    assert ends[0] == ends[1] == ends[2] == expected(cloud, service_request_id, day=now)
