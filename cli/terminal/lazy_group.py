"""A group whose help is fast: it imports a command only when that command runs."""

import ast
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from cli.terminal.command import Group


class LazyGroup(Group):
    """A group that imports the module of a command when the command is called.

    Parameters
    ----------
    sections : mapping of str to mapping of str to str
        By heading of the help: the commands by name, each as "package.module:function". The first line of the
        function's docstring describes the command in the list.
    """

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self._sections = sections
        self._places = {name: place for places in sections.values() for name, place in places.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._places and cmd_name not in self.commands:
            module, function = self._places[cmd_name].split(":")
            self.add_command(getattr(import_module(module), function), cmd_name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 click's signature
        for heading, places in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name, _summary(place)) for name, place in places.items()], col_max=12)


def _summary(place: str) -> str:
    """Read the first line of a function's docstring from the source, because the import takes long."""
    module, function = place.split(":")
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None  # noqa: S101, PT018 a module of this project has a file
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return (ast.get_docstring(node) or "").split("\n", 1)[0].rstrip(".")
    raise LookupError(place)
