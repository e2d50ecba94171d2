"""Runs inputs one after another, bounds what each costs, and counts how they end."""

import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from verification.fuzzing import signatures, target_ingest, target_processor
from verification.fuzzing.case import INGEST, Case, ViolationError
from verification.fuzzing.functions import Functions

MAX_CPU_SECONDS = 2.0
"""A fifth of the ten seconds after which VectorCare gives up; the slowest input takes a thirtieth of it."""

MAX_GROWTH_BYTES = 256 * 1024 * 1024
"""Half of the memory that a function has."""

_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2)


@dataclass(slots=True)
class Harness:
    """Takes inputs; returns the rules that they break.

    `counts` says how inputs ended (`signed`, `accepted`, `refused 401`, `dead not_json`), `last` how the last one did.
    `cpu_seconds` and `growth_bytes` are the most that an input took, and by which it raised the process's peak memory.
    """

    functions: Functions
    counts: Counter[str] = field(default_factory=Counter)
    last: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0
    growth_bytes: int = 0

    def run(self, case: Case) -> ViolationError | None:
        """Run one input; returns the rule that it breaks."""
        self.counts["inputs"] += 1
        self.counts["signed" if _is_signed(case) else "unsigned"] += 1
        self.functions.reset()
        self.last = Counter()
        try:
            with self._bounded():
                if case.target == INGEST:
                    self.last = target_ingest.run(case.parts[0], self.functions)
                else:
                    self.last = target_processor.run(case.parts, self.functions)
        except ViolationError as violation:
            self.counts["violations"] += 1
            return violation
        self.counts.update(self.last)
        return None

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        peak, began = _peak_bytes(), time.process_time()
        yield
        seconds, growth = time.process_time() - began, _peak_bytes() - peak
        self.cpu_seconds, self.growth_bytes = max(self.cpu_seconds, seconds), max(self.growth_bytes, growth)
        if seconds > MAX_CPU_SECONDS:
            raise ViolationError("an input takes too long", f"{seconds:.1f} s")
        if growth > MAX_GROWTH_BYTES:
            raise ViolationError("an input takes too much memory", f"{growth} bytes")


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT


def _is_signed(case: Case) -> bool:
    if case.target == INGEST:
        return signatures.is_signed(case.parts[0].recipe)
    return any("by_hand" not in part.recipe for part in case.parts)
