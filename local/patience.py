"""Waiting for what has to come, however slow or busy this machine is: only what never comes is given up."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

from local.errors import LocalError

SECONDS = float(os.environ.get("PATIENCE_SECONDS", "600"))
"""After which something is taken for never coming. A machine on which this is too little sets the variable."""

_PAUSE_SECONDS = 0.05

Seen = TypeVar("Seen")


class GaveUpError(LocalError):
    """Something did not come; the text says what, and what was seen last."""


def wait_until(look: Callable[[], Seen], is_so: Callable[[Seen], object] = bool, *, what: str) -> Seen:
    """Look again and again until what is seen is right; return that.

    Parameters
    ----------
    look : callable
        What is to be seen now. What it raises ends the waiting, such as that a process has died.
    is_so : callable
        Whether that is right; without one, whether it is true.
    what : str
        What is waited for, in words.

    Raises
    ------
    GaveUpError
        It has not come within `SECONDS`.
    """
    begin = time.monotonic()
    while not is_so(seen := look()):
        if time.monotonic() - begin > SECONDS:
            raise GaveUpError(
                f"Waited for {SECONDS:.0f} s, and still not: {what}. Seen last: {seen!r}. "
                "Should this machine need longer, set PATIENCE_SECONDS."
            )
        time.sleep(_PAUSE_SECONDS)
    return seen
