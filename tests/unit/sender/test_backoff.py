"""How long a command waits before it is tried again."""

from random import Random
from unittest import mock

import pytest

from sender import backoff

DAY = 86400
MAX_RECEIVES = 300
"""The queue's."""


def wait(
    receives: int = 1, *, max_age: float = DAY, age: float = 0, at_least: float = 0, jitter: float = 1
) -> tuple[int, tuple[float, float]]:
    """Wait with so much of the jitter; answers the bounds between which it was drawn, too."""
    uniform = mock.Mock(side_effect=lambda _low, high: high * jitter)
    seconds = backoff.wait_seconds(receives, max_age=max_age, age=age, at_least=at_least, uniform=uniform)
    [call] = uniform.call_args_list
    return seconds, call.args


@pytest.mark.parametrize(
    ("receives", "max_age", "ceiling"),
    [
        (1, DAY, 2),
        (2, DAY, 4),
        (9, DAY, 512),
        (10, DAY, 900),
        (300, DAY, 900),
        (5, 1800, 32),
        (9, 1800, 180),
        (9, 900, 90),
    ],
)
def test_the_jitter_doubles_up_to_a_quarter_of_an_hour_and_a_tenth_of_the_time_there_is(
    receives: int, max_age: float, ceiling: float
) -> None:
    assert wait(receives, max_age=max_age) == (ceiling, (0, ceiling))


@pytest.mark.parametrize(
    ("at_least", "jitter", "seconds"),
    [(0, 1, 2), (20, 1, 22), (0.25, 1, 3), (300, 1, 302), (301, 1, 302), (0, 0, 1), (0, 0.55, 2)],
)
def test_retry_after_is_added_up_to_five_minutes_and_a_wait_is_at_least_a_second(
    at_least: float, jitter: float, seconds: int
) -> None:
    assert wait(at_least=at_least, jitter=jitter)[0] == seconds


@pytest.mark.parametrize(("age", "seconds"), [(1700, 100), (1700.5, 100), (1799.9, 1), (1800, 180), (1801, 180)])
def test_a_command_comes_again_no_later_than_at_its_end(age: float, seconds: int) -> None:
    # Given a command that is tried for half an hour, When it would wait for three minutes
    # Then it comes at its end if that is sooner; past it, whatever keeps it from ending has its backoff
    assert wait(9, max_age=1800, age=age)[0] == seconds


def test_a_state_is_tried_for_its_day_with_far_fewer_receives_than_the_queue_allows() -> None:
    age, receives, uniform = 0, 0, Random(1).uniform
    while age < DAY:
        receives += 1
        age += backoff.wait_seconds(receives, max_age=DAY, age=age, at_least=0, uniform=uniform)
    assert age == DAY
    assert 100 < receives < MAX_RECEIVES * 0.85
