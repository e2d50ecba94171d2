"""The stack in the other region: its tables, and what it has received lately."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vectorcare_bridge.edge.dynamodb_item import to_attributes, to_item
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks.vocabulary import STATUSES

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient

_INDEX = "by_status"


@dataclass(frozen=True, slots=True)
class Tables:
    """The names of the tables, which CloudFormation made up."""

    events: str
    service_requests: str


def find_tables(client: "CloudFormationClient", stack_name: str) -> Tables:
    """Read the tables' names from the stack's outputs."""
    (stack,) = client.describe_stacks(StackName=stack_name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    return Tables(events=outputs["EventsTable"], service_requests=outputs["ServiceRequestsTable"])


def moved_since(client: "DynamoDBClient", table: str, since: UtcTimestamp) -> Iterator[str]:
    """Name the service requests whose newest event happened since then, newest first within each status.

    An index has them in this order, so the cost is that of what is new. Requests in a status that VectorCare does not
    document are left out.
    """
    for status in STATUSES:
        request: dict[str, Any] = {
            "KeyConditionExpression": "request_status = :status AND last_updated >= :since",
            "ExpressionAttributeValues": to_attributes({":status": status, ":since": since}),
            "ProjectionExpression": "service_request_id",
        }
        pages = client.get_paginator("query").paginate(
            TableName=table, IndexName=_INDEX, ScanIndexForward=False, **request
        )
        for page in pages:
            for item in page["Items"]:
                yield to_item(item)["service_request_id"]
