"""What a redrive may do by what it was asked for, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verification.simulation.world.run_context import RunContext

_STOPPED = frozenset({"empty", "limit", "time", "refused", "unanswered", "in_flight_limit"})
_BATCH = 10
# Copies of a dead letter may be in hand together, and each call may hang: all of that is over by then.
_IN_HAND_SECONDS = 150.0


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation of the redrive function, and what it was asked for."""

    request_id: str
    event: Mapping[str, Any]


class Redrives:
    """Checks redrives."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._violate = context.violate
        self._sent_at: dict[tuple[str, str], float] = {}

    def sends(self, run: Run, name: str = "") -> None:
        """Check what a redrive sends or publishes; by `name` a dead letter is known however often it dies."""
        if run.event.get("dry_run"):
            self._violate("a dry run moved something", str(run.event))
        now = self._context.now
        if name and now > self._sent_at.setdefault((run.request_id, name), now) + _IN_HAND_SECONDS:
            self._violate("a redrive sends again what it sent", name)

    def takes(self, run: Run, about: Mapping[str, str]) -> None:
        """Check that a redrive was to take a dead letter, of which `about` says what a redrive may ask for."""
        if run.event.get("dry_run"):
            self._violate("a dry run moved something", str(run.event))
        asked = {"queue": "inbound", **run.event}
        if any(asked.get(name, value) != value for name, value in about.items()):
            self._violate("a redrive moved what its filter leaves out", f"{run.event} {about}")

    def answered(
        self, event: Mapping[str, Any], answer: Mapping[str, Any], *, seconds: float, is_in_peace: bool
    ) -> None:
        """Check what a redrive answers that took so many seconds; in peace nothing was in its way."""
        if event.get("dry_run") and answer["moved"]:
            self._violate("a dry run moved something", str(answer))
        if answer["moved"] > event.get("limit", answer["moved"]):
            self._violate("a redrive moved more than its limit", str(answer))
        rate = event.get("rate")
        if rate and answer["moved"] > rate * seconds + min(_BATCH, rate + 1):
            self._violate("a redrive moved faster than its rate", f"{seconds:.0f} s {answer}")
        if answer["stopped"] not in _STOPPED:
            self._violate("a redrive stopped for no reason of the list", str(answer))
        if is_in_peace and answer["stopped"] in {"refused", "unanswered", "time"}:
            self._violate("nothing was in a redrive's way, and it stopped", f"{event} {answer}")
