"""Handler of the state's stream: batches of changed items, in order for each service request."""

from typing import Any

from publisher import change
from publisher.change import Change
from publisher.publish import Publisher
from publisher.settings import PublisherSettings
from vectorcare_bridge.edge import observability, runtime, settings
from vectorcare_bridge.edge.bus import Bus
from vectorcare_bridge.edge.dynamodb_item import to_item
from vectorcare_bridge.edge.lambda_handler import deadline, lambda_handler
from vectorcare_bridge.edge.metric import Metric
from vectorcare_bridge.edge.queue import Queue

# Enough to queue the events that the bus did not take.
_RESERVE_SECONDS = 60

_settings = settings.load(PublisherSettings)
_bus = Bus(runtime.client("events", connect_timeout=1, read_timeout=5, attempts=1), _settings.event_bus)
_publisher = Publisher(
    bus=_bus,
    unpublished=Queue(
        runtime.client("sqs", connect_timeout=1, read_timeout=3, attempts=3), _settings.unpublished_queue_url
    ),
    actions=_settings.publish_actions,
    with_data=_settings.publish_data,
)


class NotPublishedError(Exception):
    """The batch has to come again. There is no text, because Lambda logs it."""


def _try_again(_event: object, error: Exception) -> None:
    observability.log("publishing.failed", error=error)
    raise NotPublishedError from None


@lambda_handler(on_error=_try_again)
def handler(event: dict[str, Any], context: Any) -> None:
    """Publish a batch of stream records, except for removals.

    Raises
    ------
    NotPublishedError
        The stream delivers the whole batch again ("Process DynamoDB records with Lambda", Lambda guide).
    """
    _bus.deadline = deadline(context, reserve_seconds=_RESERVE_SECONDS)
    changes = (_change(record) for record in event["Records"] if record["eventName"] != "REMOVE")
    _publisher.publish([one for one in changes if one])


def _change(record: dict[str, Any]) -> Change | None:
    images = record["dynamodb"]
    old = images.get("OldImage")
    try:
        return change.between(to_item(old) if old else None, to_item(images["NewImage"]))
    except Exception as error:  # noqa: BLE001 an item that was written by hand must not hold up those after it
        observability.log("change.unreadable", error=error)
        observability.count(Metric.CHANGE_UNREADABLE)
        return None
