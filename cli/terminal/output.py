"""How the command speaks: results on standard output, everything else on standard error."""

import base64
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime
from decimal import Decimal
from typing import Any

import click
from rich.console import RenderableType

from cli.terminal.screen import Screen, screen
from cli.terminal.text import printable, printable_json
from vectorcare_bridge import utc_timestamp

__all__ = [
    "confirm",
    "duration",
    "emit",
    "json_option",
    "moment",
    "phi_option",
    "printable",
    "stderr",
    "stdout",
    "to_json",
    "yes_option",
]

_MOST_DIGITS = 126  # of a whole number in DynamoDB; one in a payload may have a million, in seven characters

_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_UNIT_NAMES = {"d": "d", "h": "h", "m": "min", "s": "s"}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
phi_option = click.option(
    "--phi", is_flag=True, help="Show values of patients' data, not the names of fields alone. Mind who looks on."
)


def stdout() -> Screen:
    """Make the console of results: wide enough for tables where it is no terminal, and text is text, not markup."""
    return _console(sys.stdout)


def stderr() -> Screen:
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
        click.echo(to_json(value, indent=2, encoding=sys.stdout.encoding))
    else:
        stdout().print(table())


def to_json(value: Any, *, indent: int | None = None, encoding: str | None = None) -> str:
    """Write a value as JSON that can do nothing to a terminal.

    Parameters
    ----------
    value : Any
        As in `emit`.
    indent : int or None
        Spaces of each level; None for all on one line.
    encoding : str or None
        Of the stream that it goes to; what that does not have is escaped. None for one that has everything.
    """
    return printable_json(_written(value, indent, "\n"), encoding=encoding)


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
    question = printable(question)
    if not sys.stdin.isatty():
        raise click.ClickException(f"{question} There is no terminal to ask on: say --yes to go on without asking.")
    click.confirm(question, abort=True, err=True)


def _console(file: Any) -> Screen:
    return screen(file, markup=False, emoji=False)


def _written(value: Any, indent: int | None, line: str) -> str:
    """Write a value as JSON: `json` would make floats of its numbers.

    Parameters
    ----------
    line : str
        The line break before what stands at this level.
    """
    inner = line + " " * (indent or 0)
    match value:
        case Mapping():
            named = [f"{_quoted(str(name))}: {_written(child, indent, inner)}" for name, child in value.items()]
            return "{" + _listed(named, indent, inner, line) + "}"
        case list() | tuple():
            return "[" + _listed([_written(child, indent, inner) for child in value], indent, inner, line) + "]"
        case float() | Decimal():
            return _number(value)
        case None | bool() | int() | str():
            return _quoted(value)
    return _written(_plain(value), indent, line)


def _plain(value: Any) -> Any:
    match value:
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case datetime():
            return utc_timestamp.of(value)
        case Set():
            return sorted(value)
        case _ if hasattr(value, "value"):  # boto3 wraps binary attributes in a type of its own
            return _plain(value.value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _listed(parts: Sequence[str], indent: int | None, inner: str, line: str) -> str:
    if not parts or indent is None:
        return ", ".join(parts)
    return inner + f",{inner}".join(parts) + line


def _quoted(value: str | int | None) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: float | Decimal) -> str:
    """Write a number with its own digits; as text if a JSON reader's floating point would change them."""
    if not isinstance(value, float) and value.is_finite():
        if value == value.to_integral_value() and value.adjusted() < _MOST_DIGITS:
            return format(value.to_integral_value(), "f")
        number = float(value)
        is_exact = math.isfinite(number) and Decimal(repr(number)) == value
        return repr(number) if is_exact else _quoted(str(value))
    return repr(value) if math.isfinite(value) else _quoted(str(value))


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
