"""Commands to VectorCare: each documented call, each final answer, and one command beside another."""

import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from simulator.http_types import InjectedFault
from tests.support import faults, sender
from tests.support.patience import Patience
from tests.support.sender import TRIP, Outbound, position
from tests.unit.conftest import Output

SECRETS = ("Zebulon", "invented-token", "invented message")


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    with sender.running() as outbound:
        yield outbound


@pytest.mark.parametrize(
    ("command", "status", "call", "body"),
    [
        (
            {"command": "state_update", "name": "on_board", "timestamp": "2026-03-01T13:59:59.123456+02:00"},
            "ASSIGNED",
            f"POST /requests/{TRIP}/state/",
            {"name": "on_board", "timestamp": "2026-03-01T11:59:59.123Z"},
        ),
        (
            {"command": "location_update", "locations": [position(1772366000.5, speed=3)]},
            "ASSIGNED",
            f"POST /requests/{TRIP}/locations/",
            [{"lat": 1.25, "lng": -2.5, "alt": 3.0, "timestamp": 1772366000.5, "speed": 3}],
        ),
        (
            {"command": "accept", "response_notes": "Zebulon"},
            "AVAILABLE",
            f"PUT /requests/{TRIP}/accept/",
            {"response_notes": "Zebulon"},
        ),
        ({"command": "decline"}, "AVAILABLE", f"PUT /requests/{TRIP}/decline/", {}),
        (
            {"command": "best_time", "proposed_agreed_dt": "2026-03-02T10:00:00Z"},
            "AVAILABLE",
            f"PUT /requests/{TRIP}/best-time/",
            {"proposed_agreed_dt": "2026-03-02T10:00:00.000Z"},
        ),
        (
            {"command": "change_request", "agreed_dt": "2026-03-02T10:00:00Z", "change_reason": "Zebulon"},
            "ASSIGNED",
            f"POST /requests/{TRIP}/change-request/",
            {"agreed_dt": "2026-03-02T10:00:00.000Z", "change_reason": "Zebulon"},
        ),
    ],
    ids=lambda value: value["command"] if isinstance(value, dict) and "command" in value else None,
)
def test_each_command_is_the_documented_call(
    outbound: Outbound, command: dict[str, Any], status: str, call: str, body: Any
) -> None:
    # Given a service request in the right status, and a command
    outbound.vectorcare.rules.requests[TRIP] = status
    outbound.put(**command, command_id="c-1")
    # When it is sent
    assert outbound.run() == []
    # Then VectorCare gets the call, and the bus the outcome, and the queue is empty
    [made] = outbound.vectorcare.calls
    assert (f"{made.method} {outbound.paths()[0]}", json.loads(made.body)) == (call, body)
    [outcome] = outbound.outcomes()
    lag = outcome.pop("lag_seconds")
    assert 0 <= lag < 1
    assert outcome == {
        "detail-type": "CommandSucceeded",
        "schema_version": "1.0",
        "command_id": "c-1",
        "command": command["command"],
        "service_request_id": TRIP,
        "outcome": "succeeded",
        "reason": None,
        "attempts": 1,
    }
    assert not len(outbound.queue)


def test_a_created_request_is_told_by_its_id(outbound: Outbound) -> None:
    # Given a create_request
    outbound.put(command="create_request", service_request_id=..., service_id="svc_1", request={"x": ["Zebulon"]})
    # When it is sent
    outbound.run()
    # Then its body went to the service, and the outcome names the new service request
    assert (outbound.paths(), outbound.bodies()) == (["/requests/service/svc_1/"], [{"x": ["Zebulon"]}])
    [outcome] = outbound.outcomes()
    assert (outcome["outcome"], outcome["service_request_id"]) == ("succeeded", "VC-NEW00002")


def test_a_command_without_an_id_goes_by_its_message_id(outbound: Outbound) -> None:
    message_id = outbound.put()
    outbound.run()
    assert [one["command_id"] for one in outbound.outcomes()] == [message_id]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (
            InjectedFault(status=400, body=b'{"f": [{"message": "Zebulon", "code": "common:required"}]}'),
            "common:required",
        ),
        (InjectedFault(status=400, body=b'[{}, {"f": [{"code": "common:blank"}]}]'), "common:blank"),
        (InjectedFault(status=403, body=b'{"code": "members:permission_denied"}'), "members:permission_denied"),
    ],
)
def test_what_vectorcare_itself_refuses_is_final_with_its_code_and_never_its_text(
    outbound: Outbound, output: Output, fault: InjectedFault, reason: str
) -> None:
    # Given a refusal, When the command is sent
    outbound.vectorcare.faults.append(fault)
    outbound.put()
    assert outbound.run() == []
    # Then it is told, and the command is gone
    assert outbound.ends() == [("failed", reason)]
    assert not len(outbound.queue)
    assert not any(word in output.text() for word in SECRETS)


def test_a_success_that_is_documented_without_a_body_needs_none(outbound: Outbound) -> None:
    outbound.vectorcare.faults.append(InjectedFault(body=b""))
    outbound.put()
    outbound.run()
    assert outbound.ends() == [("succeeded", None)]


