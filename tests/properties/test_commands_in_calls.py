"""However positions come, VectorCare gets each once, in time order, in as few calls as it allows; waits are bounded."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sender import backoff
from sender.received_command import MAX_AGE_SECONDS
from sender.vectorcare import api_calls
from vectorcare_bridge.commands.command import Command, Kind

TIMESTAMPS = st.lists(st.lists(st.integers(0, 700), min_size=1, max_size=200), min_size=1, max_size=12)


def updates(timestamps: list[list[int]]) -> list[Command]:
    return [
        Command(
            Kind.LOCATION_UPDATE,
            f"c-{number}",
            "VC-TEST0001",
            {"locations": [{"lat": number, "lng": 0, "alt": 0, "timestamp": timestamp} for timestamp in together]},
        )
        for number, together in enumerate(timestamps)
    ]


@given(TIMESTAMPS)
def test_each_point_in_time_goes_once_in_order_in_no_more_calls_than_needed(timestamps: list[list[int]]) -> None:
    calls = list(api_calls.calls(updates(timestamps)))
    sent = [location["timestamp"] for call in calls for location in call.body]
    assert sent == sorted({timestamp for together in timestamps for timestamp in together})
    assert len(calls) == math.ceil(len(sent) / 200)
    assert all(len(call.body) <= 200 for call in calls)
    assert all(earlier.body[-1]["timestamp"] < later.body[0]["timestamp"] for earlier, later in pairwise(calls))


@given(TIMESTAMPS)
def test_a_call_names_exactly_the_commands_whose_positions_are_in_it(timestamps: list[list[int]]) -> None:
    commands = updates(timestamps)
    for call in api_calls.calls(commands):
        times = {location["timestamp"] for location in call.body}
        owners = {c.command_id for c in commands if times & {each["timestamp"] for each in c.fields["locations"]}}
        assert {command.command_id for command in call.commands} == owners
        assert len(call.commands) == len(owners)


@given(
    receives=st.integers(1, 1000),
    kind=st.sampled_from(list(Kind)),
    share_of_age=st.floats(0, 2),
    at_least=st.floats(0, 1e6),
    draw=st.floats(0, 1),
)
def test_a_wait_is_one_that_sqs_takes_and_ends_with_the_command(
    receives: int, kind: Kind, share_of_age: float, at_least: float, draw: float
) -> None:
    max_age = MAX_AGE_SECONDS[kind]
    age = share_of_age * max_age
    seconds = backoff.wait_seconds(
        receives, max_age=max_age, age=age, at_least=at_least, uniform=lambda low, high: low + draw * (high - low)
    )
    assert 1 <= seconds <= 12 * 3600
    assert seconds >= min(at_least, 300, max_age - age if age < max_age else 300)
    assert age >= max_age or seconds < max_age - age + 1
