"""A deliberate fault in the functions, to show that the simulation, the fuzzer or the tests notice it."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

CHANGES = "__changes__"
"""The name under which a flawed module finds the changes of its flaws, by their numbers."""


@dataclass(frozen=True)
class Edit:
    """A fault within a function: text that occurs there once, as `ast.unparse` writes it, becomes another text."""

    right: str
    wrong: str


@dataclass(frozen=True)
class Flaw:
    """A fault in one thing of one module: a constant, a function or a class, or one of a class, like `Class.method`.

    `change` takes the original and returns its replacement, as a decorator does.
    """

    module: str
    name: str
    change: Callable[[Any], Any] | Edit

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def answers(value: Any) -> Callable[[Any], Any]:
    """Let a function answer the same, whatever it is asked."""
    return lambda _function: lambda *_args, **_named: value


def apply(source: str, flaws: Sequence[Flaw]) -> str:
    """Put flaws of one module into its source.

    Raises
    ------
    LookupError
        The module does not hold what one of them changes.
    """
    tree = ast.parse(source)
    for number, flaw in enumerate(flaws):
        _apply(tree, flaw, f"{CHANGES}[{number}]")
    return ast.unparse(ast.fix_missing_locations(tree))


def _apply(tree: ast.Module, flaw: Flaw, change: str) -> None:
    scope: list[ast.stmt] = tree.body
    *classes, name = flaw.name.split(".")
    for class_name in classes:
        scope = next((one.body for one in scope if isinstance(one, ast.ClassDef) and one.name == class_name), [])
    for place, statement in enumerate(scope):
        if isinstance(flaw.change, Edit) and getattr(statement, "name", None) == name:
            scope[place] = _edited(statement, flaw, flaw.change)
            return
        if _rebind(statement, name, ast.parse(change, mode="eval").body):
            return
    raise LookupError(f"there is no {flaw} any more, which a flaw is meant to change")


def _rebind(statement: ast.stmt, name: str, change: ast.expr) -> bool:
    """Change what a statement gives a name to; False if it gives none to this one."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef) and statement.name == name:
        statement.decorator_list.append(change)
        return True
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return False
    for target in targets:
        if isinstance(target, ast.Name) and target.id == name:
            statement.value = ast.Call(change, [statement.value], [])
            return True
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            for place, part in enumerate(target.elts):
                if isinstance(part, ast.Name) and part.id == name:
                    statement.value.elts[place] = ast.Call(change, [statement.value.elts[place]], [])
                    return True
    return False


def _edited(statement: ast.stmt, flaw: Flaw, edit: Edit) -> ast.stmt:
    source = ast.unparse(statement)
    found = source.count(edit.right)
    if found != 1:
        raise LookupError(f"{flaw} holds {found} times, and not once: {edit.right}")
    return ast.parse(source.replace(edit.right, edit.wrong)).body[0]
