"""A deliberate fault in the functions, to show that the simulation, the fuzzer or the tests notice it."""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

CHANGES = "__changes__"
"""The name under which a flawed module finds the changes of its flaws, by their numbers."""


@dataclass(frozen=True)
class Edit:
    """A fault within a function: an expression that occurs there once becomes another one.

    Both are Python's own syntax. `_` means any expression, `_1` and so on for one that the other has too, and
    `f(...)` for a call of `f` with any arguments.
    """

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
    editor = _Editor(edit)
    edited: ast.stmt = editor.visit(statement)
    if editor.found != 1:
        raise LookupError(f"{flaw} holds {editor.found} times, and not once: {edit.right}")
    return edited


class _Editor(ast.NodeTransformer):
    def __init__(self, edit: Edit) -> None:
        self.found = 0
        self._right = ast.parse(edit.right, mode="eval").body
        self._wrong = edit.wrong

    def generic_visit(self, node: ast.AST) -> ast.AST:
        bound: dict[str, ast.AST] = {}
        if isinstance(node, ast.expr) and _matches(self._right, node, bound):
            self.found += 1
            return _Filler(bound).visit(ast.parse(self._wrong, mode="eval").body)  # type: ignore[no-any-return]  # a node
        return super().generic_visit(node)


class _Filler(ast.NodeTransformer):
    def __init__(self, bound: dict[str, ast.AST]) -> None:
        self._bound = bound

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._bound.get(node.id, node)


def _matches(pattern: object, node: object, bound: dict[str, ast.AST]) -> bool:
    if isinstance(pattern, ast.Name) and pattern.id.startswith("_") and not pattern.id.strip("_0123456789"):
        if isinstance(node, ast.AST):
            bound[pattern.id] = node
        return isinstance(node, ast.expr)
    if isinstance(pattern, ast.AST):
        return type(pattern) is type(node) and all(
            _matches(getattr(pattern, name), getattr(node, name), bound) for name in _parts(pattern)
        )
    if isinstance(pattern, list) and isinstance(node, list):
        return len(pattern) == len(node) and all(
            _matches(part, other, bound) for part, other in zip(pattern, node, strict=True)
        )
    return pattern == node


def _parts(pattern: ast.AST) -> Iterator[str]:
    """Name what counts of a pattern's node: of a call with any arguments the function alone."""
    takes_any = isinstance(pattern, ast.Call) and list(map(ast.dump, pattern.args)) == ["Constant(value=Ellipsis)"]
    for name in pattern._fields:
        if name not in {"ctx", "kind"} and not (takes_any and name != "func"):
            yield name
