"""The two tables: the journal, written once, and the state, moved forward only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import envelope, fold
from vectorcare_bridge.webhooks.envelope import UNREADABLE, Event
from vectorcare_bridge.webhooks.failure import FailureReason, ItemGoneError, PermanentError
from vectorcare_bridge.webhooks.fold import Received, Rule
from vectorcare_bridge.webhooks.message import Webhook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = Mapping[str, Any]

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True, slots=True)
class JournalEntry(Received):
    """What the journal answered for a readable webhook: its event as first seen, whatever the delivery said.

    Attributes
    ----------
    is_new : bool
        This delivery is the first.
    has_other_bytes : bool
        The journal knows the `event_id` with other bytes; this delivery was entered beside it.
    is_restamped : bool
        The journal knows the `event_id` with another time.
    """

    is_new: bool = False
    has_other_bytes: bool = False
    is_restamped: bool = False


class Journal:
    """The `events` table: every signed webhook, byte for byte."""

    def __init__(self, client: "DynamoDBClient", table: str, *, retention_days: int) -> None:
        self._client = client
        self._table = table
        self._retention_days = retention_days

    def enter(self, event: Event, webhook: Webhook) -> JournalEntry:
        """Enter a webhook, unless the journal has its event.

        A provider may stamp a retry anew. Were the delivery's own time to count, the order of arrival would decide
        which of two times an event has, and the state would depend on it. So the first entry decides for good: the
        write is conditional on absence, and a refused write returns the stored entry without a read.

            delivery 1 (t=10:00)  put if absent ── taken ────────────▶ 10:00 goes on to the state
            delivery 2 (t=10:08)  put if absent ── refused: 10:00 ───▶ 10:00 goes on to the state
                                  └─ other bytes: put beside, under event_id#digest, outside the fold
        """
        stored = self._put_if_absent(
            service_request_id=event.service_request_id,
            event_id=event.event_id,
            webhook=webhook,
            last_updated=event.last_updated,
        )
        if stored is None:
            return JournalEntry(event, webhook.received_at, is_new=True)
        known_body = bytes(stored["body"])
        has_other_bytes = known_body != webhook.body
        if has_other_bytes:
            self._put_if_absent(
                service_request_id=event.service_request_id,
                event_id=f"{event.event_id}#{envelope.digest(webhook.body)}",
                webhook=webhook,
                last_updated=event.last_updated,
                redelivery_of=event.event_id,
            )
        known = received(stored)
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
            ExpressionAttributeValues=_attributes({":id": service_request_id}),
            ConsistentRead=True,
        )
        for page in pages:
            for attributes in page["Items"]:
                entry = item_of(attributes)
                if "redelivery_of" in entry:
                    continue
                try:
                    yield received(entry)
                except PermanentError:
                    # It was readable by the rules of its day; no state can be made of it, and the others go on.
                    continue

    def enter_unreadable(self, webhook: Webhook, reason: FailureReason) -> None:
        """Enter a webhook that cannot be read or applied, under its digest: dead letters expire, the journal stays."""
        self._put_if_absent(
            service_request_id=UNREADABLE,
            event_id=envelope.digest(webhook.body),
            webhook=webhook,
            reason=reason.value,
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
                Item=_attributes(item),
                ConditionExpression="attribute_not_exists(event_id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return _stored_item(error)
        return None


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of the registers of one service request.

    Attributes
    ----------
    status, data : bool
        The register took the event it was offered.
    against_id_order : bool
        The status register took an event with a smaller id than the one it held.
    """

    status: bool
    data: bool
    against_id_order: bool = False


