"""When VectorCare is down, few calls are spent on it, by all invocations together, and nothing is lost."""

import math
from unittest import mock

import pytest

from sender.circuit_state import FAILURES_TO_OPEN, OPEN_SECONDS
from tests.support import faults, sender
from tests.support.sender import Outbound, position

TRIPS = [f"VC-{number:03}" for number in range(20)]


@pytest.fixture
def outbound(outbound: Outbound) -> Outbound:
    """Give a sender that has its token, and trips."""
    outbound.vectorcare.rules.requests |= dict.fromkeys(TRIPS, "ASSIGNED")
    outbound.token()
    outbound.vectorcare.token_calls.clear()
    return outbound


def put_for_trips(outbound: Outbound, trips: int = len(TRIPS)) -> None:
    for trip in TRIPS[:trips]:
        outbound.put(service_request_id=trip)


def open_the_circuit(outbound: Outbound) -> None:
    """Let VectorCare fail until the circuit opens."""
    outbound.vectorcare.is_down = True
    put_for_trips(outbound, FAILURES_TO_OPEN)
    with mock.patch("vectorcare_bridge.edge.runtime.uniform", lambda _low, high: high):
        outbound.run()
    outbound.vectorcare.token_calls.clear()
    outbound.vectorcare.calls.clear()


def calls_made(outbound: Outbound) -> int:
    return len(outbound.vectorcare.calls) + len(outbound.vectorcare.token_calls)


def test_while_the_circuit_is_open_no_invocation_calls_and_no_command_comes_before_its_end(outbound: Outbound) -> None:
    # Given an open circuit, and a command whose time is over
    outbound.put(command="accept", service_request_id=TRIPS[10])
    outbound.receive()
    outbound.clock.seconds += 1800
    open_the_circuit(outbound)
    outbound.put(service_request_id=TRIPS[11], command_id="new")
    # When another container gets them, with a table whose replicas are behind
    outbound.restart()
    with faults.lagging_replicas():
        outbound.run()
    # Then it makes no call, not for a token either, and notes nothing of what waits
    assert calls_made(outbound) == 0
    assert "new" not in outbound.command_log()
    assert min(outbound.invisible_for()) >= OPEN_SECONDS - 1
    # And what has expired is published
    assert outbound.ends() == [("expired", "max_age")]


def test_one_call_decides_whether_the_circuit_closes() -> None:
    # Given an open circuit, ten threads, and the time for a probe
    with sender.running(inline=False) as outbound:
        outbound.vectorcare.rules.requests |= dict.fromkeys(TRIPS, "ASSIGNED")
        outbound.token()
        open_the_circuit(outbound)
        outbound.clock.seconds += 60
        put_for_trips(outbound)
        # When VectorCare is still down, Then one call is spent, and the circuit stays open
        outbound.run()
        assert calls_made(outbound) == 1
        # And when it is back, one call closes the circuit for the others
        outbound.vectorcare.is_down = False
        outbound.clock.seconds += 100
        outbound.run()
        assert set(outbound.vectorcare.rules.states) == set(TRIPS)


def test_an_outage_under_load_loses_no_position_and_wastes_no_call(outbound: Outbound) -> None:
    # Given trips that report every 20 seconds, one of them sometimes twice, and VectorCare down for two minutes
    calls_in_outage = 0
    for second in range(0, 300, 20):
        outbound.clock.seconds = second
        outbound.vectorcare.is_down = 60 <= second < 180
        for trip in TRIPS[:2] + TRIPS[: second % 60 == 0]:
            outbound.put(command="location_update", service_request_id=trip, locations=[position(second)])
        before = calls_made(outbound)
        outbound.run()
        calls_in_outage += (calls_made(outbound) - before) * outbound.vectorcare.is_down
    # When the queue is worked off
    outbound.run_until_empty()
    # Then every position was delivered, and each call brings them in time order, each once
    delivered = {trip: set(times) for trip, times in outbound.vectorcare.rules.positions.items()}
    assert delivered == {trip: set(range(0, 300, 20)) for trip in TRIPS[:2]}
    for call in outbound.bodies():
        times = [location["timestamp"] for location in call]
        assert times == sorted(set(times))
    assert {end for end, _reason in outbound.ends()} == {"succeeded"}
    # And the outage cost the calls that open the circuit, and a probe each half minute
    assert calls_in_outage <= FAILURES_TO_OPEN + math.ceil(120 / OPEN_SECONDS)
