"""A batch of commands: sent, answered, published, and returned to the queue for another try."""

import json
from typing import Any
from unittest import mock

import pytest

from simulator.http_types import InjectedFault
from tests.support import faults, sender
from tests.support.patience import Patience
from tests.support.sender import TRIP, Outbound, position
from tests.unit.conftest import Output
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands import redriven_command

SECRETS = ("Zebulon", "invented-token", "invented message")
PERMISSION_DENIED = "members:permission_denied"
CHANGE_REQUEST = {"command": "change_request", "agreed_dt": "2026-03-02T10:00:00Z", "change_reason": "Zebulon"}
CREATE_REQUEST = {"command": "create_request", "service_request_id": ..., "service_id": "s", "request": {"x": 1}}


def test_a_command_becomes_a_call_and_its_result_an_event(outbound: Outbound) -> None:
    # Given a command without an id of its own, When it is sent
    message_id = outbound.put(name="on_board", timestamp="2026-03-01T13:59:59.123456+02:00")
    assert outbound.run() == []
    # Then VectorCare gets the call, and the bus the result, under the message's id
    [made] = outbound.vectorcare.calls
    assert (made.method, outbound.paths()) == ("POST", [f"/requests/{TRIP}/state/"])
    assert outbound.bodies() == [{"name": "on_board", "timestamp": "2026-03-01T11:59:59.123Z"}]
    [result] = outbound.outcomes()
    assert 0 <= result.pop("lag_seconds") < 1
    assert result == {
        "detail-type": "CommandSucceeded",
        "schema_version": "1.0",
        "command_id": message_id,
        "command": "state_update",
        "service_request_id": TRIP,
        "outcome": "succeeded",
        "reason": None,
        "attempts": 1,
    }
    assert not len(outbound.queue)


def test_a_refusal_is_published_and_neither_logs_nor_table_hold_a_field_of_the_command(
    outbound: Outbound, output: Output
) -> None:
    body = b'{"f": [{"message": "Zebulon", "code": "common:required"}]}'
    outbound.vectorcare.faults.append(InjectedFault(status=400, body=body))
    outbound.put(**CHANGE_REQUEST)
    assert outbound.run() == []
    assert outbound.ends() == [("failed", "common:required")]
    assert not any(word in output.text() for word in SECRETS)
    assert "Zebulon" not in json.dumps(outbound.command_log(), default=str)


@pytest.mark.parametrize(("retry_after", "seconds"), [(None, 2), ("20", 22)])
def test_a_command_that_may_succeed_later_returns_to_the_queue(
    outbound: Outbound, output: Output, retry_after: str | None, seconds: int
) -> None:
    # Given VectorCare refusing for rate, When a command is sent
    headers = {"Retry-After": retry_after} if retry_after else {}
    outbound.vectorcare.faults.append(InjectedFault(status=429, headers=headers, body=b"Zebulon"))
    message_id = outbound.put()
    with (
        mock.patch("vectorcare_bridge.edge.runtime.uniform", lambda _low, high: high),
        mock.patch("vectorcare_bridge.edge.runtime.sleep", side_effect=AssertionError("it sleeps")),
    ):
        kept = outbound.run()
    # Then it is invisible for its backoff and what VectorCare asks for, and nothing is published
    assert (kept, outbound.invisible_for(), outbound.ends()) == ([message_id], [seconds], [])
    outbound.clock.seconds += seconds
    assert outbound.run() == []
    assert outbound.ends() == [("succeeded", None)]
    assert not any(word in output.text() for word in SECRETS)


def test_positions_of_a_trip_in_a_batch_go_in_one_call(outbound: Outbound) -> None:
    # Given positions of two trips, one of them unknown to VectorCare, and some that end without a call
    outbound.put(command="location_update", locations=[position(0)])
    outbound.clock.seconds += 900
    for trip, timestamp, changes in ((TRIP, 5, {}), ("VC-UNKNOWN", 1, {}), (TRIP, 3, {}), (TRIP, 4, {"lat": 91})):
        outbound.put(command="location_update", service_request_id=trip, locations=[position(timestamp, **changes)])
    # When they are sent
    assert outbound.run() == []
    # Then each trip has its call, and each command its own result
    calls = [[location["timestamp"] for location in body] for body in outbound.bodies()]
    assert sorted(calls) == [[1], [3, 5]]
    assert sorted(outbound.ends(), key=str) == [
        ("expired", "max_age"),
        ("failed", "api:not_found"),
        ("failed", "bad_field"),
        *[("succeeded", None)] * 2,
    ]


