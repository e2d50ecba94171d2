"""The list of equivalent mutants speaks of code that exists, and gives its reasons."""

import ast
from collections import Counter

import pytest

from verification.mutation import equivalents
from verification.mutation.equivalents import Equivalent
from verification.simulation.world.loader import LAMBDAS

ENTRIES = equivalents.load()


def lines_of(function: str) -> set[str]:
    """Read the lines of a function that is named like `package.module.Class.function`."""
    package, module, *names = function.split(".")
    source = (LAMBDAS / package / f"{module}.py").read_text(encoding="utf-8")
    node: ast.AST = ast.parse(source)
    for name in names:
        children = ast.iter_child_nodes(node)
        node = next(child for child in children if getattr(child, "name", None) == name)
    return {line.strip() for line in (ast.get_source_segment(source, node) or "").splitlines()}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.function)
def test_what_an_equivalent_mutant_changes_stands_in_its_function(entry: Equivalent) -> None:
    assert set(entry.before.splitlines()) <= lines_of(entry.function)
    assert entry.before != entry.after
    assert len(entry.reason.split()) > 3


def test_no_equivalent_mutant_is_listed_twice() -> None:
    counts = Counter((entry.function, entry.before, entry.after) for entry in ENTRIES)
    assert [key for key, count in counts.items() if count > 1] == []
