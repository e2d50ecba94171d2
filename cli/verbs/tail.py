"""`bridge tail`: what the processor makes of webhooks, as it does."""

import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import click
from rich.text import Text

from cli.lib.logs import Line, Log
from cli.lib.stack import Stack
from cli.terminal.options import Options, pass_options
from cli.terminal.output import moment, printable, stderr, stdout, to_json
from cli.terminal.times import Span

_FAILED = "failed"
_LINES = ("processing.completed", "processing.failed")
_FIELDS = ("service_request_id", "event_id", "outcome", "reason", "message_id", "attempt", "retry_in_seconds", "error")
_PAUSE = 1.0  # seconds between two looks
_LATENESS = 60.0  # seconds; CloudWatch may show a line some time after others with a later time
_STYLES = {"applied": "green", "stale": "dim", "duplicate": "dim", "expired": "yellow", _FAILED: "red"}


@click.command()
@click.option("--since", type=Span(), default="0s", metavar="SPAN", help="Begin so long ago: 90s, 10m, 2h, 1d.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@pass_options
def tail(options: Options, *, since: timedelta, as_json: bool) -> None:
    """Show webhooks as they are applied, until Ctrl-C.

    \b
    bridge tail
    bridge tail --since 10m
    bridge tail --json | jq 'select(.outcome == "stale")'

    It reads the processor's log. On AWS a line may take some seconds to get there. A webhook that fails is shown each
    time it is tried, and once with its reason if it can never be applied. What was refused at the door is in the log
    of ingest.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    stack = options.stack()
    console = stdout()
    try:
        stderr().print(f"Webhooks of {stack.organization} as they are applied; Ctrl-C ends it.")
        for line in follow(stack, since=time.time() - since.total_seconds()):
            if as_json:
                click.echo(to_json(line, encoding=sys.stdout.encoding))
            else:
                console.print(_text(line), soft_wrap=True)
    except KeyboardInterrupt:
        return


def follow(stack: Stack, *, since: float) -> Iterator[Line]:
    """Read what the processor logs of its messages, without end.

    Parameters
    ----------
    stack : Stack
        Whose.
    since : float
        Seconds since 1970 at which to begin.

    Yields
    ------
    Line
        `time`, and those of `service_request_id`, `event_id`, `outcome`, `reason` and so on that it has.
    """
    log = Log(stack, "ProcessorFunction", names=_LINES, fields=_FIELDS)
    seen: dict[str, float] = {}
    begin = since
    while True:
        began = time.time()
        for text, read in log.since(begin):
            line = _told(read)
            if _name(line, text) not in seen:
                seen[_name(line, text)] = began
                yield line
        begin = max(since, began - _LATENESS)
        seen = {name: at for name, at in seen.items() if at > began - 2 * _LATENESS}
        time.sleep(_PAUSE)


def _told(line: Line) -> Line:
    outcome = {"outcome": _FAILED} if line["message"] == "processing.failed" else {}
    return outcome | {name: value for name, value in line.items() if name != "message"}


def _name(line: Line, text: str) -> str:
    """Name a line; a message that can never be applied is tried thirty times in a row, and that is one line here."""
    return f"{line['message_id']} {line['reason']}" if {"message_id", "reason"} <= line.keys() else text


def _text(line: Line) -> Text:
    outcome = line.get("outcome", "")
    return Text.assemble(
        f"{moment(line['time'])}  ",
        (f"{printable(outcome):<9}", _STYLES.get(outcome, "")),
        f"  {printable(line.get('service_request_id', '')):<12}  {printable(line.get('event_id', ''))}",
        f"  {printable(_why(line))}" if outcome == _FAILED else "",
    )


def _why(line: Line) -> str:
    message = f"message {line.get('message_id', 'unknown')}"
    if "reason" in line:
        return f"{line['reason']}; {message}"
    return (
        f"{line.get('error', 'unknown error')}; attempt {line.get('attempt', 'unknown')}, again in "
        f"{line.get('retry_in_seconds', 'some')} s; {message}"
    )
