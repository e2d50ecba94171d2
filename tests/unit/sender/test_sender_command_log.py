"""A command is sent once; where a crash leaves that in doubt, it is repeated if it can be, or told as uncertain."""

import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from simulator.http_types import InjectedFault
from tests.support import faults, sender
from tests.support.cloud import Context
from tests.support.sender import TRIP, Outbound, position
from vectorcare_bridge import utc_timestamp

REPEATABLE: list[dict[str, Any]] = [
    {"command": "state_update"},
    {"command": "location_update", "locations": [position(1)]},
    {"command": "accept"},
    {"command": "decline"},
]
NOT_REPEATABLE: list[dict[str, Any]] = [
    {"command": "best_time", "proposed_agreed_dt": "2026-03-02T10:00:00Z"},
    {"command": "change_request", "agreed_dt": "2026-03-02T10:00:00Z", "change_reason": "late"},
    {"command": "create_request", "service_request_id": ..., "service_id": "s", "request": {}},
]
STATUS = {"accept": "AVAILABLE", "decline": "AVAILABLE", "best_time": "AVAILABLE"}


def name(value: Any) -> str | None:
    return str(value["command"]) if isinstance(value, dict) else None


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    with sender.running() as outbound:
        yield outbound


def prepare(outbound: Outbound, command: dict[str, Any]) -> str:
    """Put a command on the queue, and its service request in the status in which it is welcome."""
    outbound.vectorcare.rules.requests[TRIP] = STATUS.get(command["command"], "ASSIGNED")
    return outbound.put(**command, command_id="c-1")


