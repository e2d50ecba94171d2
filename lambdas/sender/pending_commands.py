"""The commands of a service request that are under way or wait: one item of the `commands` table for each request.

    command_id "#line/VC-…"    "command/ID" {order, kind, until, due_at}    "command/ID" …    expires_at

Each command has an attribute of its own there, so invocations that write side by side overwrite nothing of each
other's, and each gets the whole line back with its write.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge.dynamodb_item import to_attributes, to_item
from vectorcare_bridge.utc_timestamp import UtcTimestamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE_SECONDS = 1800
"""So long after its command was last seen a place counts: longer than the longest wait (1,200 s) and the queue's
visibility time-out (362 s). What is gone from the queue thus holds back nothing for ever."""

_RETENTION_DAYS = 1
# No service request's id, and no command's, has the first sign in it.
_LINE, _COMMAND = "#line/", "command/"
# DynamoDB takes an expression of 4 KB.
_PLACES_IN_A_WRITE = 100


@dataclass(frozen=True, slots=True)
class PendingCommand:
    """A command's place in the line of its service request.

    Attributes
    ----------
    command_id : str
        Whose.
    order : str
        Sorts as the commands came.
    kind : str
        Which command it is.
    until : str
        UTC timestamp from which on it counts no more; empty if it was not written yet.
    due_at : UtcTimestamp or None
        When the queue delivers it again, if it waits.
    """

    command_id: str
    order: str
    kind: str
    until: str = ""
    due_at: UtcTimestamp | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Places sort by this; no two have the same."""
        return self.order, self.command_id


class PendingCommands:
    """The lines of all service requests."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def join(
        self, service_request_id: str, places: Sequence[PendingCommand], *, now: UtcTimestamp
    ) -> list[PendingCommand]:
        """Take places in a line, or keep them; answer all that count, those of other invocations too."""
        if not places:
            answer: Any = self._client.get_item(
                TableName=self._table, Key=_key(service_request_id), ConsistentRead=True
            ).get("Item", {})
            return _places(answer, now)
        line: list[PendingCommand] = []
        for start in range(0, len(places), _PLACES_IN_A_WRITE):
            line = self._write(service_request_id, places[start : start + _PLACES_IN_A_WRITE], [], now=now)
        return line

    def leave(
        self, service_request_id: str, gone: Sequence[str], waiting: Sequence[PendingCommand], *, now: UtcTimestamp
    ) -> None:
        """Give up the places of commands that have ended, by their ids, and note when the others come again."""
        for start in range(0, max(len(gone), len(waiting)), _PLACES_IN_A_WRITE):
            part = slice(start, start + _PLACES_IN_A_WRITE)
            self._write(service_request_id, waiting[part], gone[part], now=now)

    def _write(
        self, service_request_id: str, kept: Sequence[PendingCommand], gone: Sequence[str], *, now: UtcTimestamp
    ) -> list[PendingCommand]:
        until = utc_timestamp.later(now, minutes=LEASE_SECONDS / 60)
        names = {f"#k{number}": _COMMAND + place.command_id for number, place in enumerate(kept)}
        values = {f":k{number}": _value(replace(place, until=until)) for number, place in enumerate(kept)}
        sets = [f"#k{number} = :k{number}" for number in range(len(kept))]
        removed = {f"#g{number}": _COMMAND + command_id for number, command_id in enumerate(gone)}
        expires_at = utc_timestamp.epoch_seconds(utc_timestamp.later(now, days=_RETENTION_DAYS))
        answer: Any = self._client.update_item(
            TableName=self._table,
            Key=_key(service_request_id),
            UpdateExpression=f"SET {', '.join(['expires_at = :expires_at', *sets])}"
            + (f" REMOVE {', '.join(removed)}" if removed else ""),
            ExpressionAttributeValues=to_attributes({**values, ":expires_at": expires_at}),
            ExpressionAttributeNames=names | removed,
            ReturnValues="ALL_NEW",
        )
        return _places(answer["Attributes"], now)


def _key(service_request_id: str) -> dict[str, Any]:
    return to_attributes({"command_id": _LINE + service_request_id})


def _value(place: PendingCommand) -> dict[str, Any]:
    return {name: value for name, value in asdict(place).items() if value and name != "command_id"}


def _places(attributes: dict[str, Any], now: UtcTimestamp) -> list[PendingCommand]:
    places = [
        PendingCommand(command_id=name.removeprefix(_COMMAND), **value)
        for name, value in to_item(attributes).items()
        if name.startswith(_COMMAND)
    ]
    return sorted((place for place in places if place.until > now), key=lambda place: place.key)
