"""The rules that did not hold in a run."""

from collections.abc import Callable
from dataclasses import dataclass

_MOST = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that did not hold."""

    rule: str
    detail: str
    at: float


class Violations:
    """The first of a run; `clock` tells its time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.found: list[Violation] = []
        self._clock = clock

    def add(self, rule: str, detail: str) -> None:
        """Note that a rule does not hold."""
        if len(self.found) < _MOST:
            self.found.append(Violation(rule, detail, self._clock()))
