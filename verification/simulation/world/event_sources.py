"""Lambda's event sources: batches from a queue with partial failures, and a table's stream, in order within a shard.

Facts: Lambda developer guide, "Using Lambda with Amazon SQS", "Implementing partial batch responses", and "Using AWS
Lambda with Amazon DynamoDB", "Batching and retries".
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from verification.simulation.models import sqs_event
from verification.simulation.models.dynamodb import Key
from verification.simulation.models.sqs import SQS
from verification.simulation.models.values import Item
from verification.simulation.world import faults
from verification.simulation.world.container import InvocationOutcome
from verification.simulation.world.fleet import Fleet
from verification.simulation.world.run_context import RunContext

BATCH_SIZE = 10
_POLL_SECONDS = 0.5
_PAUSE_SECONDS = 0.05
_HOLD_SECONDS = 400.0

_SHARDS = 3
_BATCH_SIZES = (1, 5, 100)
_STREAM_POLL_SECONDS = 1.0
_STREAM_PAUSE_SECONDS = 5.0

Record = dict[str, Any]
Worked = Callable[[Sequence[Mapping[str, Any]], InvocationOutcome], None]


class QueueSource:
    """Takes messages from the queue to the function while there are any.

    `deleted` takes the id of each message that is deleted as done, `worked` each batch with how its invocation ended.
    """

    def __init__(
        self,
        context: RunContext,
        sqs: SQS,
        queue_url: str,
        fleet: Fleet,
        *,
        batch_size: int = BATCH_SIZE,
        deleted: Callable[[str], None] = lambda _message_id: None,
        worked: Worked = lambda _records, _outcome: None,
    ) -> None:
        self._context = context
        self._sqs = sqs
        self._queue_url = queue_url
        self._fleet = fleet
        self._free = context.settings.max_concurrency
        self._batch_size = batch_size
        self._deleted = deleted
        self._worked = worked
        self.under_way = 0
        self._in_hand: Counter[str] = Counter()

    def message_visible(self, at: float) -> None:
        self._context.at(at + self._context.chance(_POLL_SECONDS), self._poll)

    def _poll(self) -> None:
        if "sqs" in self._context.faults.outages:
            self._context.after(self._context.random.uniform(5, 20), self._poll)
            return
        while self._free > 0:
            messages = self._receive()
            if not messages:
                return
            self._deliver(messages)

    def _receive(self) -> list[dict[str, Any]]:
        wanted = self._context.random.choice((1, 3, BATCH_SIZE, self._batch_size))
        records: list[dict[str, Any]] = []
        while len(records) < wanted:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=min(BATCH_SIZE, wanted - len(records)),
                MessageAttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                break
            records += [sqs_event.record(message) for message in messages]
        return records

    def _deliver(self, records: list[dict[str, Any]]) -> None:
        if any(self._in_hand[record["messageId"]] for record in records):
            self._context.faults.count(faults.DELIVERED_TO_TWO)
        deliveries = 2 if self._context.strikes(faults.BATCH_TWICE) else 1
        for _ in range(deliveries):
            self._free -= 1
            self.under_way += 1
            self._in_hand.update(record["messageId"] for record in records)
            hold = self._context.chance(_PAUSE_SECONDS)
            if self._context.strikes(faults.LATE_DELIVERY):
                hold = self._context.random.random() ** 3 * _HOLD_SECONDS
            self._context.after(hold, partial(self._invoke, records))

    def _invoke(self, records: list[dict[str, Any]]) -> None:
        self._fleet.invoke({"Records": records}, partial(self._done, records))

    def _done(self, records: list[dict[str, Any]], outcome: InvocationOutcome) -> None:
        self._free += 1
        self.under_way -= 1
        self._in_hand.subtract(record["messageId"] for record in records)
        self._worked(records, outcome)
        if outcome.answer is not None:
            failed = {failure["itemIdentifier"] for failure in outcome.answer["batchItemFailures"]}
            for record in records:
                if record["messageId"] not in failed:
                    self._delete(record)
        self._context.after(self._context.chance(_PAUSE_SECONDS), self._poll)

    def _delete(self, record: dict[str, Any]) -> None:
        self._deleted(record["messageId"])
        if "sqs" in self._context.faults.outages or self._context.strikes(faults.DELETE_LOST):
            return
        try:
            self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=record["receiptHandle"])
        except ClientError as error:
            raise AssertionError("the event source uses handles that it was given") from error


@dataclass(slots=True)
class _Shard:
    records: list[Record] = field(default_factory=list)
    position: int = 0
    is_polled: bool = False


class StreamSource:
    """Takes the changes of a table's items to the function."""

    def __init__(self, context: RunContext, fleet: Fleet) -> None:
        self._context = context
        self._fleet = fleet
        self._shards = [_Shard() for _ in range(_SHARDS)]

    def changed(self, key: Key, old: Item | None, new: Item | None) -> None:
        """Take the record of a write, or of a removal if there is no new item."""
        images = {name: item for name, item in (("OldImage", old), ("NewImage", new)) if item is not None}
        event_name = "REMOVE" if new is None else "MODIFY" if old else "INSERT"
        shard = self._shards[sum(key[0].encode()) % _SHARDS]
        shard.records.append({"eventName": event_name, "dynamodb": images})
        self._poll_soon(shard, _STREAM_POLL_SECONDS)

    def is_empty(self) -> bool:
        return all(shard.position == len(shard.records) for shard in self._shards)

    def _poll_soon(self, shard: _Shard, seconds: float) -> None:
        if not shard.is_polled:
            shard.is_polled = True
            self._context.after(self._context.chance(seconds), partial(self._poll, shard))

    def _poll(self, shard: _Shard) -> None:
        batch = shard.records[shard.position :][: self._context.random.choice(_BATCH_SIZES)]
        if "dynamodb" in self._context.faults.outages:
            self._context.after(self._context.random.uniform(5, 20), partial(self._poll, shard))
        elif batch:
            self._fleet.invoke({"Records": batch}, partial(self._done, shard, batch))
        else:
            shard.is_polled = False

    def _done(self, shard: _Shard, batch: Sequence[Record], outcome: InvocationOutcome) -> None:
        shard.is_polled = False
        if not outcome.error and not self._context.strikes(faults.STREAM_TWICE):
            shard.position += len(batch)
        self._poll_soon(shard, _STREAM_PAUSE_SECONDS if outcome.error else _STREAM_POLL_SECONDS)