@pytest.mark.parametrize(
    ("command", "status", "end", "calls"),
    [
        ({"command": "state_update"}, "ASSIGNED", ("succeeded", None), 2),
        ({"command": "accept"}, "AVAILABLE", ("uncertain", PERMISSION_DENIED), 2),
        (CHANGE_REQUEST, "ASSIGNED", ("uncertain", "no_answer"), 1),
    ],
    ids=["repeatable", "repeatable, and refused for its first attempt", "not repeatable"],
)
def test_after_a_crash_a_command_is_repeated_if_it_can_be_and_uncertain_otherwise(
    outbound: Outbound, command: dict[str, Any], status: str, end: tuple[str, str | None], calls: int
) -> None:
    # Given a function that ends between VectorCare's answer and its record
    outbound.vectorcare.rules.requests[TRIP] = status
    outbound.put(**command)
    with (
        mock.patch("sender.command_log.CommandLog.record", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        outbound.handle(outbound.receive())
    outbound.restart()
    # When the message comes again
    outbound.clock.seconds += sender.VISIBILITY_SECONDS
    assert outbound.run() == []
    # Then it is sent again only if that does no harm
    assert (outbound.ends(), len(outbound.vectorcare.calls)) == ([end], calls)


def test_a_command_id_is_sent_once_and_its_result_published_each_time(outbound: Outbound) -> None:
    # Given two messages with one id in a batch, When they are sent
    for _message in range(2):
        outbound.put(command="location_update", locations=[position(1)], command_id="c-1")
    outbound.run_until_empty()
    assert outbound.ends() == [("succeeded", None)] * 2
    # And a third one comes days later, while the command log still knows the id
    expires_at = int(outbound.command_log()["c-1"]["expires_at"])
    assert expires_at == pytest.approx(utc_timestamp.epoch_seconds(outbound.clock.now()) + 30 * 86400, abs=5)
    outbound.clock.seconds += 6 * 86400
    outbound.put(command_id="c-1", name="completed")
    assert outbound.run() == []
    # Then VectorCare was called once
    assert outbound.ends() == [("succeeded", None)]
    assert len(outbound.vectorcare.calls) == 1


@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
def test_without_the_command_log_nothing_is_sent_and_nothing_lost(outbound: Outbound, operation: str) -> None:
    message_id = outbound.put()
    with faults.failing(operation):
        assert outbound.run() == [message_id]
    assert outbound.vectorcare.calls == []
    outbound.clock.seconds += 10
    outbound.run()
    assert outbound.ends() == [("succeeded", None)]


def test_an_unreadable_message_becomes_a_dead_letter_and_delays_no_other(outbound: Outbound, output: Output) -> None:
    # Given a message that is no command and was redriven once, one that is a command, and a queue that refuses at first
    sent_at = outbound.clock.ago(60)
    attributes = redriven_command.attributes({}, message_id="first", sent_at=sent_at)
    message_id = outbound.put_body("Zebulon Quillfeather", attributes)
    outbound.put()
    with mock.patch("vectorcare_bridge.edge.queue.Queue.send", side_effect=ConnectionError):
        assert outbound.run() == [message_id]
    assert outbound.ends() == [("succeeded", None)]
    # When it is delivered again
    outbound.clock.seconds += sender.VISIBILITY_SECONDS
    assert outbound.run() == []
    # Then it is in the dead-letter queue, byte for byte, under the id and of the age that it had, and counted once
    [dead] = outbound.dead_letters.messages()
    assert dead.body == "Zebulon Quillfeather"
    assert {name: one["StringValue"] for name, one in dead.attributes.items()} == {
        "redriven": "1",
        "first_message_id": "first",
        "first_sent_at": sent_at,
    }
    text = output.text()
    assert text.count('"not_json"') == 2  # a line and a metric
    assert "Zebulon" not in text


def test_a_redriven_command_keeps_its_id_and_its_age(outbound: Outbound) -> None:
    # Given a new request that was sent and comes back under another id, and an acceptance half an hour old
    first_id = outbound.put(**CREATE_REQUEST)
    outbound.run()
    again = json.dumps({name: value for name, value in CREATE_REQUEST.items() if value is not ...})
    outbound.put_body(again, redriven_command.attributes({}, message_id=first_id, sent_at=outbound.clock.ago(1)))
    late = json.dumps({"command": "accept", "service_request_id": TRIP})
    outbound.put_body(late, redriven_command.attributes({}, message_id="late", sent_at=outbound.clock.ago(1800)))
    # When they are delivered
    outbound.run()
    # Then no call is spent on either
    assert outbound.paths() == ["/requests/service/s/"]
    results = sorted((one["command_id"], one["outcome"], one["service_request_id"]) for one in outbound.outcomes())
    assert results == sorted([(first_id, "succeeded", "VC-NEW00002")] * 2 + [("late", "expired", TRIP)])


def test_a_state_ahead_of_the_clock_is_delayed_and_one_that_vectorcare_refuses_costs_no_call(
    outbound: Outbound,
) -> None:
    for name, seconds_ahead in (("en_route", 3), ("arrived", 61), ("on_board", -7 * 86400 - 1)):
        outbound.put(name=name, timestamp=outbound.clock.ago(-seconds_ahead))
        outbound.clock.seconds += 0.1
    with mock.patch("vectorcare_bridge.edge.runtime.uniform", lambda low, _high: low):
        outbound.run()
    assert (outbound.vectorcare.calls, outbound.invisible_for()) == ([], [3])
    assert outbound.ends() == [("failed", "timestamp_in_future"), ("failed", "timestamp_too_old")]
    outbound.clock.seconds += 3
    outbound.run()
    assert outbound.ends() == [("succeeded", None)]


def test_a_result_that_the_bus_did_not_take_is_published_later_and_nothing_sent_again(
    outbound: Outbound, patience: Patience
) -> None:
    # Given a bus that cannot be reached, and a function with sixteen seconds left after its call
    message_id = outbound.put()
    with faults.failing("PutEvents"), mock.patch("sender.attempt.LONGEST_CALL_SECONDS", 1):
        # When the command has ended, Then it returns to the queue with fifteen of them left
        assert outbound.run(seconds=16) == [message_id]
    assert sum(patience.waits) <= 1
    # And its result is published when the bus works again
    outbound.clock.seconds += 10
    assert outbound.run() == []
    assert outbound.ends() == [("succeeded", None)]
    assert len(outbound.vectorcare.calls) == 1


def test_an_unforeseen_error_loses_no_message_and_logs_no_text(outbound: Outbound, output: Output) -> None:
    message_id = outbound.put()
    with mock.patch("sender.send.telemetry.report", side_effect=ValueError("Zebulon")):
        assert outbound.handle(outbound.receive()) == [message_id]
    assert "Zebulon" not in output.text()
