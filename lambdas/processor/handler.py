"""Handler of the queue's event source: batches of up to ten messages, with partial batch failures."""

from typing import Any

from processor.process import THREADS, Processor, ReceivedWebhook
from processor.settings import ProcessorSettings
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge import observability, runtime, settings
from vectorcare_bridge.edge.lambda_handler import kept, lambda_handler
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.fold import Rule
from vectorcare_bridge.webhooks.journal import Journal
from vectorcare_bridge.webhooks.state import State

_settings = settings.load(ProcessorSettings)
_rule = Rule(_settings.order_by, _settings.state_retention_days)
_dynamodb = runtime.client("dynamodb", connect_timeout=1, read_timeout=3, attempts=3, connections=THREADS)
_sqs = runtime.client("sqs", connect_timeout=1, read_timeout=3, attempts=2, connections=THREADS)
_processor = Processor(
    Journal(_dynamodb, _settings.events_table, retention_days=_settings.journal_retention_days),
    State(_dynamodb, _settings.service_requests_table, rule=_rule),
    Queue(_sqs, _settings.queue_url),
    rule=_rule,
    executor=runtime.executor(THREADS),
)


def _keep_all(event: dict[str, Any], error: Exception) -> dict[str, list[dict[str, str]]]:
    observability.log("processing.failed", messages=len(event["Records"]), error=error)
    return kept([record["messageId"] for record in event["Records"]])


@lambda_handler(on_error=_keep_all)
def handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Apply a batch; return the messages that SQS must keep."""
    observability.log("processing.started", messages=len(event["Records"]))
    return kept(_processor.process([_delivery(record) for record in event["Records"]]))


def _delivery(record: dict[str, Any]) -> ReceivedWebhook:
    values = {
        name: attribute["stringValue"]
        for name, attribute in record["messageAttributes"].items()
        if "stringValue" in attribute
    }
    return ReceivedWebhook(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        receives=int(record["attributes"]["ApproximateReceiveCount"]),
        webhook=message.decode(
            record["body"], values, sent_at=utc_timestamp.of_epoch(int(record["attributes"]["SentTimestamp"]) / 1000)
        ),
    )
