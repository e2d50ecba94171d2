"""The state: one item a service request, moved forward only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge.dynamodb_item import Item, to_attributes, to_item
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import fold
from vectorcare_bridge.webhooks.envelope import Event
from vectorcare_bridge.webhooks.failure import ItemGoneError
from vectorcare_bridge.webhooks.fold import Received, Rule
from vectorcare_bridge.webhooks.refused_write import stored_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Moved:
    """Which registers took their event, and whether the status register's event had the smaller id of the two."""

    status: bool
    data: bool
    against_id_order: bool = False


class State:
    """The `service_requests` table: one item for each service request, which never goes back in time."""

    def __init__(self, client: "DynamoDBClient", table: str, *, rule: Rule) -> None:
        self._client = client
        self._table = table
        self._rule = rule

    def move_forward(self, folded: fold.Fold, *, may_begin: bool, now: UtcTimestamp) -> Moved | None:
        """Offer a service request's newest events to its registers.

        Two writes at most, the second only after the first has answered. The first offers the newest event, with its
        data if it carries any. The second offers only data: if the newest event carries none, or if the first was
        refused although the item's data is older than what is offered.

        The result is None if there is no item, and `may_begin` (see `fold.may_begin`) forbids making one.

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
        """Write an item on a condition; return whether it was written, and the item before the write."""
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
                Key=to_attributes({"service_request_id": event.service_request_id}),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{name}": name for name in assignments},
                ExpressionAttributeValues=to_attributes(
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
            stored = stored_item(error)
            # The client retries after a lost answer. Then its own first attempt refuses the second.
            is_ours = stored is not None and all(stored.get(name) == value for name, value in present.items())
            return is_ours, stored
        old = answer.get("Attributes")
        return True, to_item(old) if old else None


def first_revision(now: UtcTimestamp) -> int:
    """Return the number that an item's revision counts from: the clock's milliseconds.

    Subscribers ignore a revision that is not greater than the last. An item that expired, or was deleted and rebuilt,
    must not begin at 1 again. No item is written a thousand times a second.
    """
    return utc_timestamp.epoch_milliseconds(now)
