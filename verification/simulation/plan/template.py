"""The figures that the template is built with, read from the source: the CDK would take seconds to load."""

import ast
from functools import cache
from pathlib import Path

_STACKS = Path(__file__).parents[3] / "stacks"


@cache
def figure(module: str, name: str) -> int:
    """Read a number from the top level of a module of the stack.

    Raises
    ------
    KeyError
        It is not there any more.
    """
    return _figures(module)[name]


@cache
def _figures(module: str) -> dict[str, int]:
    """Evaluate, in their order, the assignments that are made of numbers and of one another."""
    known: dict[str, int] = {}
    for node in ast.parse((_STACKS / f"{module}.py").read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        parts = [part for part in ast.walk(node.value) if isinstance(part, ast.expr)]
        is_figure = all(
            isinstance(part, ast.BinOp)
            or (isinstance(part, ast.Constant) and isinstance(part.value, int))
            or (isinstance(part, ast.Name) and part.id in known)
            for part in parts
        )
        if is_figure:
            code = compile(ast.Expression(node.value), module, "eval")
            known[node.targets[0].id] = eval(code, {"__builtins__": {}}, dict(known))  # noqa: S307 numbers alone
    return known
