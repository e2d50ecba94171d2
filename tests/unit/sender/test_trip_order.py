"""Within a service request commands go in their order, in one invocation and over all of them."""

import json
from typing import Any
from unittest import mock

import pytest

from sender import pending_commands
from simulator.http_types import InjectedFault
from tests.support import sender
from tests.support.sender import QUEUE_URL, TRIP, Outbound, position

OTHER = "VC-OTHER"
UNAVAILABLE = InjectedFault(status=503)
BUSY = InjectedFault(status=429, headers={"Retry-After": "100"})


@pytest.fixture
def outbound(outbound: Outbound) -> Outbound:
    outbound.vectorcare.rules.requests[OTHER] = "ASSIGNED"
    return outbound


def put(outbound: Outbound, *names: str, **fields: Any) -> list[str]:
    """Put states on the queue, a second apart, each under its name as its id."""
    messages = []
    for name in names:
        messages.append(outbound.put(**{"name": name, "command_id": name} | fields))
        outbound.clock.seconds += 1
    return messages


ACCEPT = {"command": "accept"}
POSITIONS = {"command": "location_update", "locations": [position(1)]}
EN_ROUTE, ARRIVED, ON_BOARD = ({"name": name} for name in ("en_route", "arrived", "on_board"))


# Commands of a batch, the first calls' faults, the calls that follow, and those when what waits is delivered again.
BATCHES: dict[str, tuple[list[dict[str, Any]], list[InjectedFault], str, str]] = {
    "in their order": ([EN_ROUTE, ARRIVED, ON_BOARD], [], "en_route arrived on_board", ""),
    "what waits": ([EN_ROUTE, ARRIVED, ON_BOARD], [UNAVAILABLE], "en_route", "en_route arrived on_board"),
    "ahead of time": ([EN_ROUTE | {"timestamp": -30}, ARRIVED], [], "", "en_route arrived"),
    "other trip": ([EN_ROUTE, ARRIVED | {"service_request_id": OTHER}], [UNAVAILABLE], "en_route arrived", "en_route"),
    "positions": ([POSITIONS, EN_ROUTE], [UNAVAILABLE], "locations en_route", "locations"),
    "behind an acceptance": ([POSITIONS, ACCEPT, POSITIONS], [], "locations accept locations", ""),
    "one millisecond": (
        [ARRIVED | {"timestamp": 10}, EN_ROUTE | {"timestamp": 20, "after": 0}, ACCEPT | {"after": 0}],
        [],
        "accept en_route arrived",
        "",
    ),
}


@pytest.mark.parametrize("batch", BATCHES)
def test_commands_of_a_batch_go_in_the_order_of_their_trip(outbound: Outbound, batch: str) -> None:
    # Given commands a second apart, and the first calls failing, perhaps
    commands, faults, first, then = BATCHES[batch]
    is_new = any(command.get("command") == "accept" for command in commands)
    outbound.vectorcare.rules.requests[TRIP] = "AVAILABLE" if is_new else "ASSIGNED"
    outbound.vectorcare.faults += faults
    for command in commands:
        outbound.clock.seconds += command.get("after", 1)
        times = {"timestamp": outbound.clock.ago(command["timestamp"])} if "timestamp" in command else {}
        outbound.put(**command | times | {"after": ...})
    # When they are delivered in the worst order
    kept = outbound.handle(outbound.receive()[::-1])
    # Then VectorCare gets them in theirs
    assert calls(outbound) == first.split()
    outbound.vectorcare.calls.clear()
    # And those that wait when they are delivered again, right after the one ahead of them
    waits = sorted(outbound.invisible_for())[: len(kept)]
    assert waits[1:] == [waits[0] + 1] * (len(kept) - 1) if kept else True
    outbound.clock.seconds += 60
    outbound.run()
    assert calls(outbound)[: len(then.split())] == then.split()


def calls(outbound: Outbound) -> list[str]:
    """Name the calls that VectorCare got, states by their names."""
    paths = [path.split("/")[-2] for path in outbound.paths()]
    return [body["name"] if path == "state" else path for path, body in zip(paths, outbound.bodies(), strict=True)]


def states(outbound: Outbound, trip: str = TRIP) -> list[str]:
    return outbound.vectorcare.rules.states.get(trip, [])


