"""The mutants that no test can kill, as they do what the function did, and why each does."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from verification.mutation.engine import Mutant

PATH = Path(__file__).with_name("equivalents.toml")


@dataclass(frozen=True)
class Equivalent:
    """Mutants of one function that change one part of a line into one of several others."""

    function: str
    before: str
    after: list[str]
    reason: str

    def matches(self, mutant: Mutant) -> bool:
        parts = mutant.before.split(self.before)
        changed = {
            self.before.join(parts[:place]) + after + self.before.join(parts[place:])
            for place in range(1, len(parts))
            for after in self.after
        }
        return f"{mutant.module}.{mutant.function}" == self.function and mutant.after in changed


def load() -> list[Equivalent]:
    """Read the list."""
    return [Equivalent(**entry) for entry in tomllib.loads(PATH.read_text(encoding="utf-8"))["equivalent"]]
