"""What every command can be told: whose stack, and where it is."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from cli.lib import stack
from cli.lib.aws_error import explain
from cli.lib.stack import STAND_FILE, Stack
from cli.terminal.output import printable
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue


@dataclass
class Options:
    """The options of all commands.

    Attributes
    ----------
    organization : str or None
        Whose stack; None takes the only one.
    local : bool
        On the local stand instead of AWS.
    stand_file : Path
        What the local stand's `make run` wrote.
    profile, region : str or None
        As for the AWS command line.
    """

    organization: str | None = None
    local: bool = False
    stand_file: Path = STAND_FILE
    profile: str | None = None
    region: str | None = None

    def stack(self) -> Stack:
        """Find the one stack that is meant; `cli.lib.stack.find`."""
        return stack.find(self.organization, **self._where())

    def stacks(self) -> list[Stack]:
        """Find the stack that is named, or all; `cli.lib.stack.find_all`."""
        return [self.stack()] if self.organization else stack.find_all(**self._where())

    def _where(self) -> dict[str, Any]:
        return {
            "local": self.local,
            "profile": self.profile,
            "region": self.region,
            "stand_file": self.stand_file,
        }


_EPILOG = "Options of all commands, such as --organization and --local: bridge --help"

pass_options = click.make_pass_decorator(Options, ensure=True)

queue_option = click.option(
    "--queue",
    "source",
    type=click.Choice(DeadLetterQueue, case_sensitive=False),
    default=DeadLetterQueue.INBOUND,
    show_default=True,
    help="Webhooks, commands to VectorCare, or events that the bus did not take.",
)


class Bridge(click.Group):
    """A group whose own options may also stand behind the command, and that says in words what AWS refuses.

    Nothing that it is given may be empty: a variable of the shell that is not set would select everything.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line, once none of it is empty."""
        _refuse_empty(ctx, args)
        return super().parse_args(ctx, args)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, and let it take the options of all."""
        _add_options(cmd)
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (BotoCoreError, ClientError) as error:
            raise explain(error) from None


def common_options(*, hidden: bool) -> list[click.Option]:
    """Make the options of all commands.

    Parameters
    ----------
    hidden : bool
        Leave them out of the help: they stand once, in that of `bridge`.
    """
    return [
        _option(["--organization"], "organization", "Whose stack; may be left out where there is one.", hidden, "NAME"),
        _option(["--local"], "local", "The stand on this machine (make run) instead of AWS.", hidden, None),
        _option(["--profile"], "profile", "AWS profile; else AWS_PROFILE.", hidden, "NAME"),
        _option(["--region"], "region", "AWS region; else AWS_REGION, or the profile's.", hidden, "NAME"),
        _option(["--stand"], "stand_file", "With --local: another stand's stand.json.", hidden, "FILE"),
    ]


def _option(names: list[str], attribute: str, text: str, hidden: bool, metavar: str | None) -> click.Option:
    return click.Option(
        names,
        help=text,
        hidden=hidden,
        metavar=metavar,
        is_flag=metavar is None,
        type=click.Path(dir_okay=False, path_type=Path) if attribute == "stand_file" else None,
        expose_value=False,
        callback=_remember(attribute),
    )


def _refuse_empty(context: click.Context, arguments: list[str]) -> None:
    """Refuse `--id ""`, `--id=`, `--id=" "`, and an empty argument."""
    for before, argument in pairwise(["", *arguments]):
        name, sign, value = argument.partition("=")
        if argument.strip() and not (name.startswith("--") and sign and not value.strip()):
            continue
        option = name if argument.strip() else before
        what = f"What follows {printable(option)}" if option.startswith("--") else "An argument"
        raise click.UsageError(f"{what} is empty. Is a variable not set? Give a value, or leave it out.", context)


def _remember(attribute: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def remember(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value is None or value is False:
            return
        options = context.ensure_object(Options)
        setattr(options, attribute, value)
        options.local |= attribute == "stand_file"

    return remember


def _add_options(command: click.Command) -> None:
    taken = {name for parameter in command.params for name in parameter.opts}
    command.params += [option for option in common_options(hidden=True) if not taken & set(option.opts)]
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _add_options(child)
    else:
        command.epilog = command.epilog or _EPILOG
