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
    """Give a sender with two trips."""
    outbound.vectorcare.rules.requests[OTHER] = "ASSIGNED"
    return outbound


def put(outbound: Outbound, *names: str, **fields: Any) -> list[str]:
    """Put states on the queue, a second apart, each under its name as its id."""
    messages = []
    for name in names:
        messages.append(outbound.put(**{"name": name, "command_id": name} | fields))
        outbound.clock.seconds += 1
    return messages


def states(outbound: Outbound, trip: str = TRIP) -> list[str]:
    return outbound.vectorcare.rules.states.get(trip, [])


def places(outbound: Outbound, trip: str = TRIP) -> set[str]:
    """Name the commands that the line of a service request holds."""
    item = outbound.command_log().get(f"#line/{trip}", {})
    return {name.removeprefix("command/") for name in item if name.startswith("command/")}


def test_a_state_that_has_to_wait_holds_back_the_later_ones_of_its_batch(outbound: Outbound) -> None:
    # Given three states of a trip, and VectorCare not taking the first one now
    messages = put(outbound, "en_route", "arrived", "on_board")
    outbound.vectorcare.faults.append(UNAVAILABLE)
    # When they come in one batch
    kept = outbound.run()
    # Then none overtakes it, and they come again right after it
    assert (sorted(kept), states(outbound)) == (sorted(messages), [])
    assert len(outbound.vectorcare.calls) == 1
    first, second, third = sorted(outbound.invisible_for())
    assert (second, third) == (first + 1, first + 1)
    outbound.run_until_empty()
    assert states(outbound) == ["en_route", "arrived", "on_board"]
    assert outbound.ends() == [("succeeded", None)] * 3


def test_a_state_that_waits_holds_back_the_later_ones_of_other_invocations(outbound: Outbound) -> None:
    # Given a state that was given back
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
    assert [path.split("/")[-2] for path in outbound.paths()] == ["accept"]
    outbound.run_until_empty()
    assert [path.split("/")[-2] for path in outbound.paths()] == ["accept", "accept", "state"]
    refused = [("failed", "members:permission_denied")]
    assert outbound.ends() == [end, *([("succeeded", None)] if obstacle is None else refused)]


def test_positions_wait_for_an_acceptance_and_for_nothing_else(outbound: Outbound) -> None:
    # Given trips of which the one waits with an acceptance, the other with a state
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


def test_positions_behind_an_acceptance_do_not_go_before_it_with_earlier_ones(outbound: Outbound) -> None:
    # Given positions before and after an acceptance, in one batch
    outbound.vectorcare.rules.requests[TRIP] = "AVAILABLE"
    outbound.put(command="location_update", locations=[position(1)], command_id="before")
    outbound.clock.seconds += 1
    outbound.put(command="accept", command_id="accept")
    outbound.clock.seconds += 1
    outbound.put(command="location_update", locations=[position(2)], command_id="after")
    outbound.run_until_empty()
    assert [path.split("/")[-2] for path in outbound.paths()] == ["locations", "accept", "locations"]
    assert [outcome for outcome, _reason in outbound.ends()] == ["failed", "succeeded", "succeeded"]


def test_positions_hold_back_nothing(outbound: Outbound) -> None:
    outbound.put(command="location_update", locations=[position(1)], command_id="positions")
    outbound.clock.seconds += 1
    put(outbound, "en_route")
    outbound.vectorcare.faults.append(UNAVAILABLE)
    assert len(outbound.run()) == 1
    assert states(outbound) == ["en_route"]


def test_a_trip_that_waits_holds_up_no_other(outbound: Outbound) -> None:
    put(outbound, "en_route", "arrived")
    put(outbound, "on_board", service_request_id=OTHER)
    outbound.vectorcare.faults.append(UNAVAILABLE)
    assert len(outbound.run()) == 2
    assert states(outbound, OTHER) == ["on_board"]


def test_new_requests_wait_for_nothing_and_leave_no_trace_in_a_line(outbound: Outbound) -> None:
    for number in range(2):
        outbound.put(
            command="create_request", service_request_id=..., service_id="s", request={}, command_id=str(number)
        )
    outbound.vectorcare.faults.append(InjectedFault(status=429))
    assert len(outbound.run()) == 1
    assert outbound.command_log().keys() == {"0", "1"}


