"""Read both tables; expired items count as absent."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge.dynamodb_item import Item, to_attributes, to_item
from vectorcare_bridge.utc_timestamp import UtcTimestamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Position = Mapping[str, str]
"""Where a page ended: the keys of its last item, without the key that all items of the query share."""


class UnavailableError(Exception):
    """DynamoDB gave no answer: throttled, out of reach, or not allowed."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


@dataclass(frozen=True, slots=True)
class Page:
    """A part of what a query finds, in its order; after it comes `last`, or nothing if that is None.

    There may be fewer items than the limit, or none, although more pages follow.
    """

    items: list[Item]
    last: Position | None


class Tables:
    """Both tables, read only; every method raises `UnavailableError` if DynamoDB does not answer."""

    def __init__(
        self, client: "DynamoDBClient", *, service_requests_table: str, events_table: str, status_index: str
    ) -> None:
        self._client = client
        self._service_requests_table = service_requests_table
        self._events_table = events_table
        self._status_index = status_index

    def service_request(self, service_request_id: str, *, now: UtcTimestamp) -> Item | None:
        """Read a service request, strongly consistent; None if there is none."""
        with _unavailable():
            answer = self._client.get_item(
                TableName=self._service_requests_table,
                Key=to_attributes({"service_request_id": service_request_id}),
                ConsistentRead=True,
            )
        found = _there([answer["Item"]] if "Item" in answer else [], now=now)
        return found[0] if found else None

    def with_status(self, status: str, *, limit: int, after: Position | None, now: UtcTimestamp) -> Page:
        """Read a page of the service requests that are in a status, newest first.

        The index follows the table within moments; an index cannot be read strongly consistent.
        """
        return self._page(
            partition={"request_status": status},
            after=after,
            now=now,
            TableName=self._service_requests_table,
            IndexName=self._status_index,
            ScanIndexForward=False,
            Limit=limit,
        )

    def events(self, service_request_id: str, *, limit: int, after: Position | None, now: UtcTimestamp) -> Page:
        """Read a page of a service request's journal by `event_id`, strongly consistent."""
        return self._page(
            partition={"service_request_id": service_request_id},
            after=after,
            now=now,
            TableName=self._events_table,
            ConsistentRead=True,
            Limit=limit,
        )

    def _page(self, *, partition: Position, after: Position | None, now: UtcTimestamp, **query: Any) -> Page:
        ((name, value),) = partition.items()
        if after:
            query["ExclusiveStartKey"] = to_attributes({**partition, **after})
        with _unavailable():
            answer = self._client.query(
                KeyConditionExpression=f"{name} = :value",
                ExpressionAttributeValues=to_attributes({":value": value}),
                **query,
            )
        last = to_item(answer.get("LastEvaluatedKey", {}))
        return Page(
            items=_there(answer["Items"], now=now),
            last={key: text for key, text in last.items() if key != name} or None,
        )


def _there(stored: Iterable[Mapping[str, Any]], *, now: UtcTimestamp) -> list[Item]:
    """Leave out expired items: DynamoDB deletes them within a few days, and returns them until then.

    Source: DynamoDB Developer Guide, "Working with expired items and time to live (TTL)".
    """
    items = [to_item(attributes) for attributes in stored]
    return [item for item in items if "expires_at" not in item or item["expires_at"] > utc_timestamp.epoch_seconds(now)]


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise UnavailableError(error) from None
