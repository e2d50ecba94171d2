"""The outbound queue's event source: batches of commands, with partial batch failures."""

from typing import Any

from sender.command_log import CommandLog
from sender.pending_commands import PendingCommands
from sender.received_command import Invocation, read_record
from sender.send import THREADS, Sender
from sender.settings import SenderSettings
from sender.vectorcare.access_token import AccessToken
from sender.vectorcare.api import VectorCareApi
from sender.vectorcare.http import Http
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge import observability, runtime, settings
from vectorcare_bridge.edge.bus import Bus
from vectorcare_bridge.edge.lambda_handler import deadline, kept, lambda_handler
from vectorcare_bridge.edge.queue import Queue

# What returning messages to the queue may take after results were published.
_RESERVE_SECONDS = 15

_settings = settings.load(SenderSettings)
_http = Http(runtime.http_session(connections=THREADS))
_token = AccessToken(
    _http,
    runtime.client("secretsmanager", connect_timeout=1, read_timeout=3, attempts=2),
    url=_settings.vectorcare_token_url,
    secret=_settings.credentials_secret,
)
_sqs = runtime.client("sqs", connect_timeout=1, read_timeout=3, attempts=2, connections=THREADS)
_dynamodb = runtime.client("dynamodb", connect_timeout=1, read_timeout=3, attempts=3, connections=THREADS)
_bus = Bus(runtime.client("events", connect_timeout=1, read_timeout=3, attempts=1), _settings.event_bus)
_sender = Sender(
    VectorCareApi(_http, _token, url=_settings.vectorcare_api_url),
    CommandLog(_dynamodb, _settings.commands_table),
    _bus,
    Queue(_sqs, _settings.outbound_queue_url),
    Queue(_sqs, _settings.outbound_dead_letter_queue_url),
    pending=PendingCommands(_dynamodb, _settings.commands_table),
    executor=runtime.executor(THREADS),
    aws_executor=runtime.executor(THREADS),
)


def _keep_all(event: dict[str, Any], error: Exception) -> dict[str, list[dict[str, str]]]:
    observability.log("sending.failed", messages=len(event["Records"]), error=error)
    return kept([record["messageId"] for record in event["Records"]])


@lambda_handler(on_error=_keep_all)
def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """Send a batch; return the messages that SQS must keep."""
    _bus.deadline = deadline(context, reserve_seconds=_RESERVE_SECONDS)
    ends_at = utc_timestamp.later(runtime.now(), seconds=context.get_remaining_time_in_millis() / 1000)
    observability.log("sending.started", messages=len(event["Records"]))
    messages = [read_record(record) for record in event["Records"]]
    return kept(_sender.send(messages, Invocation(context.aws_request_id, ends_at=ends_at)))
