"""Replays service requests, one by one."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cli.lib.journal import JournalReader
from cli.lib.replay_plan import Plan, ReplayOutcome, plan
from vectorcare_bridge.edge import runtime
from vectorcare_bridge.edge.dynamodb_item import Item, to_attributes, to_item
from vectorcare_bridge.webhooks.fold import Rule

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ATTEMPTS = 5


class Replayer:
    """Rebuilds states in the `service_requests` table from the journal; safe for use by several threads."""

    def __init__(
        self, client: "DynamoDBClient", journal: JournalReader, table: str, *, rule: Rule, dry_run: bool
    ) -> None:
        self._client = client
        self._journal = journal
        self._table = table
        self._rule = rule
        self._dry_run = dry_run

    def replay(self, service_request_id: str) -> Plan:
        """Rebuild one state, if it differs from the fold of its journal.

        The state is read before the journal, and written only if it has not changed since. So a webhook that comes
        at the same time is in the journal that was read, or changes the state after the write:

            replay      read state (revision 7) ── read journal ───────────── put if revision is 7 ── refused: again
            processor          append event to journal ── write state (revision 8)
        """
        tried: Plan | None = None
        for _ in range(_ATTEMPTS):
            state = self._read(service_request_id)
            now = runtime.now()
            found = plan(service_request_id, state, self._journal.entries(service_request_id), rule=self._rule, now=now)
            if tried and found.outcome is ReplayOutcome.UNCHANGED and _is(state, tried):
                return tried  # our write succeeded, its answer was lost, and the client's retry was refused
            if found.outcome is not ReplayOutcome.CHANGED or self._dry_run:
                return found
            tried = found
            try:
                if self._put(found):
                    return found
            except ClientError as error:
                # The error's text may repeat the item.
                if error.response["Error"]["Code"] != "ValidationException":
                    raise
                return Plan(service_request_id, ReplayOutcome.FAILED, why="DynamoDB refuses the item")
        return Plan(
            service_request_id,
            ReplayOutcome.FAILED,
            why=f"webhooks changed the state during each of {_ATTEMPTS} attempts; replay it again",
        )

    def _read(self, service_request_id: str) -> Item | None:
        answer = self._client.get_item(
            TableName=self._table, Key={"service_request_id": {"S": service_request_id}}, ConsistentRead=True
        )
        return to_item(answer["Item"]) if "Item" in answer else None

    def _put(self, found: Plan) -> bool:
        assert found.item is not None  # noqa: S101 a plan with a change has one
        condition = {
            "ConditionExpression": "revision = :read",
            "ExpressionAttributeValues": to_attributes({":read": found.revision}),
        }
        if not found.existed:
            condition = {"ConditionExpression": "attribute_not_exists(service_request_id)"}
        elif found.revision is None:
            condition = {
                "ConditionExpression": "attribute_exists(service_request_id) AND attribute_not_exists(revision)"
            }
        try:
            self._client.put_item(
                TableName=self._table,
                Item=to_attributes(found.item),
                **condition,  # type: ignore[arg-type]  # the keys depend on the plan
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _is(state: Item | None, written: Plan) -> bool:
    return state is not None and written.item is not None and state.get("updated_at") == written.item["updated_at"]
