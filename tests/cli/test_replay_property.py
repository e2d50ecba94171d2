"""A replay makes of a lost or wrong state what the processor held, however much time has passed."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.lib.journal import JournalReader
from cli.lib.replay_plan import Plan, ReplayOutcome
from cli.lib.replayer import Replayer
from tests.support.tables import RETENTION_DAYS, SERVICE_REQUEST, Tables
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks.fold import OrderBy
from vectorcare_bridge.webhooks.message import Webhook

FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)
MARGIN = timedelta(minutes=15)  # of clocks that differ
REGISTERS = ("last_updated", "event_id", "request_status", "received_at", "data", "data_as_of", "data_event_id")
LATER = "9999-01-01T00:00:00.000000Z"
# What a fault takes from the state, and what it writes into it; None takes the item.
FAULTS: dict[str, tuple[tuple[str, ...] | None, dict[str, Any]]] = {
    "nothing": ((), {}),
    "item lost": (None, {}),
    "data lost": (("data", "data_as_of", "data_event_id"), {}),
    "status lost": (("last_updated", "event_id", "request_status", "action", "received_at", "expires_at"), {}),
    "status raised": ((), {"last_updated": LATER, "request_status": "SOMETHING", "expires_at": Decimal(1)}),
    "data raised": ((), {"data": {"n": Decimal(3)}, "data_as_of": LATER}),
    "revision lost": (("revision",), {"request_status": "SOMETHING"}),
}


@dataclass(frozen=True)
class Attempt:
    """A webhook: the day on which it happened, the days until it was received, and the days until it was applied."""

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

    def webhook(self) -> Webhook:
        """Write it as ingest puts it on the queue."""
        content = {
            "event_id": self.event_id,
            "event_timestamp": timestamp(self.day),
            "service_request_id": SERVICE_REQUEST,
            "request_status": self.status,
            "action": "ANY",
            "data": self.data,
        }
        return Webhook(json.dumps(content).encode(), "c2ln", timestamp(self.received))


def timestamp(day: float) -> UtcTimestamp:
    return UtcTimestamp((FIRST_DAY + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


attempts = st.builds(
    Attempt,
    event_id=st.sampled_from("abcdef"),
    day=st.sampled_from((0.0, 0.5, 1.0, 90.0, 364.0, 365.0, 366.0, 500.0, 900.0, 1500.0)),
    received_after=st.sampled_from((0.0, 0.0, 0.0, 30.0, 364.0, 365.0, 400.0)),
    applied_after=st.sampled_from((0.0, 0.0, 0.0, 13.0)),
    status=st.sampled_from(("AVAILABLE", "ASSIGNED", "COMPLETED", "UNAVAILABLE")),
    data=st.sampled_from((None, {}, [], {"n": 1}, {"n": True}, {"n": None}, {"n": 1.5, "list": [1, None]})),
)


def apply(tables: Tables, history: Sequence[Attempt], *, expires: bool, together: bool) -> None:
    """Let the processor have the webhooks, each on its day; those of one day together or one by one."""
    for day, group in itertools.groupby(sorted(history, key=lambda one: one.applied), key=lambda one: one.applied):
        if expires:
            tables.expire(seconds(day))
        webhooks = [one.webhook() for one in group]
        for batch in [webhooks] if together else [[webhook] for webhook in webhooks]:
            with on_day(day):
                tables.deliver(batch)


def seconds(day: float) -> float:
    return (FIRST_DAY + timedelta(days=day)).timestamp()


def on_day(day: float) -> Any:
    return mock.patch("vectorcare_bridge.edge.runtime.now", return_value=timestamp(day))


def expected(tables: Tables, *, day: float) -> dict[str, Any] | None:
    """Compute the state of that day from the journal, by other code than the product's."""
    firsts, timely = [], []
    for entry in tables.journal():
        said = json.loads(entry["body"]) | {"at": entry["last_updated"], "received_at": entry["received_at"]}
        age = datetime.fromisoformat(said["received_at"]) - datetime.fromisoformat(said["at"])
        if "redelivery_of" not in entry:
            firsts.append(said)
            timely += [said["at"]] if age <= timedelta(days=RETENTION_DAYS) - MARGIN else []
    counting = [said for said in firsts if said["at"] >= min(timely, default="9999")]
    by = ("at", "event_id") if tables.rule.order_by is OrderBy.EVENT_TIMESTAMP else ("event_id", "at")
    counting.sort(key=lambda said: [said[name] for name in by])
    if not counting:
        return None
    newest = counting[-1]
    ends = datetime.fromisoformat(newest["at"]) + timedelta(days=RETENTION_DAYS)
    is_closed = newest["request_status"] in {"COMPLETED", "UNAVAILABLE"}
    if is_closed and ends <= FIRST_DAY + timedelta(days=day) + MARGIN:
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


def replay(tables: Tables, *, day: float, dry_run: bool = False) -> Plan:
    journal = JournalReader(tables.client, "events")
    with on_day(day):
        return Replayer(tables.client, journal, "states", rule=tables.rule, dry_run=dry_run).replay(SERVICE_REQUEST)


@pytest.mark.parametrize("order_by", OrderBy)
@given(
    history=st.lists(attempts, min_size=1, max_size=7),
    expires=st.booleans(),
    together=st.booleans(),
    fault=st.sampled_from(sorted(FAULTS)),
    later=st.sampled_from((0.0, 200.0, 4000.0)),
)
def test_after_any_fault_a_replay_at_any_time_gives_what_the_processor_held(
    order_by: OrderBy, *, history: list[Attempt], expires: bool, together: bool, fault: str, later: float
) -> None:
    # Given webhooks over years, some of them applied long after they were received
    tables, last = Tables(order_by), max(one.applied for one in history)
    apply(tables, history, expires=expires, together=together)
    # Then the processor holds what follows from the journal, whether DynamoDB has deleted expired items or not
    right = expected(tables, day=last)
    tables.expire(seconds(last + 1 / 96))
    assert registers(tables.state()) == right

    # When a fault changes the state, and the journal is replayed at some later time
    state, (lost, written) = tables.state(), FAULTS[fault]
    if state is None or lost is None:
        tables.overwrite(None)
    else:
        tables.overwrite({name: value for name, value in state.items() if name not in lost} | written)
    wrong = tables.state()
    rehearsed = replay(tables, day=last + later, dry_run=True)
    untouched = tables.state()
    replayed = replay(tables, day=last + later)

    # Then a dry run foretells it and writes nothing, and a state that is due is there again
    assert untouched == wrong
    assert rehearsed.outcome is replayed.outcome
    after, due = tables.state(), expected(tables, day=last + later)
    if due:
        assert registers(after) == right == due
        assert replay(tables, day=last + later).outcome is ReplayOutcome.UNCHANGED
        if after and wrong and "revision" in wrong:
            changed = replayed.outcome is ReplayOutcome.CHANGED
            assert after["revision"] == wrong["revision"] + changed
    elif wrong is None:
        assert (replayed.outcome, after) == (ReplayOutcome.EXPIRED, None)
