"""`bridge commands`."""

import time
from collections.abc import Iterable
from datetime import timedelta

import click
from rich.console import RenderableType
from rich.text import Text

from cli.lib.logs import Line, Log
from cli.options import Options, pass_options
from cli.terminal.output import duration, emit, json_option, moment, plain_table, printable
from cli.terminal.times import Span

_LINES = ("sending.completed", "sending.postponed", "sending.unreadable")
_FIELDS = ("service_request_id", "command", "command_id", "outcome", "reason", "attempt", "message_id", "error")
_STYLES = {"succeeded": "green", "failed": "red", "expired": "red", "uncertain": "yellow", "unreadable": "red"}
_UNENDED = {"sending.postponed": "waiting", "sending.unreadable": "unreadable"}


@click.command()
@click.argument("service_request_id", metavar="[SERVICE_REQUEST]", required=False)
@click.option(
    "--since", type=Span(), default="1h", show_default=True, metavar="SPAN", help="How far back: 90s, 10m, 2h, 1d."
)
@json_option
@pass_options
def commands(options: Options, service_request_id: str | None, *, since: timedelta, as_json: bool) -> None:
    """Show how commands to VectorCare ended, the newest last.

    \b
    bridge commands
    bridge commands KP-ABCD1234 --since 1d
    bridge commands --json | jq '.[] | select(.outcome == "failed") | .reason'

    It changes nothing. It reads the sender's log, which on AWS is some seconds behind. "Waiting" means that the sender
    will try again; the reason is that of the last attempt. A command that cannot be read is a dead letter: bridge dlq
    list --queue outbound
    """
    log = Log(options.stack(), "SenderFunction", names=_LINES, fields=_FIELDS)
    ends = _newest(line for _, line in log.since(time.time() - since.total_seconds()))
    shown = [line for line in ends if service_request_id in (None, line.get("service_request_id"))]
    emit(shown, as_json=as_json, table=lambda: _table(shown, since))


def _newest(lines: Iterable[Line]) -> list[Line]:
    """Keep the last line of each message."""
    newest: dict[str, Line] = {}
    for line in sorted(lines, key=lambda line: str(line["time"])):
        name = line.get("command_id") or line["message_id"]
        outcome = _UNENDED.get(line["message"]) or line["outcome"].removeprefix("Command").lower()
        newest.pop(name, None)
        newest[name] = {**{key: value for key, value in line.items() if key != "message"}, "outcome": outcome}
    return list(newest.values())


def _table(lines: list[Line], since: timedelta) -> RenderableType:
    if not lines:
        return f"No command in the last {duration(since.total_seconds())}."
    table = plain_table("time (UTC)", "service request", "command", "outcome", "reason", "attempts", "command id")
    for line in lines:
        table.add_row(
            moment(line["time"]),
            *(printable(line.get(name) or "") for name in ("service_request_id", "command")),
            Text(printable(line["outcome"]), style=_STYLES.get(line["outcome"], "")),
            printable(line.get("reason") or line.get("error") or ""),
            printable(line.get("attempt", "")),
            printable(line.get("command_id") or ""),
        )
    return table
