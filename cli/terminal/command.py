"""Command lines whose errors are clean: a usage error repeats what was typed."""

import sys
from typing import Any

import click

from cli.terminal.text import prepare, printable_lines


class CliCommand(click.Command):
    """A program, or a command of one: it prepares the standard streams, and escapes foreign text in its errors."""

    def main(self, *args: Any, **more: Any) -> Any:
        prepare()
        return super().main(*args, **more)

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*args, **more)
        except click.ClickException as error:
            raise printable_error(error) from error.__cause__

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            raise printable_error(error) from error.__cause__
        except UnicodeEncodeError:
            # An argument in another encoding has bytes that no service and no file accepts.
            raise click.ClickException("An argument or a file is not UTF-8 text. Type or write it again.") from None


class Group(CliCommand, click.Group):
    """A program of several commands."""


def say(text: object = "", *, err: bool = False) -> None:
    """Print text that may hold foreign text: a path, an answer, an error."""
    stream = sys.stderr if err else sys.stdout
    click.echo(printable_lines(str(text), encoding=getattr(stream, "encoding", None)), err=err)


def printable_error(error: click.ClickException) -> click.ClickException:
    """Escape what could act on a terminal in an error's message."""
    message = printable_lines(error.format_message(), encoding=getattr(sys.stderr, "encoding", None))
    error.format_message = lambda: message  # type: ignore[method-assign]  # each kind of error writes its own
    return error
