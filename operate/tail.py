"""`bridge tail`: what the processor makes of webhooks, as it does."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import click
from rich.text import Text

from operate.options import Options, pass_options
from operate.output import moment, printable, stderr, stdout, to_json
from operate.stack import Stack
from vectorcare_bridge import instant

_FAILED = "failed"
_LINES = ("processing.completed", "processing.failed")
_PATTERN = "{ " + " || ".join(f'($.message = "{line}")' for line in _LINES) + " }"
_FIELDS = ("service_request_id", "event_id", "outcome", "reason", "message_id", "attempt", "retry_in_seconds", "error")
_PAUSE = 1.0  # seconds between two looks
_LATENESS = 60.0  # seconds; CloudWatch may show a line some time after others with a later time
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_STYLES = {"applied": "green", "stale": "dim", "duplicate": "dim", "expired": "yellow", _FAILED: "red"}

Line = Mapping[str, Any]


class _Span(click.ParamType[timedelta]):
    """A span of time such as 90s, 10m, 2h or 1d."""

    name = "span"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,4})([smhd])", str(value))
        if not found:
            self.fail("write a number and s, m, h or d, such as 10m", parameter, context)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


@click.command()
@click.option("--since", type=_Span(), default="0s", metavar="SPAN", help="Begin so long ago: 90s, 10m, 2h, 1d.")
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
                click.echo(to_json(line))
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
    logs, group = stack.client("logs"), _log_group(stack)
    seen: dict[str, float] = {}
    begin = since
    while True:
        began = time.time()
        for text in _messages(logs, group, begin):
            line = _read(text)
            if line and _name(line, text) not in seen:
                seen[_name(line, text)] = began
                yield line
        begin = max(since, began - _LATENESS)
        seen = {name: at for name, at in seen.items() if at > began - 2 * _LATENESS}
        time.sleep(_PAUSE)


def _log_group(stack: Stack) -> str:
    name = stack.outputs["ProcessorFunction"]
    configuration = stack.client("lambda").get_function_configuration(FunctionName=name)
    group: str = configuration["LoggingConfig"]["LogGroup"]
    return group


def _messages(logs: Any, group: str, begin: float) -> Iterator[str]:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        startTime=int(begin * 1000),
        filterPattern=_PATTERN,
    )
    for page in pages:
        for event in page["events"]:
            yield event["message"]


def _read(text: str) -> Line | None:
    """Read one line of the log; None where it is another one, such as those of Lambda itself."""
    try:
        line = json.loads(text)
        if line["message"] not in _LINES:
            return None
        at = instant.parse(line["timestamp"].replace(" ", "T"))
    except (ValueError, TypeError, KeyError):
        return None
    failed = {"outcome": _FAILED} if line["message"] == "processing.failed" else {}
    return {"time": at, **failed, **{name: line[name] for name in _FIELDS if name in line}}


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
