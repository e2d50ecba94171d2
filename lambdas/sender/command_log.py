"""The `commands` table: which commands are being sent, how they ended, and the circuit that all invocations share."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sender.circuit_state import Circuit
from sender.command_result import CommandResult, Outcome
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands.command import Command
from vectorcare_bridge.edge.dynamodb_item import Item, to_attributes, to_item
from vectorcare_bridge.utc_timestamp import UtcTimestamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RETENTION_DAYS = 30
"""Longer than a dead letter is kept (14 days): a redriven command must be known."""

# No command's id begins with this sign.
_CIRCUIT = "#circuit"
_SENDING, _WAITING, _ENDED = "sending", "waiting", "ended"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send a command."""

    command: Command
    holder: str  # one delivery of one message to one invocation
    may_have_been_sent: bool  # an earlier attempt got no answer, or ended in a crash


class BusyError(Exception):
    """Another invocation is sending this command."""


class CommandLog:
    """The table, by `command_id`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def claim(
        self, command: Command, *, holder: str, now: UtcTimestamp, lease_until: UtcTimestamp
    ) -> Claim | CommandResult:
        """Claim a command before it is sent.

            put if absent ── taken ──────────────────▶ send
                          └─ refused: ended ─────────▶ publish its result again, send nothing
                                      sending ───────▶ another invocation has it: later
                                      ... lease over ▶ its invocation crashed: take over, it may have been sent
                                      waiting ───────▶ take over

        No two deliveries have the same holder. At `lease_until` the invocation is certainly over. If the command has
        ended, its result is returned: then it must not be sent again.

        Raises
        ------
        BusyError
            Another invocation has it.
        """
        item = _item_of(command, holder) | {"progress": _SENDING, "lease_until": lease_until, "updated_at": now}
        stored = self._put(item | {"may_have_been_sent": False}, "attribute_not_exists(command_id)", {}, now=now)
        if stored is None or stored.get("holder") == holder:
            # The client repeats a write whose answer is lost; then its own first attempt refuses the second.
            return Claim(command, holder, may_have_been_sent=False)
        if stored["progress"] == _ENDED:
            return _result(stored)
        if stored["progress"] == _SENDING and stored["lease_until"] > now:
            raise BusyError
        may_have_been_sent = stored["may_have_been_sent"] or stored["progress"] == _SENDING
        refused = self._put(
            item | {"may_have_been_sent": may_have_been_sent},
            "holder = :holder AND progress = :progress",
            {":holder": stored["holder"], ":progress": stored["progress"]},
            now=now,
        )
        if refused is not None and refused.get("holder") != holder:
            raise BusyError
        return Claim(command, holder, may_have_been_sent)

    def release(self, claim: Claim, *, may_have_been_sent: bool, now: UtcTimestamp) -> None:
        """Give up a claim: the command is tried again later."""
        item = _item_of(claim.command, claim.holder) | {
            "progress": _WAITING,
            "may_have_been_sent": may_have_been_sent,
            "updated_at": now,
        }
        self._put(item, "holder = :holder", {":holder": claim.holder}, now=now)

    def record(self, claim: Claim, result: CommandResult, *, now: UtcTimestamp) -> None:
        """Note how a command ended.

        Raises
        ------
        BusyError
            Another invocation, whose clock is ahead, has taken it over: the result that it publishes counts.
        """
        item = _item_of(claim.command, claim.holder) | {
            "progress": _ENDED,
            "service_request_id": result.service_request_id,
            "outcome": result.outcome.value,
            "reason": result.reason,
            "attempts": result.attempts,
            "lag_seconds": Decimal(str(result.lag_seconds)),
            "updated_at": now,
        }
        if self._put(item, "holder = :holder", {":holder": claim.holder}, now=now) is not None:
            raise BusyError

    def has_ended(self, command_id: str) -> bool:
        item = self._get(command_id)
        return item is not None and item["progress"] == _ENDED

    def circuit(self) -> Circuit:
        item = self._get(_CIRCUIT)
        if item is None:
            return Circuit()
        return Circuit(int(item["failures"]), item.get("open_until"), item.get("probed_until"))

    def replace_circuit(self, old: Circuit, new: Circuit) -> bool:
        """Write the shared circuit; False if it has changed since it was read."""
        item = {"command_id": _CIRCUIT, **asdict(new)}
        condition = "failures = :failures"
        values: dict[str, Any] = {":failures": old.failures}
        for name, value in (("open_until", old.open_until), ("probed_until", old.probed_until)):
            if value is None:
                condition += f" AND attribute_not_exists({name})"
            else:
                condition += f" AND {name} = :{name}"
                values[f":{name}"] = value
        if old == Circuit():
            condition = f"attribute_not_exists(command_id) OR ({condition})"
        return self._put_if(item, condition, values) is None

    def _get(self, command_id: str) -> Item | None:
        answer: Any = self._client.get_item(
            TableName=self._table, Key=to_attributes({"command_id": command_id}), ConsistentRead=True
        ).get("Item")
        return to_item(answer) if answer else None

    def _put(self, item: Item, condition: str, values: Item, *, now: UtcTimestamp) -> Item | None:
        expires_at = utc_timestamp.epoch_seconds(utc_timestamp.later(now, days=RETENTION_DAYS))
        return self._put_if({**item, "expires_at": expires_at}, condition, values)

    def _put_if(self, item: Item, condition: str, values: Item) -> Item | None:
        """Write an item on a condition; return None, or the item that refused it."""
        conditional: dict[str, Any] = {
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if values:
            conditional["ExpressionAttributeValues"] = to_attributes(values)
        try:
            self._client.put_item(TableName=self._table, Item=to_attributes(item), **conditional)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            stored: Any = error.response.get("Item", {})
            return to_item(stored)
        return None


def _item_of(command: Command, holder: str) -> dict[str, Any]:
    return {
        "command_id": command.command_id,
        "command": command.kind.value,
        "service_request_id": command.service_request_id,
        "holder": holder,
    }


def _result(item: Item) -> CommandResult:
    return CommandResult(
        outcome=Outcome(item["outcome"]),
        command_id=item["command_id"],
        command=item["command"],
        service_request_id=item.get("service_request_id"),
        reason=item.get("reason"),
        attempts=int(item["attempts"]),
        lag_seconds=float(item["lag_seconds"]),
    )
