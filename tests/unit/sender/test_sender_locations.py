"""Many single positions become few calls."""

from collections.abc import Iterator

import pytest

from simulator.http_types import InjectedFault, field_error
from tests.support import sender
from tests.support.sender import TRIP, Outbound, position


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    with sender.running() as outbound:
        yield outbound


def put(outbound: Outbound, *timestamps: float, trip: str = TRIP) -> str:
    """Put one location update with these positions on the queue."""
    locations = [position(timestamp) for timestamp in timestamps]
    return outbound.put(command="location_update", service_request_id=trip, locations=locations)


def sent(outbound: Outbound) -> list[list[float]]:
    """Tell the timestamps of each call that VectorCare got."""
    return [[location["timestamp"] for location in body] for body in outbound.bodies()]


def test_positions_of_a_trip_in_a_batch_go_in_one_call_in_time_order_each_time_once(outbound: Outbound) -> None:
    # Given single positions and a few together, out of order, one of them twice
    for timestamp in (5, 3, 4, 3):
        put(outbound, timestamp)
    put(outbound, 2, 1, 5)
    # When the batch is sent
    assert outbound.run() == []
    # Then there is one call, and an outcome for each message
    assert sent(outbound) == [[1, 2, 3, 4, 5]]
    assert outbound.ends() == [("succeeded", None)] * 5


@pytest.mark.parametrize(("positions", "calls"), [(200, [200]), (201, [200, 1]), (450, [200, 200, 50])])
def test_a_call_has_200_positions_at_most(outbound: Outbound, positions: int, calls: list[int]) -> None:
    for start in range(0, positions, 150):
        put(outbound, *range(start, min(positions, start + 150)))
    outbound.run()
    assert [len(call) for call in sent(outbound)] == calls
    assert sorted(outbound.vectorcare.rules.positions[TRIP]) == list(range(positions))


def test_each_trip_has_its_own_call(outbound: Outbound) -> None:
    # Given positions of two trips, one of which VectorCare does not know
    put(outbound, 1)
    put(outbound, 1, trip="VC-UNKNOWN")
    put(outbound, 2)
    # When they are sent
    outbound.run()
    # Then the one's refusal is not the other's
    assert sorted(sent(outbound)) == [[1], [1, 2]]
    outcomes = [(one["service_request_id"], one["outcome"]) for one in outbound.outcomes()]
    assert sorted(outcomes) == [(TRIP, "succeeded"), (TRIP, "succeeded"), ("VC-UNKNOWN", "failed")]


def test_states_and_positions_of_a_trip_keep_their_order(outbound: Outbound) -> None:
    # Given positions before and after a state
    put(outbound, 1)
    outbound.clock.seconds += 1
    outbound.put()
    outbound.clock.seconds += 1
    put(outbound, 2)
    # When they are sent, Then the positions go together at the first one's place
    outbound.run()
    assert [path.split("/")[-2] for path in outbound.paths()] == ["locations", "state"]


def test_a_message_that_vectorcare_refuses_fails_alone(outbound: Outbound) -> None:
    # Given four messages, and VectorCare refusing any call with the third one's position in it
    ids = [put(outbound, timestamp) for timestamp in (1, 2, 3, 4)]
    right_answer = outbound.vectorcare.rules.answer
    outbound.vectorcare.rules.answer = lambda request: (  # type: ignore[method-assign]  # one more rule
        field_error("lat", "common:required", in_list=True)
        if b'"timestamp": 3' in request.body
        else right_answer(request)
    )
    # When they are sent
    assert outbound.run() == []
    # Then it alone has failed, for a few calls more
    outcomes = {one["command_id"]: one["outcome"] for one in outbound.outcomes()}
    assert [outcomes[each] for each in ids] == ["succeeded", "succeeded", "failed", "succeeded"]
    assert sent(outbound) == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]


def test_a_message_in_two_calls_is_done_when_both_are(outbound: Outbound) -> None:
    # Given 300 positions in three messages, and VectorCare failing the second call
    ids = [put(outbound, *range(start, start + 100)) for start in (0, 100, 150)]
    outbound.vectorcare.faults.extend([InjectedFault(status=200, body=b"{}"), InjectedFault(status=500)])
    # When they are sent
    kept = outbound.run()
    # Then the message with a position in the second call comes again, whole
    assert kept == [ids[2]]
    outbound.clock.seconds += 3
    outbound.run()
    assert [len(call) for call in sent(outbound)] == [200, 50, 100]


def test_a_position_that_is_refused_before_a_call_does_not_hold_up_the_others(outbound: Outbound) -> None:
    # Given a position nowhere on earth, and one that is too old
    put(outbound, 1)
    outbound.clock.seconds += 900
    outbound.put(command="location_update", locations=[position(2, lat=91)])
    put(outbound, 3)
    # When they are sent, Then one call carries the good one
    outbound.run()
    assert sent(outbound) == [[3]]
    assert sorted(outbound.ends(), key=str) == [("expired", "max_age"), ("failed", "bad_field"), ("succeeded", None)]
