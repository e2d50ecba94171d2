"""The journal, read: the entries of one service request, or all entries page by page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vectorcare_bridge.edge.dynamodb_item import Item, to_attributes, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Key = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """The answer of one scan call: `scanned` entries were read, and `items` match the filter."""

    items: list[Item]
    scanned: int
    next_key: Key | None


class JournalReader:
    """The `events` table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self.table = table

    def about(self) -> int:
        """Return the approximate number of entries; DynamoDB counts them about every six hours."""
        return self._client.describe_table(TableName=self.table)["Table"].get("ItemCount", 0)

    def entries(self, service_request_id: str) -> list[Item]:
        """Read all entries of a service request, by event id."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="service_request_id = :id",
            ExpressionAttributeValues=to_attributes({":id": service_request_id}),
            ConsistentRead=True,
        )
        return [to_item(item) for page in pages for item in page["Items"]]

    def pages(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        attributes: Sequence[str] = (),
        start: Key | None = None,
        consistent: bool = True,
    ) -> Iterator[Page]:
        """Read the whole table, up to 1 MB at a time; what is seconds old may be missing if it is not `consistent`.

        Only entries received in [since, until), and only these attributes of them, if any are named. `start` is the
        `next_key` of an earlier page.
        """
        request: dict[str, Any] = {"TableName": self.table, "ConsistentRead": consistent, **_received(since, until)}
        if attributes:
            request["ProjectionExpression"] = ", ".join(attributes)
        while True:
            if start:
                request["ExclusiveStartKey"] = start
            answer = self._client.scan(**request)
            start = answer.get("LastEvaluatedKey")
            yield Page([to_item(item) for item in answer["Items"]], answer["ScannedCount"], start)
            if not start:
                return


def _received(since: str | None, until: str | None) -> dict[str, Any]:
    conditions = {":since": ("received_at >= :since", since), ":until": ("received_at < :until", until)}
    given = {name: (condition, value) for name, (condition, value) in conditions.items() if value is not None}
    if not given:
        return {}
    return {
        "FilterExpression": " AND ".join(condition for condition, _ in given.values()),
        "ExpressionAttributeValues": to_attributes({name: value for name, (_, value) in given.items()}),
    }
