"""Lambda's event source for SQS: batches of what is visible, and partial batch failures.

Facts: Lambda developer guide, "Using Lambda with Amazon SQS" and "Implementing partial batch responses".
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from botocore.exceptions import ClientError

from verification.simulation.models import sqs_event
from verification.simulation.models.sqs import SQS
from verification.simulation.world import faults
from verification.simulation.world.container import InvocationOutcome
from verification.simulation.world.faults import Faults
from verification.simulation.world.fleet import Fleet
from verification.simulation.world.scheduler import Scheduler

BATCH_SIZE = 10
_POLL_SECONDS = 0.5
_PAUSE_SECONDS = 0.05
_HOLD_SECONDS = 400.0

Worked = Callable[[Sequence[Mapping[str, Any]], InvocationOutcome], None]


class EventSource:
    """Takes messages from the queue to the function while there are any.

    Parameters
    ----------
    max_concurrency : int
        How many batches may be worked on at once.
    batch_size : int
        How many messages a batch may have; more than ten are gathered by several calls.
    deleted : callable
        Told the message id of each message that is deleted as done.
    worked : callable
        Told of each batch how the function's invocation ended.
    """

    def __init__(
        self,
        sqs: SQS,
        queue_url: str,
        fleet: Fleet,
        *,
        scheduler: Scheduler,
        faults: Faults,
        random: Random,
        max_concurrency: int,
        batch_size: int = BATCH_SIZE,
        deleted: Callable[[str], None],
        worked: Worked = lambda _records, _outcome: None,
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._fleet = fleet
        self._scheduler = scheduler
        self._faults = faults
        self._random = random
        self._free = max_concurrency
        self._batch_size = batch_size
        self._deleted = deleted
        self._worked = worked
        self.under_way = 0
        self._in_hand: Counter[str] = Counter()

    def message_visible(self, at: float) -> None:
        """Poll soon after a message becomes visible."""
        self._scheduler.at(at + self._random.random() * _POLL_SECONDS, self._poll)

    def _poll(self) -> None:
        if "sqs" in self._faults.outages:
            self._scheduler.after(self._random.uniform(5, 20), self._poll)
            return
        while self._free > 0:
            messages = self._receive()
            if not messages:
                return
            self._deliver(messages)

    def _receive(self) -> list[dict[str, Any]]:
        wanted = self._random.choice((1, 3, BATCH_SIZE, self._batch_size))
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
            self._faults.count(faults.DELIVERED_TO_TWO)
        deliveries = 2 if self._faults.strikes(faults.BATCH_TWICE) else 1
        for _ in range(deliveries):
            self._free -= 1
            self.under_way += 1
            self._in_hand.update(record["messageId"] for record in records)
            hold = self._random.random() * _PAUSE_SECONDS
            if self._faults.strikes(faults.LATE_DELIVERY):
                hold = self._random.random() ** 3 * _HOLD_SECONDS
            self._scheduler.after(hold, partial(self._invoke, records))

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
        self._scheduler.after(self._random.random() * _PAUSE_SECONDS, self._poll)

    def _delete(self, record: dict[str, Any]) -> None:
        self._deleted(record["messageId"])
        if "sqs" in self._faults.outages or self._faults.strikes(faults.DELETE_LOST):
            return
        try:
            self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=record["receiptHandle"])
        except ClientError as error:
            raise AssertionError("the event source uses handles that it was given") from error
