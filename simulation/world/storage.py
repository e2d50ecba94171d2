"""The models of one run, each telling the ledger what comes and goes."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

from simulation.history.ledger import Ledger, body_of
from simulation.history.publication import Publication
from simulation.models.dynamodb import DynamoDB, Key, Table
from simulation.models.events import EventBridge
from simulation.models.queue import Message, Queue
from simulation.models.s3 import S3, Bucket, StoredObject
from simulation.models.sqs import SQS
from simulation.models.values import Item
from simulation.plan.plan import Settings
from simulation.world import faults
from simulation.world.faults import EVENT_REFUSED, Faults
from simulation.world.functions import (
    BUS,
    COMMANDS,
    DEAD_LETTERS,
    EVENTS,
    OUTBOUND,
    OUTBOUND_DEAD_LETTERS,
    QUEUE,
    SERVICE_REQUESTS,
    SPOOL,
    UNPUBLISHED,
)
from simulation.world.outbound import MAX_RECEIVES, Outbound
from simulation.world.scheduler import START_EPOCH_SECONDS, Scheduler

_LATEST_SECONDS = 600.0
_OLD_HANDLES_WORK = 0.5

Changed = Callable[[Key, Item | None, Item | None], None]


class WatchedQueue(Queue):
    """A queue that reports whose copies come and go, and delivers some messages more often than it should."""

    def __init__(
        self, name: str, ledger: Ledger | None, scheduler: Scheduler, faults: Faults, random: Random, **how: Any
    ) -> None:
        super().__init__(old_handles_work=_OLD_HANDLES_WORK, **how)
        self.visible: Callable[[float], None] = lambda _at: None
        self._name = name
        self._ledger = ledger
        self._scheduler = scheduler
        self._faults = faults
        self._random = random

    def entered(self, message: Message) -> None:
        """Report a copy more."""
        if self._ledger:
            self._ledger.comes(self._name, body_of(message))

    def left(self, message: Message) -> None:
        """Report a copy less; of some, SQS has kept another, which it delivers later."""
        if self._ledger:
            self._ledger.goes(self._name, body_of(message))
        if self._faults.strikes(faults.DELIVERED_DELETED):
            self._later(message, self._resurface)

    def becomes_visible(self, at: float) -> None:
        """Report when there may be something to receive."""
        self.visible(at)

    def hide(self, message: Message, seconds: float, *, now: float) -> None:
        """Hide a message; some are delivered all the same."""
        super().hide(message, seconds, now=now)
        if seconds and self._faults.strikes(faults.DELIVERED_TWICE):
            self._later(message, self._show)

    def add(self, message: Message, *, now: float) -> None:
        """Take a message in; some are visible late."""
        super().add(message, now=now)
        if self._faults.strikes(faults.VISIBLE_LATE):
            self.hide(message, self._random.random() * _LATEST_SECONDS, now=now)

    def _later(self, message: Message, action: Callable[[Message], None]) -> None:
        self._scheduler.after(self._random.random() ** 3 * _LATEST_SECONDS, partial(action, message))

    def _show(self, message: Message) -> None:
        if message in self and message.visible_at > self._scheduler.now:
            super().hide(message, 0, now=self._scheduler.now)

    def _resurface(self, message: Message) -> None:
        if message not in self:
            # A copy: the message itself may be among the dead letters meanwhile, and is hidden there by other clocks.
            self.add(replace(message, is_ready=False), now=self._scheduler.now)


class _WatchedBucket(Bucket):
    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    def put(self, key: str, stored: StoredObject) -> None:
        self._ledger.comes(SPOOL, stored.body)
        if key in self.objects:
            self._ledger.goes(SPOOL, self.objects[key].body)
        super().put(key, stored)

    def delete(self, key: str) -> None:
        stored = self.objects.get(key)
        super().delete(key)
        if stored:
            self._ledger.goes(SPOOL, stored.body)


class _WatchedDynamoDB(DynamoDB):
    """DynamoDB that may delete an expired item as soon as somebody has touched it."""

    def __init__(self, tables: dict[str, Table], touched: Callable[[str, Item], None]) -> None:
        super().__init__(tables)
        self._touched = touched

    def update_item(self, **parameters: Any) -> dict[str, Any]:
        try:
            return super().update_item(**parameters)
        finally:
            self._touched(parameters["TableName"], parameters["Key"])


class Storage:
    """Queues, tables and bucket."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        scheduler: Scheduler,
        faults: Faults,
        random: Random,
        *,
        outbound: Outbound,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._scheduler = scheduler
        self._faults = faults
        self._random = random
        watch = partial(WatchedQueue, ledger=ledger, scheduler=scheduler, faults=faults, random=random)
        self.dead_letters = watch(DEAD_LETTERS, in_flight_limit=settings.in_flight_limit)
        self.queue = watch(
            QUEUE,
            visibility_timeout=settings.visibility_timeout,
            max_receives=settings.max_receives,
            dead_letters=self.dead_letters,
        )
        self.outbound_dead_letters = watch(OUTBOUND_DEAD_LETTERS, ledger=None)
        self.outbound_queue = watch(
            OUTBOUND,
            ledger=None,
            visibility_timeout=settings.visibility_timeout,
            max_receives=MAX_RECEIVES,
            dead_letters=self.outbound_dead_letters,
        )
        self.bucket = _WatchedBucket(ledger)
        self.journal = Table(keys=("service_request_id", "event_id"), written=ledger.journal_written)
        self.state = Table(
            keys=("service_request_id",), index_keys=("request_status", "last_updated"), written=self._state_written
        )
        self.unpublished = Queue()
        self.sqs = SQS(
            {
                QUEUE: self.queue,
                DEAD_LETTERS: self.dead_letters,
                UNPUBLISHED: self.unpublished,
                OUTBOUND: self.outbound_queue,
                OUTBOUND_DEAD_LETTERS: self.outbound_dead_letters,
            },
            clock=lambda: scheduler.now,
            epoch=START_EPOCH_SECONDS,
            random=random,
        )
        self.dynamodb = _WatchedDynamoDB(
            {EVENTS: self.journal, SERVICE_REQUESTS: self.state, COMMANDS: outbound.ledger}, self._touched
        )
        self.expired: Callable[[str], None] = lambda _service_request_id: None
        self.changed: Changed = lambda _key, _old, _new: None
        self.publication = Publication(with_data=settings.publish_data, violate=ledger.violate)
        self._outbound = outbound
        self.models = {
            **outbound.models,
            "sqs": self.sqs,
            "dynamodb": self.dynamodb,
            "s3": S3({SPOOL: self.bucket}),
            "events": EventBridge({BUS}, taken=self._taken, refuses=lambda: faults.strikes(EVENT_REFUSED)),
        }

    def is_empty(self) -> bool:
        """Tell whether no webhook is on its way any more; the dead letters wait for somebody."""
        return not len(self.queue) and not self.bucket.objects

    def _taken(self, bus: str, detail_type: str, detail: Any) -> None:
        if detail_type.startswith("Command"):
            self._outbound.history.told(detail_type, detail)
        else:
            self.publication.published(bus, detail_type, detail)

    def _state_written(self, key: Key, old: Item | None, new: Item) -> None:
        self._ledger.state_written(key, old, new)
        self.publication.changed(old, new)
        self.changed(key, old, new)
        if "expires_at" in new:
            due = float(new["expires_at"]["N"]) - START_EPOCH_SECONDS
            delay = self._random.random() * self._settings.expiry_delay
            self._scheduler.at(max(due, self._scheduler.now) + delay, partial(self._expire, key))

    def _touched(self, table: str, attributes: Item) -> None:
        if table != SERVICE_REQUESTS:
            return
        key = self.state.key_of(attributes)
        item = self.state.items.get(key, {})
        is_due = "expires_at" in item and float(item["expires_at"]["N"]) <= START_EPOCH_SECONDS + self._scheduler.now
        if is_due and self._faults.strikes(faults.EXPIRED_BETWEEN_CALLS):
            self._scheduler.after(self._random.random() * 2 * self._settings.latency, partial(self._expire, key))

    def _expire(self, key: Key) -> None:
        item = self.dynamodb.expire(SERVICE_REQUESTS, key, now=self._scheduler.now + START_EPOCH_SECONDS)
        if item:
            self._faults.count(faults.EXPIRED_ITEM)
            self._ledger.item_expired(key[0], item)
            self.changed(key, item, None)
            self.expired(key[0])
