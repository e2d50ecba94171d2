"""How long a command waits before it is tried again: exponential backoff with full jitter."""

import math
from collections.abc import Callable

FIRST_SECONDS = 2
LONGEST_SECONDS = 900
LONGEST_RETRY_AFTER_SECONDS = 300


def wait_seconds(
    receives: int, *, max_age: float, age: float, at_least: float, uniform: Callable[[float, float], float]
) -> int:
    """Draw how long a command that may succeed later stays invisible.

    It is `at_least` and, uniformly, up to min(900, max_age / 10, 2 * 2^(receives - 1)) seconds more; at least 1, and
    not past the command's end, so that its result is published in time. A state, tried for 24 hours, is received some
    200 times, everything else some 30 times.

    Parameters
    ----------
    receives : int
        SQS's ApproximateReceiveCount, 1 at the first attempt.
    max_age, age : float
        Seconds for which it is tried, and for which it has been.
    at_least : float
        Seconds for which trying would be useless, such as Retry-After's; at most 300 of them count.
    """
    ceiling = min(LONGEST_SECONDS, max_age / 10, FIRST_SECONDS * 2 ** min(receives - 1, 10))
    seconds = min(at_least, LONGEST_RETRY_AFTER_SECONDS) + uniform(0, ceiling)
    return until_the_end(seconds, max_age=max_age, age=age)


def until_the_end(seconds: float, *, max_age: float, age: float) -> int:
    """Shorten a wait to a command's end, so that its result is published in time; whole seconds, at least 1."""
    if age < max_age:
        seconds = min(seconds, max_age - age)
    return max(1, math.ceil(seconds))
