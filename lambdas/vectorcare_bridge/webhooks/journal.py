"""The journal: every signed webhook, written once."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge.dynamodb_item import Item, to_attributes, to_item
from vectorcare_bridge.webhooks import envelope
from vectorcare_bridge.webhooks.envelope import UNREADABLE, Event
from vectorcare_bridge.webhooks.failure import FailureReason, PermanentError
from vectorcare_bridge.webhooks.fold import Received
from vectorcare_bridge.webhooks.message import Webhook
from vectorcare_bridge.webhooks.refused_write import stored_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class JournalEntry(Received):
    """The journal's answer for a readable webhook: its event as first seen."""

    is_new: bool = False  # this delivery is the first
    has_other_bytes: bool = False  # the `event_id` was known with other bytes: this delivery was written separately
    is_restamped: bool = False  # the `event_id` was known with another time


class Journal:
    """The `events` table: every signed webhook, byte for byte."""

    def __init__(self, client: "DynamoDBClient", table: str, *, retention_days: int) -> None:
        self._client = client
        self._table = table
        self._retention_days = retention_days

    def append(self, event: Event, webhook: Webhook) -> JournalEntry:
        """Write a webhook, unless the journal has its event.

        A provider may stamp a retry with a new time. If that time counted, the order of arrival would decide
        which of two times an event has, and the state would depend on it. So the first entry decides: the
        write is conditional on absence, and a refused write returns the stored entry without a read.

            delivery 1 (t=10:00)  put if absent ── taken ────────────▶ 10:00 goes on to the state
            delivery 2 (t=10:08)  put if absent ── refused: 10:00 ───▶ 10:00 goes on to the state
                                  └─ other bytes: put under event_id#digest, outside the fold
        """
        stored = self._put_if_absent(
            service_request_id=event.service_request_id,
            event_id=event.event_id,
            webhook=webhook,
            last_updated=event.last_updated,
        )
        if stored is None:
            return JournalEntry(event, webhook.received_at, is_new=True)
        has_other_bytes = stored["body"] != webhook.body
        if has_other_bytes:
            self._put_if_absent(
                service_request_id=event.service_request_id,
                event_id=f"{event.event_id}#{envelope.digest(webhook.body)}",
                webhook=webhook,
                last_updated=event.last_updated,
                redelivery_of=event.event_id,
            )
        known = read_entry(stored)
        return JournalEntry(
            event=known.event,
            received_at=known.received_at,
            has_other_bytes=has_other_bytes,
            is_restamped=stored["last_updated"] != event.last_updated,
        )

    def entries(self, service_request_id: str) -> Iterator[Received]:
        """Read the events of a service request that take part in its fold, strongly consistent."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="service_request_id = :id",
            ExpressionAttributeValues=to_attributes({":id": service_request_id}),
            ConsistentRead=True,
        )
        for page in pages:
            for attributes in page["Items"]:
                entry = to_item(attributes)
                if "redelivery_of" in entry:
                    continue
                try:
                    yield read_entry(entry)
                except PermanentError:
                    # It was readable by the rules of its day, but has no place in the state any more.
                    continue

    def append_unreadable(self, webhook: Webhook, reason: FailureReason) -> None:
        """Write a webhook that cannot be read or applied, under its digest, because dead letters expire."""
        self._put_if_absent(
            service_request_id=UNREADABLE, event_id=envelope.digest(webhook.body), webhook=webhook, reason=reason.value
        )

    def _put_if_absent(self, *, webhook: Webhook, **attributes: str) -> Item | None:
        item = {
            **attributes,
            "received_at": webhook.received_at,
            "body": webhook.body,
            "signature": webhook.signature,
            "expires_at": utc_timestamp.epoch_seconds(
                utc_timestamp.later(webhook.received_at, days=self._retention_days)
            ),
        }
        try:
            self._client.put_item(
                TableName=self._table,
                Item=to_attributes(item),
                ConditionExpression="attribute_not_exists(event_id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return stored_item(error)
        return None


def read_entry(entry: Item) -> Received:
    """Read an entry of the journal. Its time is the recorded one, even if its bytes read differently today.

    Raises
    ------
    PermanentError
        Its body cannot be read.
    """
    event = replace(envelope.read(entry["body"]), last_updated=entry["last_updated"])
    return Received(event, entry["received_at"])


def recorded_reason(client: "DynamoDBClient", table: str, body: bytes) -> str | None:
    """Read the reason that `Journal.append_unreadable` recorded for a webhook; None if there is none."""
    answer = client.get_item(
        TableName=table,
        Key=to_attributes({"service_request_id": UNREADABLE, "event_id": envelope.digest(body)}),
        ProjectionExpression="reason",
        ConsistentRead=True,
    )
    reason: str | None = to_item(answer.get("Item", {})).get("reason")
    return reason
