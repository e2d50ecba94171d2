"""A table brought back from a point in time, beside the live one: made, waited for, compared, copied from."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Attributes = Mapping[str, Any]
"""An item in DynamoDB's own form: it is copied as it is."""

_INFIX = "-restored-"
_POLL_SECONDS = 5.0
_MOST_READ_AT_ONCE = 100
_MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Window:
    """27-character instants between which a table can be brought back."""

    earliest: str
    latest: str


@dataclass(slots=True)
class Comparison:
    """The restored journal against the live one.

    Attributes
    ----------
    compared : int
        Entries of the restored one.
    same, missing, expired : int
        Entries that the live one has; that it lacks; that it lacks because their time is over.
    different : int
        Entries that the live one has with other content.
    examples : list of tuple of str
        Keys of the first of those that are different.
    copied : int
        Entries put back.
    """

    compared: int = 0
    same: int = 0
    missing: int = 0
    expired: int = 0
    different: int = 0
    copied: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)


def name_of(table: str, at: str) -> str:
    """Name the table that the content of another at an instant is restored into; the same each time."""
    return f"{table}{_INFIX}{at[:19].replace('-', '').replace(':', '')}Z"


def window(client: "DynamoDBClient", table: str) -> Window:
    """Ask between which points in time a table can be brought back.

    Raises
    ------
    click.ClickException
        Point-in-time recovery is off.
    """
    described = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery: Mapping[str, Any] = described.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        raise click.ClickException(f"Point-in-time recovery of {table} is off: there is nothing to bring back.")
    earliest, latest = recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"]
    return Window(utc_timestamp.of(earliest), utc_timestamp.of(latest))


def status(client: "DynamoDBClient", name: str) -> str | None:
    """Ask for a table's status, such as CREATING or ACTIVE; None where there is no such table."""
    try:
        return client.describe_table(TableName=name)["Table"]["TableStatus"]
    except client.exceptions.ResourceNotFoundException:
        return None


def begin(client: "DynamoDBClient", table: str, name: str, at: str) -> None:
    """Have DynamoDB write a table's content of an instant into a new table."""
    client.restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName=name, RestoreDateTime=datetime.fromisoformat(at)
    )


def wait(client: "DynamoDBClient", name: str, *, progress: Callable[[], None]) -> None:
    """Wait until a restored table can be read: minutes, or hours for a large one."""
    while status(client, name) != "ACTIVE":
        progress()
        time.sleep(_POLL_SECONDS)


def compare(
    client: "DynamoDBClient", restored: str, live: str, *, now: str, copy: bool, progress: Callable[[int], None]
) -> Comparison:
    """Compare a restored journal with the live one, page by page, and put back what is missing.

    An entry is put on condition that there is none: one that came in meanwhile stays as it came. What the live
    journal has with other content stays too, because the journal is never changed: a person decides.

    Parameters
    ----------
    client : DynamoDBClient
        Reads both, writes the live one.
    restored, live : str
        The tables.
    now : str
        27-character instant: what expired before it is not put back.
    copy : bool
        Put back; compare only, otherwise.
    progress : callable
        Is told how many entries were compared so far.
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
        if len(found.examples) < _MOST_TOLD:
            found.examples.append(_key(entry))
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