class State:
    """The `service_requests` table: one item a service request, never older than it was."""

    def __init__(self, client: "DynamoDBClient", table: str, *, rule: Rule) -> None:
        self._client = client
        self._table = table
        self._rule = rule

    def move_forward(self, folded: fold.Fold, *, may_begin: bool, now: UtcTimestamp) -> Moved | None:
        """Offer a service request's newest events to its registers.

        Two writes at most, the second only after the first has answered. The first offers the newest event, with its
        data if it carries any. The second offers data alone: when the newest event carries none, or when the first
        was refused while the item's data is older than what is offered.

        Parameters
        ----------
        folded : Fold
            Of the events at hand.
        may_begin : bool
            Make the item if there is none; see `fold.may_begin`.

        Returns
        -------
        Moved or None
            None if there is no item, and none was made.

        Raises
        ------
        ItemGoneError
            The item expired between the two writes.
        PermanentError
            `unstorable`: DynamoDB refuses the event itself.
        """
        event, with_data = folded.newest.event, folded.newest_data
        taken, old = self._offer_newest(folded.newest, may_begin=may_begin, now=now)
        if not taken and old is None:
            return None
        data_taken = taken and with_data is event
        if with_data is not None and not data_taken and self._is_newer_than_data(with_data, old):
            data_taken = self._offer_data(with_data, now=now)
        against_id_order = taken and old is not None and old["event_id"] > event.event_id
        return Moved(status=taken, data=data_taken, against_id_order=against_id_order)

    def _offer_newest(self, newest: Received, *, may_begin: bool, now: UtcTimestamp) -> tuple[bool, Item | None]:
        event = newest.event
        assignments = fold.status_register(newest, retention_days=self._rule.retention_days)
        if event.carries_data:
            assignments |= fold.data_register(event)
        older = self._older("last_updated", "event_id")
        # A comparison with an absent attribute is false, so that without the first clause nothing is created.
        condition = f"attribute_not_exists(last_updated) OR {older}" if may_begin else older
        return self._update(event, assignments, condition, now=now)

    def _offer_data(self, event: Event, *, now: UtcTimestamp) -> bool:
        older = self._older("data_as_of", "data_event_id")
        condition = f"attribute_exists(last_updated) AND (attribute_not_exists(data_as_of) OR {older})"
        taken, old = self._update(event, fold.data_register(event), condition, now=now)
        if not taken and old is None:
            raise ItemGoneError
        return taken

    def _is_newer_than_data(self, event: Event, old: Item | None) -> bool:
        if old is None or "data_as_of" not in old:
            return True
        return fold.rank(event, self._rule.order_by) > fold.rank_of(
            old["data_as_of"], old["data_event_id"], self._rule.order_by
        )

    def _older(self, time_attribute: str, id_attribute: str) -> str:
        """Write "what the register holds is older than the event" as DynamoDB's condition; see `fold.rank`."""
        first, second = fold.rank_of(f"{time_attribute} {{}} :time", f"{id_attribute} {{}} :id", self._rule.order_by)
        return f"({first.format('<')} OR ({first.format('=')} AND {second.format('<')}))"

    def _update(
        self, event: Event, assignments: Mapping[str, Any], condition: str, *, now: UtcTimestamp
    ) -> tuple[bool, Item | None]:
        """Write an item on a condition; answer whether it was taken, and the item as it was before."""
        assignments = {**assignments, "updated_at": now}
        present = {name: value for name, value in assignments.items() if value is not None}
        absent = sorted(assignments.keys() - present.keys())
        # Every name goes by an alias, as `data` and `action` are reserved words.
        expression = "SET revision = if_not_exists(revision, :first) + :one, "
        expression += ", ".join(f"#{name} = :{name}" for name in present)
        if absent:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in absent)
        values = {f":{name}": value for name, value in present.items()}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_attributes({"service_request_id": event.service_request_id}),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{name}": name for name in assignments},
                ExpressionAttributeValues=_attributes(
                    {
                        **values,
                        ":first": first_revision(now),
                        ":one": 1,
                        ":time": event.last_updated,
                        ":id": event.event_id,
                    }
                ),
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            stored = _stored_item(error)
            # The client tries again when an answer is lost: then its own first attempt is what refuses the second.
            is_ours = stored is not None and all(stored.get(name) == value for name, value in present.items())
            return is_ours, stored
        old = answer.get("Attributes")
        return True, item_of(old) if old else None


def received(entry: Item) -> Received:
    """Read an entry of the journal; the time is the entry's own, whatever its bytes say by today's rules.

    Raises
    ------
    PermanentError
        Its body cannot be read.
    """
    event = replace(envelope.read(bytes(entry["body"])), last_updated=entry["last_updated"])
    return Received(event, entry["received_at"])


def first_revision(now: UtcTimestamp) -> int:
    """Give the number that an item's revision counts from: the clock's milliseconds.

    Subscribers drop what is not greater than they have seen. An item that has expired, or was deleted and rebuilt,
    must not begin at 1 again; no item is written a thousand times a second.
    """
    return utc_timestamp.epoch_milliseconds(now)


def recorded_reason(client: "DynamoDBClient", table: str, body: bytes) -> str | None:
    """Read for which reason a webhook died, as `Journal.enter_unreadable` wrote it; None if the journal has none."""
    answer = client.get_item(
        TableName=table,
        Key=_attributes({"service_request_id": UNREADABLE, "event_id": envelope.digest(body)}),
        ProjectionExpression="reason",
        ConsistentRead=True,
    )
    reason: str | None = item_of(answer.get("Item", {})).get("reason")
    return reason


def _stored_item(error: ClientError) -> Item | None:
    """Take the stored item out of a refused condition; a refusal of any other kind is raised."""
    code = error.response["Error"]["Code"]
    if code == "ValidationException":
        raise PermanentError(FailureReason.UNSTORABLE) from None
    if code != "ConditionalCheckFailedException":
        raise error
    stored: Any = error.response.get("Item")
    return item_of(stored) if stored else None


def _attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _serialize(value) for name, value in item.items()}


def item_of(attributes: Mapping[str, Any]) -> Item:
    """Read an item of DynamoDB's own form: numbers become Decimal, binaries boto3's Binary."""
    return {name: _deserialize(value) for name, value in attributes.items()}
