"""The commands of a service request that are being sent or wait: one item of the `commands` table for each request.

    command_id "#line/VC-…"    "command/ID" {order, kind, until, due_at}    "command/ID" …    expires_at

Each command is an attribute of its own. So invocations that write at the same time do not overwrite each other's
commands, and each write returns all of the request's pending commands.
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
"""A command counts as pending for this long after it was last seen: longer than the longest wait (1,200 s) and the
queue's visibility timeout (362 s). So a message that somebody deleted from the queue does not hold others back
forever."""

_RETENTION_DAYS = 1
# No id of a service request or a command begins with this sign.
_REQUEST, _COMMAND = "#line/", "command/"
# DynamoDB takes an expression of 4 KB.
_COMMANDS_IN_A_WRITE = 100


@dataclass(frozen=True, slots=True)
class PendingCommand:
    """A command that has not ended."""

    command_id: str
    order: str  # sorts as the commands came
    kind: str
    until: str = ""  # UTC timestamp after which it no longer counts; empty before it is written
    due_at: UtcTimestamp | None = None  # when the queue delivers it again, if it waits

    @property
    def key(self) -> tuple[str, str]:
        """Commands sort by this; no two have the same."""
        return self.order, self.command_id


class PendingCommands:
    """The pending commands of all service requests."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def join(
        self, service_request_id: str, commands: Sequence[PendingCommand], *, now: UtcTimestamp
    ) -> list[PendingCommand]:
        """Add commands, or renew them; return all that are pending, in other invocations too, in their order."""
        if not commands:
            answer: Any = self._client.get_item(
                TableName=self._table, Key=_key(service_request_id), ConsistentRead=True
            ).get("Item", {})
            return _read(answer, now)
        pending: list[PendingCommand] = []
        for start in range(0, len(commands), _COMMANDS_IN_A_WRITE):
            pending = self._write(service_request_id, commands[start : start + _COMMANDS_IN_A_WRITE], [], now=now)
        return pending

    def leave(
        self, service_request_id: str, ended: Sequence[str], waiting: Sequence[PendingCommand], *, now: UtcTimestamp
    ) -> None:
        """Remove commands that have ended, by their ids, and note when the others are delivered again."""
        for start in range(0, max(len(ended), len(waiting)), _COMMANDS_IN_A_WRITE):
            part = slice(start, start + _COMMANDS_IN_A_WRITE)
            self._write(service_request_id, waiting[part], ended[part], now=now)

    def _write(
        self, service_request_id: str, kept: Sequence[PendingCommand], ended: Sequence[str], *, now: UtcTimestamp
    ) -> list[PendingCommand]:
        until = utc_timestamp.later(now, seconds=LEASE_SECONDS)
        names = {f"#k{number}": _COMMAND + command.command_id for number, command in enumerate(kept)}
        values = {f":k{number}": _value(replace(command, until=until)) for number, command in enumerate(kept)}
        sets = [f"#k{number} = :k{number}" for number in range(len(kept))]
        removed = {f"#g{number}": _COMMAND + command_id for number, command_id in enumerate(ended)}
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
        return _read(answer["Attributes"], now)


def _key(service_request_id: str) -> dict[str, Any]:
    return to_attributes({"command_id": _REQUEST + service_request_id})


def _value(command: PendingCommand) -> dict[str, Any]:
    return {name: value for name, value in asdict(command).items() if value and name != "command_id"}


def _read(attributes: dict[str, Any], now: UtcTimestamp) -> list[PendingCommand]:
    commands = [
        PendingCommand(command_id=name.removeprefix(_COMMAND), **value)
        for name, value in to_item(attributes).items()
        if name.startswith(_COMMAND)
    ]
    return sorted((command for command in commands if command.until > now), key=lambda command: command.key)