def pending(outbound: Outbound, trip: str = TRIP) -> set[str]:
    item = outbound.command_log().get(f"#line/{trip}", {})
    return {name.removeprefix("command/") for name in item if name.startswith("command/")}


def test_a_state_that_waits_holds_back_the_later_ones_of_other_invocations(outbound: Outbound) -> None:
    # Given a state that was returned to the queue
    put(outbound, "en_route")
    outbound.vectorcare.faults.append(BUSY)
    outbound.run()
    # When a later one comes alone, in another container
    outbound.restart()
    [later] = put(outbound, "arrived")
    # Then it waits, until right after the first is due
    assert outbound.run() == [later]
    assert states(outbound) == []
    first, second = outbound.invisible_for()
    assert first < second <= first + 2
    outbound.run_until_empty()
    assert states(outbound) == ["en_route", "arrived"]


def test_a_state_waits_for_one_that_another_invocation_is_sending(outbound: Outbound) -> None:
    # Given a state at which VectorCare takes its time
    _first, second = put(outbound, "en_route", "arrived")
    records = {json.loads(record["body"])["command_id"]: record for record in outbound.receive()}
    right_answer = outbound.vectorcare.rules.answer
    kept: list[list[str]] = []

    def answer(request: Any) -> Any:
        if b"en_route" in request.body:
            kept.append(outbound.handle([records["arrived"]]))
        return right_answer(request)

    # When the next one comes meanwhile, to another invocation
    with (
        mock.patch.object(outbound.vectorcare.rules, "answer", answer),
        mock.patch.object(outbound.vectorcare, "lock", mock.MagicMock()),
    ):
        assert outbound.handle([records["en_route"]]) == []
    # Then it is kept for later
    assert kept == [[second]]
    assert states(outbound) == ["en_route"]


@pytest.mark.parametrize(
    ("obstacle", "end"),
    [
        (None, ("succeeded", None)),
        (
            InjectedFault(status=403, body=b'{"code": "members:permission_denied"}'),
            ("failed", "members:permission_denied"),
        ),
    ],
    ids=["taken", "refused"],
)
def test_a_state_behind_its_own_acceptance_is_sent_when_that_has_ended(
    outbound: Outbound, obstacle: InjectedFault | None, end: tuple[str, str | None]
) -> None:
    # Given an acceptance that has to wait, and then ends; and a state behind it
    outbound.vectorcare.rules.requests[TRIP] = "AVAILABLE"
    outbound.put(command="accept", command_id="accept")
    outbound.clock.seconds += 1
    [state] = put(outbound, "en_route")
    outbound.vectorcare.faults += [BUSY, *([obstacle] if obstacle else [])]
    # When the state is delivered while the acceptance waits
    outbound.run(maximum=1)
    assert outbound.run() == [state]
    # Then no call was spent on it before, and it follows
    assert calls(outbound) == ["accept"]
    outbound.run_until_empty()
    assert calls(outbound) == ["accept", "accept", "en_route"]
    refused = [("failed", "members:permission_denied")]
    assert outbound.ends() == [end, *([("succeeded", None)] if obstacle is None else refused)]


def test_positions_wait_for_an_acceptance_and_for_nothing_else(outbound: Outbound) -> None:
    # Given one trip that waits with an acceptance, and another with a state
    outbound.vectorcare.rules.requests[TRIP] = "AVAILABLE"
    outbound.put(command="accept", command_id="accept")
    put(outbound, "en_route", service_request_id=OTHER)
    outbound.vectorcare.faults += [BUSY] * 2
    outbound.run()
    outbound.vectorcare.calls.clear()
    # When positions of both come
    waits, _other = (
        outbound.put(command="location_update", service_request_id=trip, locations=[position(1)], command_id=trip)
        for trip in (TRIP, OTHER)
    )
    # Then those of the first wait
    assert outbound.run() == [waits]
    assert outbound.paths() == [f"/requests/{OTHER}/locations/"]


def test_new_requests_wait_for_nothing_and_are_not_noted(outbound: Outbound) -> None:
    for number in range(2):
        outbound.put(
            command="create_request", service_request_id=..., service_id="s", request={}, command_id=str(number)
        )
    outbound.vectorcare.faults.append(InjectedFault(status=429))
    assert len(outbound.run()) == 1
    assert outbound.command_log().keys() == {"0", "1"}


