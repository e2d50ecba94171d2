"""`bridge send-command`: what the dispatch system would put on the outbound queue, by hand."""

import json
import sys
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.lib.stack import Stack
from cli.terminal.options import Options, pass_options
from cli.terminal.output import confirm, emit, json_option, printable, stderr, yes_option
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands import command, command_fields
from vectorcare_bridge.commands.command import Kind, RefusedError, UnreadableError

_KINDS = tuple(str(kind) for kind in Kind)
_LOOK_EVERY = 0.5  # seconds
_SUCCEEDED = "succeeded"


@click.command(name="send-command")
@click.argument("kind", metavar="COMMAND", type=click.Choice(_KINDS))
@click.argument("service_request_id", metavar="[SERVICE_REQUEST]", required=False)
@click.argument("fields", metavar="[FIELD=VALUE]...", nargs=-1)
@click.option("--command-id", metavar="ID", help="Its name: one that was seen is not sent again. Else a new one.")
@click.option(
    "--wait", type=click.IntRange(0, 900), default=30, show_default=True, metavar="SECONDS", help="For its end."
)
@yes_option
@json_option
@pass_options
def send_command(
    options: Options,
    kind: str,
    service_request_id: str | None,
    fields: tuple[str, ...],
    *,
    command_id: str | None,
    wait: int,
    yes: bool,
    as_json: bool,
) -> None:
    """Give VectorCare a command, and wait for how it ends.

    \b
    bridge send-command accept KP-ABCD1234
    bridge send-command state_update KP-ABCD1234 name=en_route
    bridge send-command decline KP-ABCD1234 response_notes="no vehicle"
    bridge send-command create_request service_id=bls request='{"note": "..."}'
    bridge send-command location_update KP-ABCD1234 \\
        locations='[{"lat": 34.1, "lng": -118.2, "alt": 90, "timestamp": 1772366400}]'

    A value that is JSON is taken as JSON, any other as text. A state without a timestamp is of now. What VectorCare
    would refuse is refused here. The fields of each command: docs/contracts/command.json.

    To a stack on AWS it asks first: VectorCare acts on it. Exit code 1 unless it succeeded; with --wait 0, it is put on
    the queue and left there.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    if service_request_id and "=" in service_request_id:
        fields, service_request_id = (service_request_id, *fields), None
    message = make_message(kind, service_request_id, dict(_field(text) for text in fields), command_id)
    stack = options.stack()
    if not stack.is_local:
        confirm(f"Tell VectorCare for {stack.organization}: {kind} {service_request_id or ''}?", yes=yes)
    stack.client("sqs").send_message(QueueUrl=stack.outputs["OutboundQueueUrl"], MessageBody=json.dumps(message))
    end = _wait(stack, message["command_id"], seconds=wait)
    emit(end, as_json=as_json, table=lambda: _table(end))
    if wait and end["outcome"] != _SUCCEEDED:
        sys.exit(1)


def make_message(
    kind: str, service_request_id: str | None, fields: Mapping[str, Any], command_id: str | None = None
) -> dict[str, Any]:
    """Make the message, and check it by the sender's own rules; without an id it gets a new one.

    Raises
    ------
    click.UsageError
        The sender could not read it, or VectorCare would refuse it.
    """
    command_id, given = command_id or str(uuid.uuid4()), dict(fields)
    if kind == Kind.STATE_UPDATE:
        given = {"timestamp": utc_timestamp.of(datetime.now(UTC)), **given}
    named = {"service_request_id": service_request_id} if service_request_id else {}
    message = {"command": kind, "command_id": command_id, **named, **given}
    try:
        read = command.read(json.dumps(message), message_id=command_id)
        command_fields.check(read)
        command.check_time(read, now=utc_timestamp.of(datetime.now(UTC)))
    except UnreadableError as error:
        raise click.UsageError(f"The sender could not read it: {error.reason}.") from None
    except RefusedError as error:
        raise click.UsageError(
            f"VectorCare would refuse it: {error.reason}. See docs/contracts/command.json."
        ) from None
    return message


def _field(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not name or not sign or not value.strip():
        raise click.UsageError("Write each field as NAME=VALUE; a value is not empty.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _wait(stack: Stack, command_id: str, *, seconds: int) -> Mapping[str, Any]:
    table, key = stack.outputs["CommandsTable"], {"command_id": {"S": command_id}}
    deadline = time.monotonic() + seconds
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=stderr()) as progress:
        progress.add_task("On the queue; waiting for its end", visible=bool(seconds))
        while time.monotonic() < deadline:
            item = stack.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
            if item.get("progress", {}).get("S") == "ended":
                outcome = item["outcome"]["S"].removeprefix("Command").lower()
                return {"command_id": command_id, "outcome": outcome, "reason": item.get("reason", {}).get("S")}
            time.sleep(_LOOK_EVERY)
    return {"command_id": command_id, "outcome": "waiting", "reason": None}


def _table(end: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for header in ("outcome", "reason", "command id"):
        table.add_column(header, overflow="fold")
    table.add_row(*(printable(end[name] or "") for name in ("outcome", "reason", "command_id")))
    return table