def test_what_is_gone_from_the_queue_holds_back_for_half_an_hour_at_most(outbound: Outbound) -> None:
    # Given a state that waits, and that somebody then deletes from the queue
    put(outbound, "en_route")
    outbound.vectorcare.faults.append(UNAVAILABLE)
    outbound.run()
    outbound.clock.seconds += 200
    for record in outbound.receive():
        outbound.sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=record["receiptHandle"])
    [later] = put(outbound, "arrived")
    assert outbound.run() == [later]
    # When nobody has seen it for so long, Then the next is sent, and has not used up its deliveries
    outbound.run_until_empty(seconds=pending_commands.LEASE_SECONDS)
    [result] = outbound.outcomes()
    assert states(outbound) == ["arrived"]
    assert result["attempts"] < sender.MAX_RECEIVES / 3


def test_what_has_ended_and_could_not_leave_its_line_holds_back_nothing(outbound: Outbound) -> None:
    # Given a state that ended while the line could not be written
    put(outbound, "en_route")
    with mock.patch("sender.pending_commands.PendingCommands.leave", side_effect=ConnectionError):
        assert outbound.run() == []
    assert places(outbound) == {"en_route"}
    # When the next comes, Then it is sent, and both have left
    put(outbound, "arrived")
    assert outbound.run() == []
    assert states(outbound) == ["en_route", "arrived"]
    assert places(outbound) == set()


def test_a_command_that_came_twice_and_waits_has_one_place_that_says_when_it_is_due(outbound: Outbound) -> None:
    # Given a state that came twice under one name, and VectorCare not taking it now
    put(outbound, "en_route", "en_route")
    outbound.vectorcare.faults.append(UNAVAILABLE)
    # When both come in one batch, Then its place in the line is written when they wait
    assert len(outbound.run()) == 2
    assert outbound.command_log()[f"#line/{TRIP}"]["command/en_route"]["due_at"]


def test_nothing_is_sent_while_nobody_knows_what_waits(outbound: Outbound) -> None:
    put(outbound, "en_route")
    with mock.patch("sender.pending_commands.PendingCommands.join", side_effect=ConnectionError):
        assert len(outbound.run()) == 1
    assert outbound.vectorcare.calls == []


def test_what_a_line_does_not_need_is_not_kept_in_it(outbound: Outbound) -> None:
    # Given a change that waits
    outbound.put(
        command="change_request", agreed_dt="2026-03-02T10:00:00Z", change_reason="Zebulon", command_id="c.1:x"
    )
    outbound.vectorcare.faults.append(InjectedFault(status=429))
    outbound.run()
    # Then its line holds no field of it, and expires by itself
    assert places(outbound) == {"c.1:x"}
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
    assert len(places(outbound)) == pending_commands._COMMANDS_IN_A_WRITE + 5
    assert len(outbound.vectorcare.calls) == 1


def test_commands_of_one_millisecond_go_as_they_must(outbound: Outbound) -> None:
    # Given an acceptance and states that a CAD sent in one call, so that SQS stamps them alike
    outbound.vectorcare.rules.requests[TRIP] = "AVAILABLE"
    outbound.put(name="arrived", timestamp=outbound.clock.ago(10), command_id="1")
    outbound.put(name="en_route", timestamp=outbound.clock.ago(20), command_id="2")
    outbound.put(command="accept", command_id="3")
    # When they are delivered in any order
    outbound.run()
    # Then the acceptance is first, and the states go by their times
    assert [path.split("/")[-2] for path in outbound.paths()] == ["accept", "state", "state"]
    assert states(outbound) == ["en_route", "arrived"]


def test_what_is_refused_without_a_call_neither_waits_nor_holds_back(outbound: Outbound) -> None:
    # Given a state that waits, and one behind it that VectorCare would refuse
    put(outbound, "en_route")
    outbound.vectorcare.faults.append(BUSY)
    outbound.run()
    put(outbound, "asleep")
    # When it is delivered
    outbound.run()
    # Then it ends at once
    assert outbound.ends() == [("failed", "unknown_state")]
    assert places(outbound) == {"en_route"}


def test_a_state_of_a_clock_that_is_ahead_holds_back_the_later_ones(outbound: Outbound) -> None:
    put(outbound, "en_route", timestamp=outbound.clock.ago(-30))
    put(outbound, "arrived")
    assert len(outbound.run()) == 2
    outbound.run_until_empty()
    assert states(outbound) == ["en_route", "arrived"]
