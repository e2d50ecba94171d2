"""`bridge tail`."""

import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import click
from rich.text import Text

from cli.lib.logs import Line, Log
from cli.lib.stack import Stack
from cli.options import Options, pass_options
from cli.terminal.output import moment, printable, stderr, stdout, to_json
from cli.terminal.times import Span

_FAILED = "failed"
_LINES = ("processing.completed", "processing.failed")
_FIELDS = ("service_request_id", "event_id", "outcome", "reason", "message_id", "attempt", "retry_in_seconds", "error")
_POLL_SECONDS = 1.0
_LATENESS = 60.0  # seconds; CloudWatch may show a line after others with a later time
_STYLES = {"applied": "green", "stale": "dim", "duplicate": "dim", "expired": "yellow", _FAILED: "red"}


@click.command()
@click.option("--since", type=Span(), default="0s", metavar="SPAN", help="How far back: 90s, 10m, 2h, 1d.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@pass_options
def tail(options: Options, *, since: timedelta, as_json: bool) -> None:
    """Show webhooks as the processor applies them, until Ctrl-C.

    \b
    bridge tail
    bridge tail --since 10m
    bridge tail --json | jq 'select(.outcome == "stale")'

    It changes nothing. It reads the processor's log, which on AWS is some seconds behind. A webhook that fails is shown
    at each attempt, or only once if it can never be applied. Webhooks that ingest refused are in the log of ingest.
    """
    stack = options.stack()
    console = stdout()
    try:
        stderr().print(f"Webhooks of {stack.organization} as they are applied. Stop with Ctrl-C.")
        for line in follow(stack, since=time.time() - since.total_seconds()):
            if as_json:
                click.echo(to_json(line, encoding=sys.stdout.encoding))
            else:
                console.print(_text(line), soft_wrap=True)
    except KeyboardInterrupt:
        return


def follow(stack: Stack, *, since: float) -> Iterator[Line]:
    """Read what the processor logs about its messages, without end; `since` is in seconds since 1970."""
    log = Log(stack, "ProcessorFunction", names=_LINES, fields=_FIELDS)
    seen: dict[str, float] = {}
    begin = since
    while True:
        began = time.time()
        for text, read in log.since(begin):
            line = _shown(read)
            if _name(line, text) not in seen:
                seen[_name(line, text)] = began
                yield line
        begin = max(since, began - _LATENESS)
        seen = {name: at for name, at in seen.items() if at > began - 2 * _LATENESS}
        time.sleep(_POLL_SECONDS)


def _shown(line: Line) -> Line:
    outcome = {"outcome": _FAILED} if line["message"] == "processing.failed" else {}
    return outcome | {name: value for name, value in line.items() if name != "message"}


def _name(line: Line, text: str) -> str:
    """Identify a line. The thirty attempts of a message that can never be applied are one line here."""
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
