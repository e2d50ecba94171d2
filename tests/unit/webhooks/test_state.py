"""What the state takes, refuses and holds, write by write."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.support import faults
from tests.support.cloud import NOW, Cloud
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks.envelope import Event
from vectorcare_bridge.webhooks.failure import ItemGoneError, PermanentError
from vectorcare_bridge.webhooks.fold import Fold, OrderBy, Received, Rule
from vectorcare_bridge.webhooks.state import Moved, State

RECEIVED_AT = UtcTimestamp("2026-03-01T11:00:00.000000Z")
LATER = utc_timestamp.later(NOW, minutes=1)


@pytest.fixture
def state(cloud: Cloud) -> State:
    return State(cloud.dynamodb, "service_requests", rule=Rule(OrderBy.EVENT_TIMESTAMP, 30))


def event(event_id: str, minute: int, *, status: str = "ASSIGNED", data: Any = "known") -> Event:
    time = UtcTimestamp(f"2026-03-01T10:{minute:02}:00.000000Z")
    return Event("VC-TEST0001", event_id, time, status, "ANY", data)


def offer(
    state: State,
    newest: Event,
    newest_data: Event | None = None,
    *,
    may_begin: bool = True,
    now: UtcTimestamp = NOW,
) -> Moved | None:
    data = newest_data or (newest if newest.data is not None else None)
    folded = Fold(Received(newest, RECEIVED_AT), data, since=newest.last_updated)
    return state.move_forward(folded, may_begin=may_begin, now=now)


@contextmanager
def calls() -> Iterator[list[str]]:
    called: list[str] = []
    with faults.on_call(lambda operation, after: called.append(operation) if not after else None):
        yield called


def held(cloud: Cloud) -> dict[str, Any]:
    item = cloud.state()
    assert item is not None
    return item


def between_two_writes(action: Callable[[], object]) -> AbstractContextManager[None]:
    """Do something, once, after the first write of state has taken effect."""

    def act(operation: str, after: bool) -> None:
        if operation == "UpdateItem" and after and not done:
            done.append(True)
            action()

    done: list[bool] = []
    return faults.on_call(act)


def test_the_first_event_makes_the_item(cloud: Cloud, state: State) -> None:
    # Given no item, When an event is offered
    moved = offer(state, event("a", 0, status="COMPLETED", data={"n": 1}))
    # Then both registers are its
    assert moved == Moved(status=True, data=True, against_id_order=False)
    assert held(cloud) == {
        "service_request_id": "VC-TEST0001",
        "last_updated": "2026-03-01T10:00:00.000000Z",
        "event_id": "a",
        "request_status": "COMPLETED",
        "action": "ANY",
        "received_at": RECEIVED_AT,
        "updated_at": NOW,
        "expires_at": utc_timestamp.epoch_seconds(UtcTimestamp("2026-03-31T10:00:00.000000Z")),
        "data": {"n": 1},
        "data_as_of": "2026-03-01T10:00:00.000000Z",
        "data_event_id": "a",
        "revision": utc_timestamp.epoch_milliseconds(NOW) + 1,
    }


def test_attributes_that_the_newest_event_lacks_are_removed(cloud: Cloud, state: State) -> None:
    # Given a closed request, When it is open again, by an event that names no action
    offer(state, event("a", 0, status="COMPLETED"))
    offer(state, replace(event("b", 1), action=None))
    # Then it has no action and does not expire
    assert not held(cloud).keys() & {"action", "expires_at"}


def test_data_that_comes_late_is_written_alone(cloud: Cloud, state: State) -> None:
    # Given a status without data
    offer(state, event("b", 5, status="UNAVAILABLE", data=None))
    before = held(cloud)
    # When an older event brings data
    moved = offer(state, event("a", 0, data="late"), now=LATER)
    # Then the data register moves, and nothing else but the marks of the write
    assert moved == Moved(status=False, data=True, against_id_order=False)
    assert held(cloud) == before | {
        "data": "late",
        "data_as_of": "2026-03-01T10:00:00.000000Z",
        "data_event_id": "a",
        "updated_at": LATER,
        "revision": before["revision"] + 1,
    }


def test_data_newer_than_the_items_is_taken_though_its_status_is_not(cloud: Cloud, state: State) -> None:
    # Given a status without data, newer than the data beside it
    offer(state, event("z", 9, status="UNAVAILABLE", data=None), event("a", 1, data="older"))
    # When data comes that is newer than the one and older than the other
    moved = offer(state, event("b", 2, data="newer"))
    # Then it is the last known data
    assert moved == Moved(status=False, data=True)
    assert (held(cloud)["event_id"], held(cloud)["data"]) == ("z", "newer")


def test_an_item_deleted_before_the_second_write_leaves_no_stub(cloud: Cloud, state: State) -> None:
    # Given an item that expires between two writes
    def expire() -> None:
        cloud.dynamodb.delete_item(TableName="service_requests", Key={"service_request_id": {"S": "VC-TEST0001"}})

    # When status and data come from two events, Then the message has to start over
    with between_two_writes(expire), pytest.raises(ItemGoneError):
        offer(state, event("z", 9, status="UNAVAILABLE", data=None), event("a", 1))
    assert cloud.state() is None


@pytest.mark.parametrize("again", [event("b", 5), event("a", 0, data="old")], ids=["the same", "an older one"])
def test_an_event_that_is_not_newer_moves_nothing_by_one_write(cloud: Cloud, state: State, again: Event) -> None:
    # Given an item with data
    offer(state, event("b", 5))
    before = held(cloud)
    # When the same event or an older one comes, Then one write is tried, and refused
    with calls() as called:
        assert offer(state, again, now=LATER) == Moved(status=False, data=False)
    assert called == ["UpdateItem"]
    assert held(cloud) == before


@pytest.mark.parametrize(("order_by", "minutes"), [(OrderBy.EVENT_TIMESTAMP, (0, 0, 0)), (OrderBy.EVENT_ID, (5, 9, 0))])
def test_with_equal_times_or_by_id_the_greater_id_takes_both_registers(
    cloud: Cloud, order_by: OrderBy, minutes: tuple[int, int, int]
) -> None:
    state = State(cloud.dynamodb, "service_requests", rule=Rule(order_by, 30))
    offer(state, event("b", minutes[0], data="of b"))
    assert offer(state, event("a", minutes[1], data="of a")) == Moved(status=False, data=False)
    assert offer(state, event("c", minutes[2], data="of c")) == Moved(status=True, data=True)
    assert (held(cloud)["event_id"], held(cloud)["data"]) == ("c", "of c")


def test_a_later_event_with_a_smaller_id_is_reported(state: State) -> None:
    assert offer(state, event("b", 0)) == Moved(status=True, data=True)
    assert offer(state, event("a", 1)) == Moved(status=True, data=True, against_id_order=True)
    assert offer(state, event("b", 2)) == Moved(status=True, data=True)
    assert offer(state, event("b", 3)) == Moved(status=True, data=True)
    assert offer(state, event("a", 0)) == Moved(status=False, data=False)


@pytest.mark.parametrize(
    ("order_by", "status_minute", "meanwhile", "newest"),
    [
        (OrderBy.EVENT_TIMESTAMP, 9, event("a", 1, data="meanwhile"), "ours"),
        (OrderBy.EVENT_TIMESTAMP, 9, event("c", 3, data="meanwhile"), "meanwhile"),
        (OrderBy.EVENT_TIMESTAMP, 9, event("a", 2, data="meanwhile"), "ours"),
        (OrderBy.EVENT_TIMESTAMP, 9, event("c", 2, data="meanwhile"), "meanwhile"),
        (OrderBy.EVENT_ID, 0, event("a", 2, data="meanwhile"), "ours"),
        (OrderBy.EVENT_ID, 0, event("c", 2, data="meanwhile"), "meanwhile"),
    ],
    ids=["older", "newer", "older of one time", "newer of one time", "smaller id", "greater id"],
)
def test_if_two_functions_write_data_at_the_same_time_the_newer_wins(
    cloud: Cloud, order_by: OrderBy, status_minute: int, meanwhile: Event, newest: str
) -> None:
    # Given a status without data that is newer than the data of its batch
    state = State(cloud.dynamodb, "service_requests", rule=Rule(order_by, 30))
    status, ours = event("z", status_minute, status="UNAVAILABLE", data=None), event("b", 2, data="ours")
    # When another function writes data between the two writes
    with between_two_writes(lambda: offer(state, meanwhile)):
        moved = offer(state, status, ours)
    # Then the newer of the two stays
    assert moved == Moved(status=True, data=newest == "ours")
    assert held(cloud)["data"] == newest


def test_an_event_that_may_not_begin_a_request_moves_only_an_existing_one(cloud: Cloud, state: State) -> None:
    # Given no item, When an event is offered that may not make one, Then there is still none, by one write
    with calls() as called:
        assert offer(state, event("a", 0), may_begin=False) is None
    assert (called, cloud.state()) == (["UpdateItem"], None)
    # When there is one, Then the event moves it
    offer(state, event("a", 0))
    assert offer(state, event("b", 1), may_begin=False) == Moved(status=True, data=True)
    assert held(cloud)["event_id"] == "b"


def test_the_revision_of_an_item_that_was_deleted_does_not_go_back(cloud: Cloud, state: State) -> None:
    # Given an item that was written several times, and is gone
    for minute in range(5):
        offer(state, event("a", minute))
    seen = held(cloud)["revision"]
    cloud.dynamodb.delete_item(TableName="service_requests", Key={"service_request_id": {"S": "VC-TEST0001"}})
    # When it is made again, Then a subscriber that drops what is not greater hears of it
    offer(state, event("b", 9), now=LATER)
    assert held(cloud)["revision"] > seen


@pytest.mark.parametrize("data", ["known", None])
def test_a_lost_answer_is_no_refusal(cloud: Cloud, state: State, data: str | None) -> None:
    # Given a first write that took effect though its answer was lost
    with faults.losing_one_answer("UpdateItem"):
        moved = offer(state, event("a", 0, data=data))
    # Then the event was taken, once
    assert moved == Moved(status=True, data=data is not None)
    assert held(cloud)["revision"] == utc_timestamp.epoch_milliseconds(NOW) + 1


def test_expressions_have_the_keywords_of_the_documented_grammar(cloud: Cloud, state: State) -> None:
    # Given a client that shows what it is asked ("Using update expressions", DynamoDB developer guide)
    def show(params: dict[str, Any], **_more: Any) -> None:
        asked.append([word for word in params["UpdateExpression"].split() if word.isalpha()])

    asked: list[list[str]] = []
    cloud.dynamodb.meta.events.register("provide-client-params.dynamodb.UpdateItem", show)
    # When an event is written that takes an attribute away
    offer(state, event("a", 0))
    # Then the clauses are these
    assert asked == [["SET", "revision", "REMOVE"]]


def test_an_update_that_dynamodb_finds_invalid_fails_permanently(state: State) -> None:
    refused = faults.failing("UpdateItem", error=lambda: faults.refusal("ValidationException"))
    with refused, pytest.raises(PermanentError, match="unstorable"):
        offer(state, event("a", 0))
