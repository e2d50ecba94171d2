"""The operator's replay, as a function that the simulation runs like the others."""

import os
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from cli.lib.aws_error import explain
from cli.lib.journal import JournalReader
from cli.lib.replayer import Replayer
from cli.terminal.text import printable
from vectorcare_bridge.edge import runtime
from vectorcare_bridge.webhooks.fold import OrderBy, Rule

_client = runtime.client("dynamodb", connect_timeout=5, read_timeout=60, attempts=4)
_replayer = Replayer(
    _client,
    JournalReader(_client, os.environ["EVENTS_TABLE"]),
    os.environ["SERVICE_REQUESTS_TABLE"],
    rule=Rule(OrderBy(os.environ["ORDER_BY"]), int(os.environ["STATE_RETENTION_DAYS"])),
    dry_run=False,
)


def handler(event: dict[str, list[str]], _context: Any) -> list[str]:
    """Replay service requests; answer the outcome of each."""
    return [_replay(service_request_id) for service_request_id in event["service_request_ids"]]


def _replay(service_request_id: str) -> str:
    try:
        return _replayer.replay(service_request_id).outcome.value
    except (BotoCoreError, ClientError) as error:
        click.echo(printable(explain(error)))
        return "not done"
