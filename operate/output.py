"""How the command speaks: results on standard output, everything else on standard error."""

import base64
import json
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import click
from rich.console import Console, RenderableType

from vectorcare_bridge import instant

_NARROWEST = 120  # columns; pipes and logs have no width of their own

_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_UNIT_NAMES = {"d": "d", "h": "h", "m": "min", "s": "s"}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
phi_option = click.option(
    "--phi", is_flag=True, help="Show values of patients' data, not the names of fields alone. Mind who looks on."
)


def stdout() -> Console:
    """Make the console of results: wide enough for tables where it is no terminal, and text is text, not markup."""
    return _console(sys.stdout)


def stderr() -> Console:
    """Make the console of progress and questions."""
    return _console(sys.stderr)


def emit(value: Any, *, as_json: bool, table: Callable[[], RenderableType]) -> None:
    """Print a result.

    Parameters
    ----------
    value : Any
        What it is, for `--json`: instants as text, Decimals exact, bytes as base64.
    as_json : bool
        Print that.
    table : callable
        Makes what a person reads, otherwise.
    """
    if as_json:
        click.echo(to_json(value, indent=2))
    else:
        stdout().print(table())


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Write a value as JSON; on one line without `indent`."""
    return json.dumps(value, indent=indent, ensure_ascii=False, default=_plain)


def printable(text: object) -> str:
    """Write foreign text so that it can do nothing to a terminal: control characters in Python's spelling."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(text))


def number_of(letters: int, *, at_least: bool = False) -> str:
    """Write how many letters there are."""
    return f"{'at least ' if at_least else ''}{letters:,} letter{'' if letters == 1 else 's'}"


def confirm(question: str, *, yes: bool) -> None:
    """Ask before what cannot be taken back.

    Parameters
    ----------
    question : str
        What will be done, as a question.
    yes : bool
        It was answered on the command line.

    Raises
    ------
    click.ClickException
        There is nobody to ask.
    click.Abort
        The answer was no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.ClickException(f"{question} There is no terminal to ask on: say --yes to go on without asking.")
    click.confirm(question, abort=True, err=True)


def _console(file: Any) -> Console:
    terminal = Console(file=file, highlight=False, markup=False, emoji=False)
    if terminal.is_terminal:
        return terminal
    return Console(file=file, highlight=False, markup=False, emoji=False, width=_NARROWEST)


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return _number(value)
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case datetime():
            return instant.of(value)
        case Mapping():
            return dict(value)
        case set() | frozenset():
            return sorted(value)
        case _ if hasattr(value, "value"):  # boto3 wraps binary attributes in a type of its own
            return _plain(value.value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _number(value: Decimal) -> int | float | str:
    """Write a number with its own digits; as text where a JSON reader's floating point would change them."""
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)


def moment(text: str) -> str:
    """Write a 27-character instant for a person: UTC, to the millisecond."""
    return f"{text[:10]} {text[11:23]}"


def duration(seconds: float) -> str:
    """Write a span of time for a person, in its two largest units; backwards in time with a minus."""
    sign, left = ("-" if seconds < 0 else ""), abs(seconds)
    if left < _SECONDS["m"]:
        return f"{sign}{left:.1f} s"
    parts = []
    for unit, size in _SECONDS.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{int(count)} {_UNIT_NAMES[unit]}")
    return sign + " ".join(parts[:2])
