"""How little of a failing plan still fails: delta debugging over its webhooks, commands, operations and faults."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from verification.simulation.plan.draw import draw
from verification.simulation.plan.plan import PlanSelection, SimulationPlan
from verification.simulation.run import SimulationResult, run_plan

_VARIATIONS = 3
_BUDGET_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The least that was found to break the same rule."""

    selection: PlanSelection
    result: SimulationResult


class Shrinker:
    """Looks for it, for a minute; what is found until then is the answer."""

    def __init__(self, seed: int, *, events: int) -> None:
        self._plan: SimulationPlan = draw(seed, events)
        self._deadline = time.monotonic() + _BUDGET_SECONDS
        self._rule = ""

    def shrink(self) -> Shrunk | None:
        """Shrink the plan; None if it does not fail."""
        whole = PlanSelection(
            sendings=tuple(sending.number for sending in self._plan.sendings),
            operations=tuple(range(len(self._plan.operations))),
            commands=tuple(command.number for command in self._plan.outbound.commands),
        )
        result = run_plan(whole.of(self._plan))
        if not result.violations:
            return None
        self._rule = result.violations[0].rule
        best = Shrunk(whole, result)
        while True:
            smaller = self._round(best)
            if smaller == best or time.monotonic() > self._deadline:
                return smaller
            best = smaller

    def _round(self, best: Shrunk) -> Shrunk:
        for part in ("sendings", "operations", "commands"):
            best = self._drop(best, getattr(best.selection, part), partial(_keeping, part))
        drawn = [*self._plan.rates, *self._plan.outbound.rates]
        kinds = [kind for kind in drawn if kind not in best.selection.without]
        return self._drop(best, kinds, lambda kept: {"without": frozenset(drawn) - frozenset(kept)})

    def _drop(self, best: Shrunk, items: Sequence[Any], keep: Callable[[Sequence[Any]], dict[str, Any]]) -> Shrunk:
        """Leave out half of the items, then quarters, and so on down to single ones."""
        kept = list(items)
        size = len(kept)
        while size >= 1:
            start = 0
            while start < len(kept):
                candidate = kept[:start] + kept[start + size :]
                smaller = self._fails(replace(best.selection, **keep(candidate)))
                if smaller:
                    best, kept = smaller, candidate
                else:
                    start += size
            size = size // 2
        return best

    def _fails(self, selection: PlanSelection) -> Shrunk | None:
        """Run a selection; as what is left out changes the course of chance, in several variations."""
        for variation in range(_VARIATIONS):
            if time.monotonic() > self._deadline:
                return None
            varied = replace(selection, variation=(selection.variation + variation) % _VARIATIONS)
            result = run_plan(varied.of(self._plan))
            if any(violation.rule == self._rule for violation in result.violations):
                return Shrunk(varied, result)
        return None


def _keeping(part: str, kept: Sequence[Any]) -> dict[str, Any]:
    return {part: tuple(kept)}
