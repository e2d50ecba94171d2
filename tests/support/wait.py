"""The one way in which tests wait: for a condition, with a limit so generous that only what never comes reaches it."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from local import patience

PATIENCE = patience.SECONDS
"""The end of every wait, and the time-out of every call, in seconds; the variable PATIENCE_SECONDS stretches it."""

Seen = TypeVar("Seen")


def wait_until(look: Callable[[], Seen], is_so: Callable[[Seen], object] = bool, *, what: str) -> Seen:
    """Look again and again until what is seen is right, and return it; else fail, and say what was seen last."""
    try:
        return patience.wait_until(look, is_so, what=what)
    except patience.GaveUpError as error:
        pytest.fail(str(error))
