"""Waits that outlast a slow or busy machine."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

from local.errors import LocalError

SECONDS = float(os.environ.get("PATIENCE_SECONDS", "600"))
"""The longest wait. A machine that needs more sets the variable."""

_PAUSE_SECONDS = 0.05

Seen = TypeVar("Seen")


class GaveUpError(LocalError):
    """A wait was too long; the text says for what, and what was seen last."""


def wait_until(look: Callable[[], Seen], is_so: Callable[[Seen], object] = bool, *, what: str) -> Seen:
    """Look again and again until the result is right; return it.

    What `look` raises ends the wait. `what` says for the error what is waited for.

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