def crash_before_recording(outbound: Outbound) -> None:
    """Deliver a batch to a function that VectorCare answers, and that ends before it can write that down."""
    records = outbound.receive()
    with (
        mock.patch("sender.command_log.CommandLog.record", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        outbound.handle(records)
    outbound.restart()
    outbound.clock.seconds += sender.VISIBILITY_SECONDS


def test_a_command_id_that_was_seen_is_not_sent_again_and_its_outcome_is_told_again(outbound: Outbound) -> None:
    # Given a command that was sent
    outbound.put(command_id="c-1")
    outbound.run()
    first = outbound.outcomes()
    # When another message comes with its id, days later
    outbound.clock.seconds += 6 * 86400
    outbound.put(command_id="c-1", name="completed")
    assert outbound.run() == []
    # Then VectorCare hears nothing, and the bus what it was
    assert len(outbound.vectorcare.calls) == 1
    assert outbound.outcomes() == first


def test_a_failure_is_remembered_too(outbound: Outbound) -> None:
    outbound.put(command_id="c-1", service_request_id="VC-UNKNOWN")
    outbound.run()
    outbound.put(command_id="c-1")
    outbound.run()
    assert outbound.ends() == [("failed", "api:not_found")] * 2
    assert len(outbound.vectorcare.calls) == 1


def test_two_messages_with_one_id_in_a_batch_are_sent_once(outbound: Outbound) -> None:
    for _message in range(2):
        outbound.put(command="location_update", locations=[position(1)], command_id="c-1")
    outbound.run_until_empty()
    assert len(outbound.vectorcare.calls) == 1
    assert outbound.ends() == [("succeeded", None)] * 2


def test_the_ledger_knows_a_command_for_longer_than_a_dead_letter_waits(outbound: Outbound) -> None:
    outbound.put(command_id="c-1")
    outbound.run()
    item = outbound.ledger()["c-1"]
    expected = utc_timestamp.epoch_seconds(outbound.clock.now()) + 30 * 86400
    assert int(item["expires_at"]) == pytest.approx(expected, abs=2)


def test_the_ledger_holds_no_field_of_a_command(outbound: Outbound) -> None:
    outbound.put(command="change_request", agreed_dt="2026-03-02T10:00:00Z", change_reason="Zebulon")
    outbound.run()
    assert "Zebulon" not in json.dumps(outbound.ledger(), default=str)


def test_what_another_invocation_is_sending_is_left_to_it(outbound: Outbound) -> None:
    # Given a message that SQS delivered twice, and VectorCare still busy with the first
    outbound.put(command_id="c-1")
    [record] = outbound.receive()
    again = record | {"attributes": record["attributes"] | {"ApproximateReceiveCount": "2"}}
    kept: list[list[str]] = []
    right_answer = outbound.vectorcare.rules.answer

    def answer(request: Any) -> Any:
        if "/state/" in request.path and not kept:
            kept.append([])
            kept[0] = outbound.handle([again])
        return right_answer(request)

    with (
        mock.patch.object(outbound.vectorcare.rules, "answer", answer),
        mock.patch.object(outbound.vectorcare, "lock", mock.MagicMock()),
    ):
        # When both are handled
        assert outbound.handle([record]) == []
    # Then one call was made
    assert kept == [[record["messageId"]]]
    assert outbound.vectorcare.rules.states == {TRIP: ["en_route"]}


def test_what_another_invocation_has_ended_keeps_that_end(outbound: Outbound) -> None:
    # Given a change request, and while VectorCare is busy with it another invocation, whose clock is a minute ahead
    prepare(outbound, NOT_REPEATABLE[1])
    [record] = outbound.receive()
    again = record | {"attributes": record["attributes"] | {"ApproximateReceiveCount": "2"}}
    others: list[list[str]] = []
    right_answer = outbound.vectorcare.rules.answer

    def answer(request: Any) -> Any:
        if "/change-request/" in request.path and not others:
            outbound.clock.seconds += Context().remaining_ms / 1000
            others.append(outbound.handle([again]))
            outbound.clock.seconds -= Context().remaining_ms / 1000
        return right_answer(request)

    with (
        mock.patch.object(outbound.vectorcare.rules, "answer", answer),
        mock.patch.object(outbound.vectorcare, "lock", mock.MagicMock()),
    ):
        # When the first has its answer
        kept = outbound.handle([record])
    # Then it leaves the command to come again, and one end is told
    assert (others, kept) == ([[]], [record["messageId"]])
    assert outbound.ends() == [("uncertain", "no_answer")]
    third = record | {"attributes": record["attributes"] | {"ApproximateReceiveCount": "3"}}
    assert outbound.handle([third]) == []
    assert outbound.ends() == [("uncertain", "no_answer")]


@pytest.mark.parametrize("command", REPEATABLE[:2], ids=name)
def test_after_a_crash_states_and_positions_are_sent_again(outbound: Outbound, command: dict[str, Any]) -> None:
    # Given a crash between sending and recording
    prepare(outbound, command)
    crash_before_recording(outbound)
    # When the message comes again
    assert outbound.run() == []
    # Then it is sent again
    assert outbound.ends() == [("succeeded", None)]
    assert len(outbound.vectorcare.calls) == 2


@pytest.mark.parametrize("command", REPEATABLE[2:], ids=name)
def test_after_a_crash_a_repeated_answer_that_vectorcare_refuses_is_uncertain(
    outbound: Outbound, command: dict[str, Any]
) -> None:
    prepare(outbound, command)
    crash_before_recording(outbound)
    assert outbound.run() == []
    assert [(one["detail-type"], one["reason"]) for one in outbound.outcomes()] == [
        ("CommandUncertain", "members:permission_denied")
    ]
    assert len(outbound.vectorcare.calls) == 2


@pytest.mark.parametrize("command", REPEATABLE[2:], ids=name)
def test_after_a_crash_before_the_call_a_repeated_answer_counts(outbound: Outbound, command: dict[str, Any]) -> None:
    # Given a crash after the claim and before the call
    prepare(outbound, command)
    with mock.patch("sender.attempt.Attempts._spend", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        outbound.handle(outbound.receive())
    outbound.clock.seconds += sender.VISIBILITY_SECONDS
    # When the message comes again, Then the trip is not lost
    outbound.run()
    assert outbound.ends() == [("succeeded", None)]


def test_a_first_answer_that_vectorcare_refuses_is_a_failure(outbound: Outbound) -> None:
    outbound.put(command="accept")
    outbound.run()
    assert outbound.ends() == [("failed", "members:permission_denied")]


@pytest.mark.parametrize("command", NOT_REPEATABLE, ids=name)
def test_after_a_crash_what_cannot_be_repeated_is_uncertain(outbound: Outbound, command: dict[str, Any]) -> None:
    prepare(outbound, command)
    crash_before_recording(outbound)
    assert outbound.run() == []
    assert outbound.ends() == [("uncertain", "no_answer")]
    assert len(outbound.vectorcare.calls) == 1


UNKNOWN_EFFECT = [
    InjectedFault(is_reset=True, takes_effect=True),
    *(InjectedFault(status=status, takes_effect=True) for status in (500, 502, 503, 504, 520, 302, 499)),
    InjectedFault(
        status=200, headers={"Content-Type": "text/html"}, body=b"<html>Back soon.</html>", takes_effect=True
    ),
]


def fault_name(fault: Any) -> str | None:
    return str(fault.status or "reset") if isinstance(fault, InjectedFault) else None


@pytest.mark.parametrize("fault", UNKNOWN_EFFECT, ids=fault_name)
@pytest.mark.parametrize("command", NOT_REPEATABLE, ids=name)
def test_what_says_nothing_about_the_effect_is_as_a_crash(
    outbound: Outbound, command: dict[str, Any], fault: InjectedFault
) -> None:
    # Given a call that takes effect, and an answer that does not say so, When it cannot be repeated
    prepare(outbound, command)
    outbound.vectorcare.faults.append(fault)
    assert outbound.run() == []
    # Then it is told as uncertain at once
    [outcome] = outbound.outcomes()
    assert outcome["detail-type"] == "CommandUncertain"
    assert len(outbound.vectorcare.calls) == 1


@pytest.mark.parametrize(
    "fault",
    [
        *(InjectedFault(status=status) for status in (408, 421, 423, 425, 429, 449)),
        InjectedFault(status=403, headers={"Content-Type": "text/html"}, body=b"<html>Blocked</html>"),
    ],
    ids=fault_name,
)
@pytest.mark.parametrize("command", [*REPEATABLE, *NOT_REPEATABLE], ids=name)
def test_what_was_not_carried_out_is_tried_again(
    outbound: Outbound, command: dict[str, Any], fault: InjectedFault
) -> None:
    prepare(outbound, command)
    outbound.vectorcare.faults.append(fault)
    outbound.run_until_empty()
    assert outbound.ends() == [("succeeded", None)]
    assert len(outbound.vectorcare.calls) == 2


@pytest.mark.parametrize("fault", UNKNOWN_EFFECT, ids=fault_name)
@pytest.mark.parametrize("command", REPEATABLE[2:], ids=name)
def test_a_repetition_that_vectorcare_refuses_after_an_unknown_effect_is_uncertain(
    outbound: Outbound, command: dict[str, Any], fault: InjectedFault
) -> None:
    # Given an accept or a decline that took effect, and an answer that does not say so
    prepare(outbound, command)
    outbound.vectorcare.faults.append(fault)
    # When it is sent again, and refused for that, Then nobody claims to know
    outbound.run_until_empty()
    assert outbound.ends() == [("uncertain", "members:permission_denied")]


def test_a_state_that_ended_its_request_at_an_unknown_first_attempt_is_uncertain(outbound: Outbound) -> None:
    # Given the last state of a trip, which took effect, and an answer that does not say so
    prepare(outbound, {"command": "state_update", "name": "completed"})
    outbound.vectorcare.faults.append(InjectedFault(status=503, takes_effect=True))
    outbound.run()
    outbound.vectorcare.rules.requests[TRIP] = "COMPLETED"
    # When it is sent again, Then its refusal is no failure
    outbound.run_until_empty()
    assert outbound.ends() == [("uncertain", "members:permission_denied")]


def test_what_may_have_been_sent_does_not_expire_but_is_uncertain(outbound: Outbound) -> None:
    # Given an accept whose answer was lost, and VectorCare away until its end
    prepare(outbound, {"command": "accept"})
    outbound.vectorcare.faults.append(InjectedFault(is_reset=True, takes_effect=True))
    outbound.run()
    outbound.clock.seconds += 1800
    # When it comes again, Then it is not told as if VectorCare had never heard of it
    outbound.run()
    assert outbound.ends() == [("uncertain", "no_answer")]


@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
def test_without_the_ledger_nothing_is_sent_and_nothing_lost(outbound: Outbound, operation: str) -> None:
    # Given a table that does not answer
    message_id = outbound.put()
    with faults.failing(operation):
        assert outbound.run() == [message_id]
    assert outbound.vectorcare.calls == []
    # When it does again, Then the command is sent
    outbound.clock.seconds += 10
    outbound.run()
    assert outbound.ends() == [("succeeded", None)]


def test_a_claim_whose_answer_was_lost_is_the_senders_own(outbound: Outbound) -> None:
    outbound.put()
    with faults.losing_one_answer("PutItem"):
        assert outbound.run() == []
    assert outbound.ends() == [("succeeded", None)]


def test_a_record_that_could_not_be_written_is_as_a_crash(outbound: Outbound) -> None:
    # Given a change request, and a table that fails after the claim
    prepare(outbound, NOT_REPEATABLE[1])
    writes: list[str] = []

    def decide(operation: str, after: bool) -> Exception | None:
        if operation == "PutItem" and not after:
            writes.append(operation)
        return faults.unreachable() if operation == "PutItem" and not after and len(writes) > 1 else None

    with faults.on_call(decide):
        assert len(outbound.run()) == 1
    # When the invocation's lease is over, Then nobody claims to know
    outbound.clock.seconds += Context().remaining_ms / 1000
    outbound.run()
    assert outbound.ends() == [("uncertain", "no_answer")]
    assert len(outbound.vectorcare.calls) == 1
