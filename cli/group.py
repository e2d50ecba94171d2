"""The groups of commands: `bridge` and `bridge dlq`."""

from itertools import pairwise
from typing import Any

import click

from cli.lib.errors import BridgeError
from cli.options import common_options
from cli.terminal.command import printable_error
from cli.terminal.lazy_group import LazyGroup
from cli.terminal.text import printable

_EPILOG = "Options of all commands, such as --organization and --local: bridge --help"


class BridgeGroup(LazyGroup):
    """A group that takes its own options after the command too, and turns errors into messages.

    It refuses empty values: with an unset shell variable, a command would otherwise act on everything.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _refuse_empty(ctx, args)
        return super().parse_args(ctx, args)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, and the options of all commands to it."""
        taken = {name for parameter in cmd.params for name in parameter.opts}
        cmd.params += [option for option in common_options(hidden=True) if not taken & set(option.opts)]
        if not isinstance(cmd, click.Group):
            cmd.epilog = cmd.epilog or _EPILOG
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BridgeError as error:
            raise printable_error(click.ClickException(str(error))) from None
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            from cli.lib import aws_error  # noqa: PLC0415 botocore takes long to import, and help does without

            if isinstance(error, aws_error.ERRORS):
                raise printable_error(click.ClickException(aws_error.explain(error))) from None
            if isinstance(error, OSError) and error.filename:  # a folder that may only be read, a full disk
                what = f"{error.filename} cannot be used ({error.strerror}). Run it again once you may write there."
                raise printable_error(click.ClickException(what)) from None
            raise


def _refuse_empty(context: click.Context, arguments: list[str]) -> None:
    """Refuse `--id ""`, `--id=`, `--id=" "`, and an empty argument."""
    for before, argument in pairwise(["", *arguments]):
        name, sign, value = argument.partition("=")
        if argument.strip() and not (name.startswith("--") and sign and not value.strip()):
            continue
        option = name if argument.strip() else before
        what = f"The value of {printable(option)}" if option.startswith("--") else "An argument"
        raise click.UsageError(f"{what} is empty. Is a variable not set? Give a value, or leave it out.", context)
