"""Compare two journals, and carry over what one of them misses, through its queue."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vectorcare_bridge.edge import runtime
from vectorcare_bridge.edge.dynamodb_item import Item, to_attributes, to_item
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.reconciliation import rules
from vectorcare_bridge.reconciliation.rules import Place, Verdict
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import envelope, message
from vectorcare_bridge.webhooks.envelope import UNREADABLE
from vectorcare_bridge.webhooks.message import Webhook
from vectorcare_bridge.webhooks.signature import Key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SUMMARY = ("service_request_id", "event_id", "received_at", "expires_at", "signature", "redelivery_of")
"""The attributes that are compared first: a tenth of what an entry holds."""

THREADS = 10
_MOST_READ_AT_ONCE = 100
_LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of one journal, with all attributes, and what the other journal has of it."""

    entry: Item
    verdict: Verdict


class Journal:
    """The journal of one region, to read; `retention_days` is how long it keeps an entry."""

    def __init__(self, client: "DynamoDBClient", table: str, *, retention_days: int) -> None:
        self._client = client
        self._table = table
        self.retention_days = retention_days

    def entries(self, service_request_id: str, *, attributes: Sequence[str] = ()) -> Iterator[Item]:
        """Read the entries of a service request: all their attributes, consistently, or only some, at half the cost."""
        request: dict[str, Any] = {"ProjectionExpression": ", ".join(attributes)} if attributes else {}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="service_request_id = :id",
            ExpressionAttributeValues=to_attributes({":id": service_request_id}),
            ConsistentRead=not attributes,
            **request,
        )
        return (to_item(item) for page in pages for item in page["Items"])

    def read(self, places: Sequence[Place], *, attributes: Sequence[str] = ()) -> list[Item]:
        """Read up to a hundred entries, likewise; those that are not there are left out."""
        request: dict[str, Any] = {
            "Keys": [
                to_attributes(dict(zip(("service_request_id", "event_id"), place, strict=True))) for place in places
            ],
            "ConsistentRead": not attributes,
        }
        if attributes:
            request["ProjectionExpression"] = ", ".join(attributes)
        found: list[Item] = []
        wanted: Any = {self._table: request} if places else {}
        pause = 0.1
        while wanted:
            answer = self._client.batch_get_item(RequestItems=wanted)
            read = answer["Responses"].get(self._table, [])
            found += map(to_item, read)
            wanted = answer.get("UnprocessedKeys")  # what did not fit into 16 MB, or was throttled
            if wanted and not read:
                runtime.sleep(runtime.uniform(pause / 2, pause))
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return found


class Comparison:
    """Looks in one journal, the target, for the entries of another, the source.

    The keys are VectorCare's public keys, one of which must have signed what is carried over.
    """

    def __init__(self, source: Journal, target: Journal, *, keys: Sequence[Key], executor: Executor) -> None:
        self._source = source
        self._target = target
        self._keys = keys
        self._executor = executor

    def suspects(self, entries: Sequence[Item], *, now: UtcTimestamp) -> list[Item]:
        """Select the entries, given with the attributes of `SUMMARY`, that the target does not surely have.

        What is too young, or about to expire, is no suspect. One read of the target's keys for each hundred entries.
        """
        due = [one for one in entries if rules.is_comparable(one, retention_days=self._target.retention_days, now=now)]
        suspects: list[Item] = []
        parts = [due[first : first + _MOST_READ_AT_ONCE] for first in range(0, len(due), _MOST_READ_AT_ONCE)]
        for part, found in zip(parts, self._executor.map(self._look_up, parts), strict=True):
            held = {_key(one): one for one in found}
            suspects += [one for one in part if not rules.is_same_at_a_glance(one, held.get(_key(one)))]
        return suspects

    def judge(self, suspects: Sequence[Item]) -> Iterator[Found]:
        """Judge suspects by their bytes; only these are read whole, in both regions and consistently.

        An entry that has expired meanwhile is left out.
        """
        groups: defaultdict[str, list[Item]] = defaultdict(list)
        for one in suspects:
            groups[one["service_request_id"]].append(one)
        parts = [
            group[first : first + _MOST_READ_AT_ONCE]
            for group in groups.values()
            for first in range(0, len(group), _MOST_READ_AT_ONCE)
        ]
        for found in self._executor.map(self._judge_group, parts):
            yield from found

    def _look_up(self, entries: Sequence[Item]) -> list[Item]:
        return self._target.read([_key(one) for one in entries], attributes=SUMMARY)

    def _judge_group(self, suspects: Sequence[Item]) -> list[Found]:
        """Judge entries of one service request, or unreadable ones, which may be readable now."""
        entries = self._source.read([_key(one) for one in suspects])
        intact = [one for one in entries if rules.is_entry(one)]
        held: list[Item] = []
        for service_request_id in sorted({rules.place_of(one)[0] for one in intact} - {UNREADABLE}):
            held += self._target.entries(service_request_id)
        held += self._target.read(sorted({(UNREADABLE, envelope.digest(one["body"])) for one in intact}))
        return [Found(one, rules.judge(one, held, self._keys)) for one in entries]


def carry_over(queue: Queue, entry: Item) -> str:
    """Put an entry's signed bytes on the queue of the region that misses them; return the message's id.

    The processor there applies its rules, as to every webhook. The time of receipt stays, because it decides whether an
    event begins a service request, and when its entry expires.
    """
    return queue.send(
        message.encode(
            Webhook(
                body=entry["body"], signature=entry["signature"], received_at=UtcTimestamp(str(entry["received_at"]))
            )
        )
    )


def _key(entry: Item) -> Place:
    return entry["service_request_id"], entry["event_id"]
