"""What the two tables take, refuse and hold, call by call."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support import faults
from tests.support.cloud import NOW, Cloud
from tests.support.webhooks import body
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import envelope
from vectorcare_bridge.webhooks.envelope import Event
from vectorcare_bridge.webhooks.failure import FailureReason, ItemGoneError, PermanentError
from vectorcare_bridge.webhooks.fold import Fold, OrderBy, Received, Rule
from vectorcare_bridge.webhooks.journal import Journal, JournalEntry
from vectorcare_bridge.webhooks.message import Webhook
from vectorcare_bridge.webhooks.state import Moved, State

RECEIVED_AT, RECEIVED_AGAIN_AT = (
    UtcTimestamp("2026-03-01T11:00:00.000000Z"),
    UtcTimestamp("2026-03-01T11:30:00.000000Z"),
)
LATER = utc_timestamp.later(NOW, minutes=1)


@pytest.fixture
def journal(cloud: Cloud) -> Journal:
    return Journal(cloud.dynamodb, "events", retention_days=30)


@pytest.fixture
def state(cloud: Cloud) -> State:
    return State(cloud.dynamodb, "service_requests", rule=Rule(OrderBy.EVENT_TIMESTAMP, 30))


@pytest.fixture
def state_by_id(cloud: Cloud) -> State:
    return State(cloud.dynamodb, "service_requests", rule=Rule(OrderBy.EVENT_ID, 30))


def webhook(raw: bytes, *, received_at: UtcTimestamp = RECEIVED_AT) -> Webhook:
    return Webhook(body=raw, signature="c2ln", received_at=received_at)


def event(event_id: str, minute: int, *, status: str = "ASSIGNED", data: Any = "known") -> Event:
    time = UtcTimestamp(f"2026-03-01T10:{minute:02}:00.000000Z")
    return Event("VC-TEST0001", event_id, time, status, "ANY", data)


def alone(one: Event) -> Fold:
    return Fold(Received(one, RECEIVED_AT), one, since=one.last_updated)


def offer(state: State, newest: Event, newest_data: Event | None = None, *, now: UtcTimestamp = NOW) -> Moved:
    data = newest_data or (newest if newest.data is not None else None)
    moved = state.move_forward(
        Fold(Received(newest, RECEIVED_AT), data, since=newest.last_updated), may_begin=True, now=now
    )
    assert moved is not None
    return moved


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


def test_the_first_delivery_is_entered_with_all_that_is_known_of_it(cloud: Cloud, journal: Journal) -> None:
    # Given a webhook that the journal does not have
    raw = body()
    read = envelope.read(raw)
    # When it is entered
    entry = journal.append(read, webhook(raw))
    # Then it is the first, and the item holds this and nothing else
    assert entry == JournalEntry(read, RECEIVED_AT, is_new=True, has_other_bytes=False, is_restamped=False)
    [item] = cloud.journal()
    assert bytes(item.pop("body").value) == raw
    assert item == {
        "service_request_id": "VC-TEST0001",
        "event_id": "0198a000000000000000000000000001",
        "last_updated": "2026-03-01T10:00:00.000000Z",
        "received_at": RECEIVED_AT,
        "signature": "c2ln",
        "expires_at": utc_timestamp.epoch_seconds(UtcTimestamp("2026-03-31T11:00:00.000000Z")),
    }


def test_the_same_bytes_again_are_the_first_entry_again(cloud: Cloud, journal: Journal) -> None:
    # Given a webhook in the journal
    raw = body()
    journal.append(envelope.read(raw), webhook(raw))
    # When it is delivered again, Then the first delivery counts, and nothing is added
    again = journal.append(envelope.read(raw), webhook(raw, received_at=RECEIVED_AGAIN_AT))
    assert again == JournalEntry(
        envelope.read(raw), RECEIVED_AT, is_new=False, has_other_bytes=False, is_restamped=False
    )
    assert len(cloud.journal()) == 1


def test_other_bytes_under_a_known_id_are_kept_beside_and_count_for_nothing(cloud: Cloud, journal: Journal) -> None:
    # Given a webhook in the journal
    first, second = body(), body(event_timestamp="2026-03-01T10:08:00Z", action="OTHER")
    journal.append(envelope.read(first), webhook(first))
    # When its id comes again with another time and other bytes
    entry = journal.append(envelope.read(second), webhook(second, received_at=RECEIVED_AGAIN_AT))
    # Then the first one goes on
    assert entry == JournalEntry(
        envelope.read(first), RECEIVED_AT, is_new=False, has_other_bytes=True, is_restamped=True
    )
    # And the second is kept whole, under a name of its own
    [beside] = [item for item in cloud.journal() if "redelivery_of" in item]
    assert bytes(beside.pop("body").value) == second
    assert beside == {
        "service_request_id": "VC-TEST0001",
        "event_id": f"0198a000000000000000000000000001#{envelope.digest(second)}",
        "redelivery_of": "0198a000000000000000000000000001",
        "last_updated": "2026-03-01T10:08:00.000000Z",
        "received_at": RECEIVED_AGAIN_AT,
        "signature": "c2ln",
        "expires_at": utc_timestamp.epoch_seconds(UtcTimestamp("2026-03-31T11:30:00.000000Z")),
    }


def test_other_bytes_with_the_same_time_are_no_new_stamp(journal: Journal) -> None:
    first, second = body(), body(action="OTHER")
    journal.append(envelope.read(first), webhook(first))
    entry = journal.append(envelope.read(second), webhook(second))
    assert (entry.has_other_bytes, entry.is_restamped) == (True, False)


def test_the_time_in_the_journal_stands_whatever_its_bytes_say_today(cloud: Cloud, journal: Journal) -> None:
    # Given an entry whose bytes once were read as another time
    raw = body()
    journal.append(replace(envelope.read(raw), last_updated=UtcTimestamp("2026-03-01T09:00:00.000000Z")), webhook(raw))
    # When it is delivered again, Then the entry's time counts
    entry = journal.append(envelope.read(raw), webhook(raw))
    assert entry.event == replace(envelope.read(raw), last_updated=UtcTimestamp("2026-03-01T09:00:00.000000Z"))
    assert (entry.has_other_bytes, entry.is_restamped) == (False, True)
    assert len(cloud.journal()) == 1


def test_what_is_unreadable_is_entered_once_under_its_digest(cloud: Cloud, journal: Journal) -> None:
    # Given bytes that are no event, When they are entered twice
    for received_at in (RECEIVED_AT, RECEIVED_AGAIN_AT):
        journal.append_unreadable(webhook(b"x", received_at=received_at), FailureReason.NOT_JSON)
    # Then the first delivery stands
    [item] = cloud.journal()
    assert bytes(item.pop("body").value) == b"x"
    assert item == {
        "service_request_id": "unreadable",
        "event_id": envelope.digest(b"x"),
        "reason": "not_json",
        "received_at": RECEIVED_AT,
        "signature": "c2ln",
        "expires_at": utc_timestamp.epoch_seconds(UtcTimestamp("2026-03-31T11:00:00.000000Z")),
    }


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


def test_an_absent_action_takes_the_former_one_away(cloud: Cloud, state: State) -> None:
    offer(state, event("a", 0))
    offer(state, replace(event("b", 1), action=None))
    assert "action" not in held(cloud)


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


def test_an_item_that_is_gone_before_the_second_write_is_no_stub(cloud: Cloud, state: State) -> None:
    # Given an item that expires between two writes
    def expire() -> None:
        cloud.dynamodb.delete_item(TableName="service_requests", Key={"service_request_id": {"S": "VC-TEST0001"}})

    # When status and data come from two events, Then the message has to start over
    with between_two_writes(expire), pytest.raises(ItemGoneError):
        offer(state, event("z", 9, status="UNAVAILABLE", data=None), event("a", 1))
    assert cloud.state() is None


def test_older_data_is_not_even_offered(cloud: Cloud, state: State) -> None:
    # Given an item with data
    offer(state, event("b", 5))
    # When older data comes, Then one write is tried, and refused
    calls: list[str] = []
    with faults.on_call(lambda operation, after: calls.append(operation) if not after else None):
        assert offer(state, event("a", 0, data="old")) == Moved(status=False, data=False)
    assert calls == ["UpdateItem"]
    assert held(cloud)["data"] == "known"


def test_the_same_event_again_moves_nothing(cloud: Cloud, state: State) -> None:
    offer(state, event("a", 0))
    before = held(cloud)
    calls: list[str] = []
    with faults.on_call(lambda operation, after: calls.append(operation) if not after else None):
        assert offer(state, event("a", 0), now=LATER) == Moved(status=False, data=False)
    assert held(cloud) == before
    assert calls == ["UpdateItem"]


def test_of_one_instant_the_greater_id_takes_both_registers(cloud: Cloud, state: State) -> None:
    offer(state, event("b", 0, data="of b"))
    assert offer(state, event("a", 0, data="of a")) == Moved(status=False, data=False)
    assert offer(state, event("c", 0, data="of c")) == Moved(status=True, data=True)
    assert (held(cloud)["event_id"], held(cloud)["data"]) == ("c", "of c")


def test_by_id_the_greater_id_takes_both_registers_whatever_its_time(cloud: Cloud, state_by_id: State) -> None:
    offer(state_by_id, event("b", 5, data="of b"))
    assert offer(state_by_id, event("a", 9, data="of a")) == Moved(status=False, data=False)
    assert offer(state_by_id, event("c", 0, data="of c")) == Moved(status=True, data=True)
    assert (held(cloud)["event_id"], held(cloud)["data"]) == ("c", "of c")


def test_a_later_event_with_a_smaller_id_is_reported(state: State) -> None:
    assert offer(state, event("b", 0)).against_id_order is False
    assert offer(state, event("a", 1)) == Moved(status=True, data=True, against_id_order=True)
    assert offer(state, event("b", 2)).against_id_order is False
    assert offer(state, event("b", 3)).against_id_order is False


def test_what_is_refused_is_not_against_the_order_of_ids(state: State) -> None:
    offer(state, event("b", 5))
    assert offer(state, event("a", 0)) == Moved(status=False, data=False, against_id_order=False)


@pytest.mark.parametrize(
    ("meanwhile", "newest"),
    [
        (event("a", 1, data="meanwhile"), "ours"),
        (event("c", 3, data="meanwhile"), "meanwhile"),
        (event("a", 2, data="meanwhile"), "ours"),
        (event("c", 2, data="meanwhile"), "meanwhile"),
    ],
    ids=["older", "newer", "older of one instant", "newer of one instant"],
)
def test_of_two_functions_that_write_data_at_once_the_newer_data_wins(
    cloud: Cloud, state: State, meanwhile: Event, newest: str
) -> None:
    # Given a status without data that is newer than the data of its batch
    status, ours = event("z", 9, status="UNAVAILABLE", data=None), event("b", 2, data="ours")
    # When another function writes data between the two writes
    with between_two_writes(lambda: offer(state, meanwhile)):
        moved = offer(state, status, ours)
    # Then the newer of the two stays
    assert moved == Moved(status=True, data=newest == "ours")
    assert held(cloud)["data"] == newest


@pytest.mark.parametrize(("rival", "newest"), [("a", "ours"), ("c", "meanwhile")])
def test_by_id_the_data_of_the_greater_id_wins_between_two_functions(
    cloud: Cloud, state_by_id: State, rival: str, newest: str
) -> None:
    status, ours = event("z", 0, status="UNAVAILABLE", data=None), event("b", 2, data="ours")
    with between_two_writes(lambda: offer(state_by_id, event(rival, 2, data="meanwhile"))):
        moved = offer(state_by_id, status, ours)
    assert moved == Moved(status=True, data=newest == "ours")
    assert held(cloud)["data"] == newest


def test_what_may_not_begin_a_request_makes_no_item(cloud: Cloud, state: State) -> None:
    # Given no item, When an event is offered that may not make one
    calls: list[str] = []
    with faults.on_call(lambda operation, after: calls.append(operation) if not after else None):
        newest = Received(event("a", 0), RECEIVED_AT)
        assert (
            state.move_forward(Fold(newest, newest.event, since=newest.event.last_updated), may_begin=False, now=NOW)
            is None
        )
    # Then there is still none, and no second write is tried
    assert calls == ["UpdateItem"]
    assert cloud.state() is None


def test_what_may_not_begin_a_request_moves_one_that_is_there(cloud: Cloud, state: State) -> None:
    offer(state, event("a", 0))
    assert state.move_forward(alone(event("b", 1)), may_begin=False, now=NOW) == Moved(status=True, data=True)
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


def test_the_journal_gives_back_what_takes_part_in_the_fold(journal: Journal) -> None:
    # Given an entry, a redelivery with other bytes, another request's entry, and one that no rule of today reads
    raw, other = body(event_id="a"), body(event_id="a", action="OTHER")
    first = envelope.read(raw)
    journal.append(first, webhook(raw))
    journal.append(envelope.read(other), webhook(other))
    elsewhere = body(service_request_id="VC-OTHER")
    journal.append(envelope.read(elsewhere), webhook(elsewhere))
    journal.append(replace(first, event_id="b"), webhook(b"not json"))
    # Then the first alone is given back, as first seen
    assert list(journal.entries("VC-TEST0001")) == [Received(first, RECEIVED_AT)]


@pytest.mark.parametrize("data", ["known", None])
def test_a_lost_answer_is_no_refusal(cloud: Cloud, state: State, data: str | None) -> None:
    # Given a first write that took effect though its answer was lost
    with faults.losing_one_answer("UpdateItem"):
        moved = offer(state, event("a", 0, data=data))
    # Then the event was taken, once
    assert moved == Moved(status=True, data=data is not None)
    assert held(cloud)["revision"] == utc_timestamp.epoch_milliseconds(NOW) + 1


def test_what_another_delivery_of_the_event_wrote_is_not_ours(state: State) -> None:
    # Given an event that another function applied at another time
    offer(state, event("a", 0))
    # When our own write is refused, Then we did not move anything
    assert offer(state, event("a", 0), now=LATER).status is False


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


@pytest.mark.parametrize("code", ["ThrottlingException", "ResourceNotFoundException"])
def test_a_refusal_that_may_pass_is_raised_as_it_is(journal: Journal, state: State, code: str) -> None:
    raw = body()
    with faults.failing("PutItem", "UpdateItem", error=lambda: faults.refusal(code)):
        with pytest.raises(ClientError) as of_journal:
            journal.append(envelope.read(raw), webhook(raw))
        with pytest.raises(ClientError) as of_state:
            offer(state, event("a", 0))
    assert {error.value.response["Error"]["Code"] for error in (of_journal, of_state)} == {code}


def test_what_dynamodb_finds_invalid_is_unstorable(journal: Journal, state: State) -> None:
    raw = body()
    with faults.failing("PutItem", "UpdateItem", error=lambda: faults.refusal("ValidationException")):
        with pytest.raises(PermanentError) as of_journal:
            journal.append(envelope.read(raw), webhook(raw))
        with pytest.raises(PermanentError) as of_state:
            offer(state, event("a", 0))
    assert {of_journal.value.reason, of_state.value.reason} == {FailureReason.UNSTORABLE}
