"""What may pass is tried again, later and later, until the command is worth nothing any more."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from simulator.http_types import InjectedFault
from tests.support import sender
from tests.support.sender import TRIP, Outbound, position
from tests.support.wait import PATIENCE, wait_until
from tests.unit.conftest import Output

SECRETS = ("Zebulon", "invented-token", "invented message")


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    with sender.running() as outbound:
        yield outbound


@pytest.mark.parametrize(
    "fault",
    [
        InjectedFault(status=429),
        InjectedFault(status=500),
        InjectedFault(status=502),
        InjectedFault(status=503, body=b"not json"),
        InjectedFault(status=504),
        InjectedFault(status=301, headers={"Location": "https://elsewhere.invalid/"}),
        InjectedFault(is_reset=True),
        InjectedFault(delay=PATIENCE),
    ],
    ids=["429", "500", "502", "503", "504", "301", "reset", "slow"],
)
def test_what_may_pass_is_tried_again_through_the_queue(
    outbound: Outbound, output: Output, fault: InjectedFault
) -> None:
    # Given a container with its token, and a fault that may pass
    outbound.token()
    outbound.vectorcare.faults.append(fault)
    message_id = outbound.put()
    with (
        mock.patch("sender.vectorcare.http.READ_SECONDS", 0.2 if fault.delay else PATIENCE),
        mock.patch("vectorcare_bridge.edge.runtime.uniform", lambda _low, high: high),
        mock.patch("vectorcare_bridge.edge.runtime.sleep", side_effect=AssertionError("it sleeps")),
    ):
        # When the command is sent
        kept = outbound.run()
    wait_until(lambda: outbound.vectorcare.calls, what="VectorCare has the call")
    # Then it is given back, hidden for the first backoff, and told nothing of
    assert kept == [message_id]
    assert outbound.hidden_for() == [2]
    assert outbound.ends() == []
    # And sent when its time has come
    outbound.clock.seconds += 2
    assert outbound.run() == []
    assert outbound.ends() == [("succeeded", None)]
    assert len(outbound.vectorcare.calls) == 2
    assert not any(word in output.text() for word in SECRETS)


def test_a_redirect_is_not_followed_with_the_token(outbound: Outbound) -> None:
    # Given an answer that sends the call elsewhere, where it would be taken
    fault = InjectedFault(status=307, headers={"Location": f"/openapi/v2.0/requests/{TRIP}/state/"})
    outbound.vectorcare.faults.append(fault)
    outbound.put()
    # When the command is sent, Then nobody else hears of it
    assert len(outbound.run()) == 1
    assert len(outbound.vectorcare.calls) == 1


def test_waits_double_and_are_drawn_from_zero_on(outbound: Outbound) -> None:
    # Given VectorCare refusing for rate, seven times
    outbound.vectorcare.faults.extend([InjectedFault(status=429)] * 7)
    outbound.put()
    bounds: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        bounds.append((low, high))
        return high

    # When the command is tried again and again
    with mock.patch("vectorcare_bridge.edge.runtime.uniform", uniform):
        for _attempt in range(7):
            outbound.run()
            outbound.clock.seconds += outbound.hidden_for()[0]
    # Then each wait is drawn between zero and twice the last bound
    assert bounds == [(0, 2), (0, 4), (0, 8), (0, 16), (0, 32), (0, 64), (0, 128)]


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("20", 20), ("100000", 300), ("Sun, 01 Mar 2026 12:00:40 GMT", 40), ("soon", 0), ("-5", 0)],
)
def test_retry_after_is_honoured_up_to_a_bound(outbound: Outbound, retry_after: str, seconds: float) -> None:
    # Given a 429 that says when to come back
    outbound.vectorcare.faults.append(InjectedFault(status=429, headers={"Retry-After": retry_after}))
    outbound.put()
    # When the command is sent
    with mock.patch("vectorcare_bridge.edge.runtime.uniform", lambda _low, high: high):
        outbound.run()
    # Then it waits so long, and its jitter on top
    assert outbound.hidden_for() == [pytest.approx(seconds + 2, abs=1)]


@pytest.mark.parametrize(
    ("command", "max_age"),
    [
        ({"command": "state_update"}, 24 * 3600),
        ({"command": "location_update", "locations": [position(1)]}, 900),
        ({"command": "accept"}, 1800),
        ({"command": "decline"}, 1800),
        ({"command": "best_time", "proposed_agreed_dt": "2026-03-02T10:00:00Z"}, 1800),
        ({"command": "change_request", "agreed_dt": "2026-03-02T10:00:00Z", "change_reason": "late"}, 1800),
        ({"command": "create_request", "service_request_id": ..., "service_id": "s", "request": {}}, 1800),
    ],
    ids=lambda value: value["command"] if isinstance(value, dict) else None,
)
def test_a_late_command_is_worse_than_none(outbound: Outbound, command: dict[str, Any], max_age: int) -> None:
    # Given two of a kind, one that has reached its age, and one a second younger
    outbound.put(**command, command_id="late")
    outbound.clock.seconds += 1
    outbound.put(**command, command_id="in-time")
    outbound.clock.seconds += max_age - 1
    # When they are delivered
    outbound.vectorcare.rules.requests[TRIP] = "COMPLETED"
    assert outbound.run() == []
    # Then no call is spent on the late one
    outcomes = {one["command_id"]: (one["detail-type"], one["reason"]) for one in outbound.outcomes()}
    assert outcomes["late"] == ("CommandExpired", "max_age")
    assert outcomes["in-time"][0] != "CommandExpired"
    assert len(outbound.vectorcare.calls) == 1


def test_a_state_is_tried_for_its_day_with_far_fewer_receives_than_the_queue_allows(outbound: Outbound) -> None:
    # Given VectorCare answering 429 all day
    outbound.put(command_id="c-1")
    outbound.vectorcare.faults.extend([InjectedFault(status=429)] * 1000)
    # When the command is tried until its end
    while len(outbound.queue):
        outbound.run()
        outbound.clock.seconds += max([1.0, *outbound.hidden_for()])
    # Then its end is told in time, and it is no dead letter
    [outcome] = outbound.outcomes()
    assert (outcome["detail-type"], len(outbound.dead_letters)) == ("CommandExpired", 0)
    assert 24 * 3600 <= outcome["lag_seconds"] < 24 * 3600 + 5
    assert 100 < outcome["attempts"] < sender.MAX_RECEIVES * 0.85


@pytest.mark.parametrize(
    ("seconds_ahead", "reason"),
    [(61, "timestamp_in_future"), (-7 * 86400 - 1, "timestamp_too_old")],
)
def test_a_state_whose_time_vectorcare_refuses_costs_no_call(
    outbound: Outbound, seconds_ahead: float, reason: str
) -> None:
    outbound.put(timestamp=outbound.clock.ago(-seconds_ahead))
    assert outbound.run() == []
    assert outbound.ends() == [("failed", reason)]
    assert not outbound.vectorcare.calls


def test_a_clock_that_is_a_little_ahead_costs_a_state_the_delay_and_not_the_state(outbound: Outbound) -> None:
    # Given a CAD whose clock is three seconds ahead
    outbound.put(timestamp=outbound.clock.ago(-3))
    # When its state is sent
    with mock.patch("vectorcare_bridge.edge.runtime.uniform", lambda low, _high: low):
        assert outbound.run() != []
    # Then it is held back for just so long
    assert outbound.hidden_for() == [3]
    outbound.clock.seconds += 3
    outbound.run()
    assert outbound.ends() == [("succeeded", None)]
    assert len(outbound.vectorcare.calls) == 1