def test_a_command_deleted_from_the_queue_holds_back_others_for_half_an_hour_at_most(outbound: Outbound) -> None:
    # Given a state that waits, and that somebody then deletes from the queue
    put(outbound, "en_route")
    outbound.vectorcare.faults.append(UNAVAILABLE)
    outbound.run()
    outbound.clock.seconds += 200
    for record in outbound.receive():
        outbound.sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=record["receiptHandle"])
    [later] = put(outbound, "arrived")
    assert outbound.run() == [later]
    # When its lease is over, Then the next is sent, and has not used up its deliveries
    outbound.run_until_empty(seconds=pending_commands.LEASE_SECONDS)
    [result] = outbound.outcomes()
    assert states(outbound) == ["arrived"]
    assert result["attempts"] < sender.MAX_RECEIVES / 3


def test_an_ended_command_that_could_not_be_removed_holds_back_nothing(outbound: Outbound) -> None:
    # Given a state that ended while the table failed
    put(outbound, "en_route")
    with mock.patch("sender.pending_commands.PendingCommands.leave", side_effect=ConnectionError):
        assert outbound.run() == []
    assert pending(outbound) == {"en_route"}
    # When the next comes, Then it is sent, and both are removed
    put(outbound, "arrived")
    assert outbound.run() == []
    assert states(outbound) == ["en_route", "arrived"]
    assert pending(outbound) == set()


def test_a_waiting_command_that_came_twice_is_pending_once_with_its_due_time(outbound: Outbound) -> None:
    # Given a state that came twice under one id, and VectorCare not taking it now
    put(outbound, "en_route", "en_route")
    outbound.vectorcare.faults.append(UNAVAILABLE)
    # When both come in one batch, Then it is noted when they wait
    assert len(outbound.run()) == 2
    assert outbound.command_log()[f"#line/{TRIP}"]["command/en_route"]["due_at"]


def test_nothing_is_sent_if_the_pending_commands_are_unknown(outbound: Outbound) -> None:
    put(outbound, "en_route")
    with mock.patch("sender.pending_commands.PendingCommands.join", side_effect=ConnectionError):
        assert len(outbound.run()) == 1
    assert outbound.vectorcare.calls == []


def test_a_pending_command_is_noted_without_its_fields_and_expires(outbound: Outbound) -> None:
    # Given a change that waits
    outbound.put(
        command="change_request", agreed_dt="2026-03-02T10:00:00Z", change_reason="Zebulon", command_id="c.1:x"
    )
    outbound.vectorcare.faults.append(InjectedFault(status=429))
    outbound.run()
    # Then the table holds no field of it, and forgets it
    assert pending(outbound) == {"c.1:x"}
    assert "Zebulon" not in json.dumps(outbound.command_log(), default=str)
    assert (
        outbound.command_log()[f"#line/{TRIP}"]["expires_at"] > outbound.clock.epoch() + pending_commands.LEASE_SECONDS
    )


def test_more_commands_of_a_trip_than_one_write_takes_keep_their_order(outbound: Outbound) -> None:
    for number in range(pending_commands._COMMANDS_IN_A_WRITE + 5):
        outbound.put(command_id=f"{number:03}" + "x" * 125, name="en_route")
        outbound.clock.seconds += 0.001
    outbound.vectorcare.faults.append(UNAVAILABLE)
    assert len(outbound.run()) == pending_commands._COMMANDS_IN_A_WRITE + 5
    assert len(pending(outbound)) == pending_commands._COMMANDS_IN_A_WRITE + 5
    assert len(outbound.vectorcare.calls) == 1


def test_a_command_refused_without_a_call_neither_waits_nor_holds_back(outbound: Outbound) -> None:
    # Given a state that waits, and one behind it that VectorCare would refuse
    put(outbound, "en_route")
    outbound.vectorcare.faults.append(BUSY)
    outbound.run()
    put(outbound, "asleep")
    # When it is delivered
    outbound.run()
    # Then it ends immediately
    assert outbound.ends() == [("failed", "unknown_state")]
    assert pending(outbound) == {"en_route"}
