"""Whether the tests are good enough."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from verification.mutation.engine import Mutant
from verification.mutation.equivalents import Equivalent

LEAST_SCORE = 95.0


@dataclass(frozen=True)
class Verdict:
    """What a run showed.

    `unknown` are the survivors that are not on the list of equivalents, `equivalent` counts those that are, and `stale`
    are the entries of the list without a survivor.
    """

    mutants: Sequence[Mutant]
    unknown: Sequence[Mutant]
    equivalent: int
    stale: Sequence[Equivalent]

    @property
    def killed(self) -> int:
        return sum(mutant.is_killed for mutant in self.mutants)

    @property
    def score(self) -> float:
        """Percentage of all mutants, the equivalent ones included, that were killed."""
        return 100 * self.killed / len(self.mutants) if self.mutants else 0.0

    @property
    def is_good(self) -> bool:
        """Enough are killed, every other is explained, and nothing else is."""
        return self.score >= LEAST_SCORE and not self.unknown and not self.stale

    def by_module(self) -> dict[str, tuple[int, int]]:
        total = Counter(mutant.module for mutant in self.mutants)
        killed = Counter(mutant.module for mutant in self.mutants if mutant.is_killed)
        return {module: (total[module], killed[module]) for module in sorted(total)}

    def last_line(self) -> str:
        return (
            f"mutants {len(self.mutants)}, killed {self.killed}, survived {len(self.unknown)}, "
            f"equivalent {self.equivalent}, score {self.score:.1f} %"
        )


def judge(mutants: Sequence[Mutant], equivalents: Sequence[Equivalent]) -> Verdict:
    """Compare the survivors with the list."""
    survivors = [mutant for mutant in mutants if not mutant.is_killed]
    unknown = [mutant for mutant in survivors if not any(entry.matches(mutant) for entry in equivalents)]
    stale = [entry for entry in equivalents if not any(map(entry.matches, survivors))]
    return Verdict(mutants, unknown, len(survivors) - len(unknown), stale)
