"""How little of a failing plan still fails: delta debugging over its webhooks, commands, operations and faults."""

import time
from dataclasses import dataclass

from verification.simulation.plan.draw import draw
from verification.simulation.run import SimulationResult, run_plan

_VARIATIONS = 3
_BUDGET_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The least that was found to break the same rule: parts of the plan, and the course of chance under it."""

    parts: tuple[str, ...]
    variation: int
    result: SimulationResult


class Shrinker:
    """Looks for it, for a minute; what is found until then is the answer."""

    def __init__(self, seed: int, *, events: int) -> None:
        self._plan = draw(seed, events)
        self._deadline = time.monotonic() + _BUDGET_SECONDS
        self._rule = ""

    def shrink(self) -> Shrunk | None:
        """Leave out half of the parts, then quarters, and so on down to single ones; None if the plan does not fail."""
        result = run_plan(self._plan)
        if not result.violations:
            return None
        self._rule = result.violations[0].rule
        best = Shrunk(self._plan.parts(), 0, result)
        size = len(best.parts)
        while size:
            smaller = self._drop(best, size)
            # Once others are gone, more of that size may go.
            size = min(size, len(smaller.parts)) if smaller.parts != best.parts else size // 2
            best = smaller
        return best

    def _drop(self, best: Shrunk, size: int) -> Shrunk:
        start = 0
        while start < len(best.parts):
            smaller = self._fails(best.parts[:start] + best.parts[start + size :], best.variation)
            if smaller:
                best = smaller
            else:
                start += size
        return best

    def _fails(self, parts: tuple[str, ...], variation: int) -> Shrunk | None:
        """Run a part of the plan; as what is left out changes the course of chance, in several variations."""
        for more in range(_VARIATIONS):
            if time.monotonic() > self._deadline:
                return None
            varied = (variation + more) % _VARIATIONS
            result = run_plan(self._plan.only(parts, varied))
            if any(violation.rule == self._rule for violation in result.violations):
                return Shrunk(parts, varied, result)
        return None