@pytest.mark.parametrize(
    "fault",
    [
        InjectedFault(status=404, body=b"<html>Zebulon</html>"),
        InjectedFault(status=422, body=b'{"code": "Zebulon Quillfeather"}'),
        InjectedFault(status=403, body=b'{"code": 7, "message": "Zebulon"}'),
        InjectedFault(body=b'{"half": '),
        InjectedFault(body=b"\xff" * 300_000),
    ],
    ids=["a page's 404", "422 with no code", "403 with no code", "half an answer", "no JSON"],
)
def test_what_is_not_vectorcares_word_ends_no_command(outbound: Outbound, output: Output, fault: InjectedFault) -> None:
    # Given an answer that VectorCare's API does not give, When a state is sent
    outbound.vectorcare.faults.append(fault)
    message_id = outbound.put()
    # Then it is tried again, and nobody is told of an end
    assert outbound.run() == [message_id]
    assert outbound.ends() == []
    assert not any(word in output.text() for word in SECRETS)


def test_what_cannot_be_read_becomes_a_dead_letter_and_holds_up_no_other(outbound: Outbound, output: Output) -> None:
    # Given a message that is no command, and one that is
    message_id = outbound.put_body("Zebulon Quillfeather")
    outbound.put()
    # When a batch is delivered
    kept = outbound.run()
    # Then it has been moved, byte for byte and with the name it had, and counted once
    assert kept == []
    assert len(outbound.queue) == 0
    [letter] = outbound.dead_letters.messages()
    assert letter.body == "Zebulon Quillfeather"
    assert letter.attributes["first_message_id"]["StringValue"] == message_id
    assert outbound.ends() == [("succeeded", None)]
    text = output.text()
    assert text.count('"not_json"') == 2  # a line and a metric
    assert "Zebulon" not in text


def test_what_cannot_be_read_stays_while_the_dead_letter_queue_refuses(outbound: Outbound, output: Output) -> None:
    # Given a dead-letter queue that takes nothing
    message_id = outbound.put_body("Zebulon Quillfeather")
    with mock.patch("vectorcare_bridge.edge.queue.Queue.send", side_effect=ConnectionError):
        # When the message is delivered
        assert outbound.run() == [message_id]
    # Then it comes back when the queue's own time-out ends, is moved, and was counted once
    assert (len(outbound.queue), len(outbound.dead_letters)) == (1, 0)
    outbound.clock.seconds += sender.VISIBILITY_SECONDS
    assert outbound.run() == []
    assert (len(outbound.queue), len(outbound.dead_letters)) == (0, 1)
    assert output.text().count('"not_json"') == 2  # a line and a metric


def test_one_command_that_fails_holds_up_no_other(outbound: Outbound) -> None:
    # Given commands of two trips, the first of which fails
    outbound.vectorcare.rules.requests["VC-OTHER"] = "ASSIGNED"
    bad = outbound.put()
    outbound.put(service_request_id="VC-OTHER")
    outbound.vectorcare.faults.append(InjectedFault(status=500))
    # When they are sent in one batch
    assert outbound.run() == [bad]
    # Then the other is done
    assert [one["service_request_id"] for one in outbound.outcomes()] == ["VC-OTHER"]


def test_commands_of_one_trip_go_in_their_order(outbound: Outbound) -> None:
    # Given three states, a second apart, that SQS delivers in any order
    for name in ("en_route", "arrived", "on_board"):
        outbound.put(name=name)
        outbound.clock.seconds += 1
    records = outbound.receive()
    # When they come in the worst one
    outbound.handle(sorted(records, key=lambda record: record["attributes"]["SentTimestamp"], reverse=True))
    # Then VectorCare gets them as they were sent
    assert outbound.vectorcare.rules.states[TRIP] == ["en_route", "arrived", "on_board"]


def test_no_call_is_begun_that_the_function_could_not_end(outbound: Outbound) -> None:
    # Given a function with less time left than a call may take, When a batch comes
    message_id = outbound.put()
    kept = outbound.run(seconds=40)
    # Then nothing is sent
    assert (kept, outbound.vectorcare.calls) == ([message_id], [])


def test_an_outcome_that_the_bus_refuses_once_is_told_in_the_same_batch(outbound: Outbound, patience: Patience) -> None:
    # Given a bus that is throttled once
    outbound.put(command_id="c-1")
    throttled = [faults.refusal("ThrottlingException")]

    def once(operation: str, after: bool) -> Exception | None:
        return throttled.pop() if operation == "PutEvents" and not after and throttled else None

    # When the command has succeeded, Then the outcome is told after a wait, and nothing comes again
    with faults.on_call(once):
        assert outbound.run() == []
    assert outbound.ends() == [("succeeded", None)]
    assert len(patience.waits) == 1


def test_the_bus_is_not_asked_again_when_the_batch_has_to_be_given_back(outbound: Outbound, patience: Patience) -> None:
    # Given a bus that cannot be reached, and a function with sixteen seconds
    message_id = outbound.put(command_id="c-1")
    with faults.failing("PutEvents"):
        # When the command has ended, Then it is given back with fifteen of them left
        assert outbound.run(seconds=16) == [message_id]
    assert sum(patience.waits) <= 1


def test_an_outcome_that_the_bus_did_not_take_is_told_again_and_nothing_sent_again(outbound: Outbound) -> None:
    # Given a bus that refuses
    outbound.put(command_id="c-1")
    with mock.patch("vectorcare_bridge.edge.bus.Bus.publish", lambda _self, entries: list(entries)):
        assert len(outbound.run()) == 1
    assert outbound.ends() == []
    # When it takes events again
    outbound.clock.seconds += 10
    assert outbound.run() == []
    # Then it gets the outcome, and VectorCare no second call
    assert outbound.ends() == [("succeeded", None)]
    assert len(outbound.vectorcare.calls) == 1
