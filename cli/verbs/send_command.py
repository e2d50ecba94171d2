"""`bridge send-command`."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

import click
from rich.table import Table

from cli.lib.errors import BridgeError
from cli.lib.outbound_command import make_message
from cli.lib.stack import Stack
from cli.options import Options, pass_options
from cli.terminal.output import confirm, emit, json_option, plain_table, printable, stderr, yes_option
from vectorcare_bridge.commands.command import Kind

_KINDS = tuple(str(kind) for kind in Kind)
_POLL_SECONDS = 0.5
_SUCCEEDED = "succeeded"


@click.command(name="send-command")
@click.argument("kind", metavar="COMMAND", type=click.Choice(_KINDS))
@click.argument("service_request_id", metavar="[SERVICE_REQUEST]", required=False)
@click.argument("fields", metavar="[FIELD=VALUE]...", nargs=-1)
@click.option("--command-id", metavar="ID", help="Default: a new id. An id is sent only once.")
@click.option(
    "--wait", type=click.IntRange(0, 900), default=30, show_default=True, metavar="SECONDS", help="Wait this long."
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
    """Send a command to VectorCare, and wait for its outcome.

    \b
    bridge send-command accept KP-ABCD1234
    bridge send-command state_update KP-ABCD1234 name=en_route
    bridge send-command decline KP-ABCD1234 response_notes="no vehicle"
    bridge send-command create_request service_id=bls request='{"note": "..."}'
    bridge send-command location_update KP-ABCD1234 \\
        locations='[{"lat": 34.1, "lng": -118.2, "alt": 90, "timestamp": 1772366400}]'

    VectorCare acts on it, so on AWS the command asks first. It refuses what VectorCare would refuse. A value that is
    JSON is sent as JSON, any other value as text. A state_update without a timestamp gets the present time. The fields
    of each command: docs/contracts/command.json.

    Exit code 1 unless the command succeeded. With --wait 0, it is put on the queue and exit code 0 says only that.
    """
    if service_request_id and "=" in service_request_id:
        fields, service_request_id = (service_request_id, *fields), None
    try:
        message = make_message(kind, service_request_id, dict(_field(text) for text in fields), command_id)
    except BridgeError as error:
        raise click.UsageError(str(error)) from None
    stack = options.stack()
    if not stack.is_local:
        confirm(f"Send to VectorCare for {stack.organization}: {kind} {service_request_id or ''}?", yes=yes)
    stack.client("sqs").send_message(QueueUrl=stack.outputs["OutboundQueueUrl"], MessageBody=json.dumps(message))
    end = _wait(stack, message["command_id"], seconds=wait)
    emit(end, as_json=as_json, table=lambda: _table(end))
    if wait and end["outcome"] != _SUCCEEDED:
        sys.exit(1)


def _field(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not name or not sign or not value.strip():
        raise click.UsageError("Write each field as NAME=VALUE. A value is not empty.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _wait(stack: Stack, command_id: str, *, seconds: int) -> Mapping[str, Any]:
    table, key = stack.outputs["CommandsTable"], {"command_id": {"S": command_id}}
    deadline = time.monotonic() + seconds
    with stderr().status("On the queue. Waiting for the outcome ..."):
        while time.monotonic() < deadline:
            item = stack.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
            if item.get("progress", {}).get("S") == "ended":
                outcome = item["outcome"]["S"].removeprefix("Command").lower()
                return {"command_id": command_id, "outcome": outcome, "reason": item.get("reason", {}).get("S")}
            time.sleep(_POLL_SECONDS)
    return {"command_id": command_id, "outcome": "waiting", "reason": None}


def _table(end: Mapping[str, Any]) -> Table:
    table = plain_table("outcome", "reason", "command id")
    table.add_row(*(printable(end[name] or "") for name in ("outcome", "reason", "command_id")))
    return table
