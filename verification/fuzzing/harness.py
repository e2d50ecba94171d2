"""Runs inputs, one after another, and keeps count."""

from collections import Counter
from dataclasses import dataclass, field

from verification.fuzzing import signatures, target_ingest, target_processor
from verification.fuzzing.case import INGEST, Case
from verification.fuzzing.meter import Meter
from verification.fuzzing.stand import Stand
from verification.fuzzing.verdict import ViolationError


@dataclass(slots=True)
class Harness:
    """Inputs in, counts and broken rules out.

    Attributes
    ----------
    counts : Counter of str
        How inputs ended, by names such as `signed`, `accepted`, `refused 401`, `dead not_json`.
    last : Counter of str
        How the last one ended.
    """

    stand: Stand
    meter: Meter = field(default_factory=Meter)
    counts: Counter[str] = field(default_factory=Counter)
    last: Counter[str] = field(default_factory=Counter)

    def run(self, case: Case) -> ViolationError | None:
        """Run one input; answer the rule that it breaks."""
        self.counts["inputs"] += 1
        self.counts["signed" if _is_signed(case) else "unsigned"] += 1
        self.stand.reset()
        self.last = Counter()
        try:
            with self.meter.measure():
                if case.target == INGEST:
                    self.last = target_ingest.run(case.parts[0], self.stand)
                else:
                    self.last = target_processor.run(case.parts, self.stand)
        except ViolationError as violation:
            self.counts["violations"] += 1
            return violation
        self.counts.update(self.last)
        return None


def _is_signed(case: Case) -> bool:
    if case.target == INGEST:
        return signatures.is_signed(case.parts[0].recipe)
    return any("by_hand" not in part.recipe for part in case.parts)
