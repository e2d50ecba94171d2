"""A table restored from a point in time, next to the live one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli.lib.errors import BridgeError
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Attributes = Mapping[str, Any]
"""An item in DynamoDB's own form."""

_INFIX = "-restored-"
_POLL_SECONDS = 5
_MOST_READ_AT_ONCE = 100
_MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Window:
    """UTC timestamps between which a table can be restored."""

    earliest: str
    latest: str


@dataclass(slots=True)
class Comparison:
    """Entries of the restored journal, compared with the live one."""

    compared: int = 0
    same: int = 0
    missing: int = 0  # and not expired
    copied: int = 0
    expired: int = 0  # missing, as they should be
    different: int = 0
    examples_of_different: list[dict[str, str]] = field(default_factory=list)  # their keys


def name_of(table: str, at: str) -> str:
    """Name the restored table of a table and a UTC timestamp; the same name each time."""
    return f"{table}{_INFIX}{at[:19].replace('-', '').replace(':', '')}Z"


def window(client: "DynamoDBClient", table: str) -> Window:
    """Ask between which points in time a table can be restored.

    Raises
    ------
    BridgeError
        Point-in-time recovery is off.
    """
    described = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery: Mapping[str, Any] = described.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        raise BridgeError(f"Point-in-time recovery of {table} is off, so it cannot be restored.")
    earliest, latest = recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"]
    return Window(utc_timestamp.of(earliest), utc_timestamp.of(latest))


def status(client: "DynamoDBClient", name: str) -> str | None:
    """Ask for a table's status, such as CREATING or ACTIVE; None if there is no such table."""
    try:
        return client.describe_table(TableName=name)["Table"]["TableStatus"]
    except client.exceptions.ResourceNotFoundException:
        return None


def begin(client: "DynamoDBClient", table: str, name: str, at: str) -> None:
    """Start the restore of a table into a new table."""
    client.restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName=name, RestoreDateTime=datetime.fromisoformat(at)
    )


def wait(client: "DynamoDBClient", name: str) -> None:
    """Wait until a restored table can be read: minutes, or hours for a large table."""
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": _POLL_SECONDS, "MaxAttempts": 10**6})


def compare(
    client: "DynamoDBClient", restored: str, live: str, *, now: str, copy: bool, progress: Callable[[int], None]
) -> Comparison:
    """Compare a restored journal with the live one, and put back what is missing.

    An entry is written only if there is none with its key. A different entry of the live journal stays as it is,
    because the journal is never changed: a person decides. Entries that have expired by `now` are not put back, and
    without `copy` none are. `progress` gets the number of entries compared so far.
    """
    found = Comparison()
    for page in _pages(client, restored):
        for first in range(0, len(page), _MOST_READ_AT_ONCE):
            part = page[first : first + _MOST_READ_AT_ONCE]
            held = _read(client, live, part)
            for entry in part:
                _compare(client, live, entry, held.get(_key(entry)), found, now=now, copy=copy)
        progress(found.compared)
    return found


def _compare(
    client: "DynamoDBClient",
    live: str,
    entry: Attributes,
    held: Attributes | None,
    found: Comparison,
    *,
    now: str,
    copy: bool,
) -> None:
    found.compared += 1
    if held == entry:
        found.same += 1
    elif held is not None:
        found.different += 1
        if len(found.examples_of_different) < _MOST_LISTED:
            found.examples_of_different.append(dict(zip(("service_request_id", "event_id"), _key(entry), strict=True)))
    elif int(entry.get("expires_at", {}).get("N", "0")) <= utc_timestamp.epoch_seconds(UtcTimestamp(now)):
        found.expired += 1
    else:
        found.missing += 1
        found.copied += copy and _put_if_absent(client, live, entry)


def _pages(client: "DynamoDBClient", table: str) -> Iterator[Sequence[Attributes]]:
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield page["Items"]


def _read(client: "DynamoDBClient", table: str, entries: Sequence[Attributes]) -> dict[tuple[str, str], Attributes]:
    wanted: Any = {
        table: {
            "Keys": [{name: entry[name] for name in ("service_request_id", "event_id")} for entry in entries],
            "ConsistentRead": True,
        }
    }
    held: dict[tuple[str, str], Attributes] = {}
    while wanted:
        answer = client.batch_get_item(RequestItems=wanted)
        held |= {_key(item): item for item in answer["Responses"].get(table, [])}
        wanted = answer.get("UnprocessedKeys")  # what did not fit into one answer of 16 MB
    return held


def _put_if_absent(client: "DynamoDBClient", table: str, entry: Attributes) -> bool:
    try:
        client.put_item(TableName=table, Item=entry, ConditionExpression="attribute_not_exists(event_id)")
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _key(entry: Attributes) -> tuple[str, str]:
    return entry["service_request_id"]["S"], entry["event_id"]["S"]
