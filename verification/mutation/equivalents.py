"""The mutants that no test can kill, as they do what the function did, and why each does."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("equivalents.toml")


@dataclass(frozen=True)
class Equivalent:
    """A mutant known by what it changes, wherever in its function that stands, and the reason why nobody can tell."""

    function: str
    before: str
    after: str
    reason: str


def load() -> list[Equivalent]:
    """Read the list."""
    return [Equivalent(**entry) for entry in tomllib.loads(PATH.read_text(encoding="utf-8"))["equivalent"]]
