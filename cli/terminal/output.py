"""Output of the commands: results on standard output, everything else on standard error."""

import base64
import json
import math
import sys
from collections.abc import Callable, Mapping, Set
from datetime import datetime
from decimal import Decimal
from typing import Any

import click
from rich.console import RenderableType
from rich.table import Column, Table

from cli.terminal.screen import Screen, screen
from cli.terminal.text import printable, printable_json
from vectorcare_bridge import utc_timestamp

__all__ = [
    "confirm",
    "confirm_by_name",
    "duration",
    "emit",
    "json_option",
    "moment",
    "phi_option",
    "plain_table",
    "printable",
    "stderr",
    "stdout",
    "to_json",
    "yes_option",
]

_MOST_DIGITS = 126  # of a whole number in DynamoDB; 1e999999 in a payload has a million

_SECONDS = {"d": 86400, "h": 3600, "min": 60, "s": 1}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
phi_option = click.option(
    "--phi", is_flag=True, help="Also show values, which are patients' data. Mind who sees your screen."
)


def stdout() -> Screen:
    """Make the console of results."""
    return screen(sys.stdout, markup=False, emoji=False)


def stderr() -> Screen:
    """Make the console of progress and questions."""
    return screen(sys.stderr, markup=False, emoji=False)


def emit(value: Any, *, as_json: bool, table: Callable[[], RenderableType]) -> None:
    """Print a result: as JSON, or as the table that `table` makes.

    The value may hold datetimes, Decimals, sets and bytes.
    """
    if as_json:
        click.echo(to_json(value, indent=2, encoding=sys.stdout.encoding))
    else:
        stdout().print(table(), crop=False)  # what must not be broken, such as a URL, is longer than the screen


def plain_table(*headers: str) -> Table:
    """Make a table without lines, whose columns fold long text."""
    return Table(*(Column(header, overflow="fold") for header in headers), box=None, pad_edge=False)


def to_json(value: Any, *, indent: int | None = None, encoding: str | None = None) -> str:
    """Write a value as JSON in which everything that could act on a terminal is escaped.

    Datetimes become UTC timestamps, bytes base64, and Decimals keep all digits. `encoding` is that of the stream; what
    it does not have is escaped too.
    """
    return printable_json(
        json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False, indent=indent), encoding=encoding
    )


def confirm(question: str, *, yes: bool) -> None:
    """Ask whether to continue, unless the command line said yes.

    Raises
    ------
    click.ClickException
        There is no terminal to ask on.
    click.Abort
        The answer was no.
    """
    if yes:
        return
    question = printable(question)
    if not sys.stdin.isatty():
        raise click.ClickException(f"{question} There is no terminal to ask on. Use --yes to continue without asking.")
    click.confirm(question, abort=True, err=True)


def confirm_by_name(name: str, question: str, *, yes: bool) -> None:
    """Ask for a name to be typed, so that nobody agrees by habit, unless the command line said yes.

    Raises
    ------
    click.ClickException
        There is no terminal to ask on, or something else was typed.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.ClickException("There is no terminal to ask on. Use --yes to continue without asking.")
    if click.prompt(printable(question), err=True, prompt_suffix=" ") != name:
        raise click.ClickException(f"That is not {name}. Nothing was done.")


def _plain(value: Any) -> Any:
    """Convert what `json` cannot write, without loss."""
    match value:
        case Mapping():
            return dict(value)
        case Set():
            return sorted(value)
        case Decimal():
            return _number(value)
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case datetime():
            return utc_timestamp.of(value)
        case _ if hasattr(value, "value"):  # boto3 wraps binary attributes in a type of its own
            return _plain(value.value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _number(value: Decimal) -> float | str:
    """Keep all digits of a number; as text if a JSON reader's floating point would change them."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and value.adjusted() < _MOST_DIGITS:
        return int(value)
    number = float(value)
    return number if math.isfinite(number) and Decimal(repr(number)) == value else str(value)


def moment(text: str) -> str:
    """Write a UTC timestamp for a person, to the millisecond."""
    return f"{text[:10]} {text[11:23]}"


def duration(seconds: float) -> str:
    """Write a duration for a person, in its two largest units; a negative one with a minus."""
    sign, left = ("-" if seconds < 0 else ""), abs(seconds)
    if left < _SECONDS["min"]:
        return f"{sign}{left:.1f} s"
    parts = []
    for unit, size in _SECONDS.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{int(count)} {unit}")
    return sign + " ".join(parts[:2])
