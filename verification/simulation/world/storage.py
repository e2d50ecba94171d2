"""The models of one run, each reporting what comes and goes."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from verification.simulation.history.publication import Publication
from verification.simulation.history.redrives import Redrives, Run
from verification.simulation.history.webhooks import DEAD_LETTERS, WebhookHistory, body_of
from verification.simulation.models.dynamodb import DynamoDB, Key, Table
from verification.simulation.models.events import EventBridge
from verification.simulation.models.queue import QueuedMessage
from verification.simulation.models.s3 import S3, Bucket
from verification.simulation.models.sqs import SQS
from verification.simulation.models.values import Item
from verification.simulation.world import faults
from verification.simulation.world.container import Container
from verification.simulation.world.faults import EVENT_REFUSED
from verification.simulation.world.functions import (
    BUS,
    COMMANDS,
    EVENTS,
    OUTBOUND,
    OUTBOUND_DEAD_LETTERS,
    QUEUE,
    SERVICE_REQUESTS,
    SPOOL,
    UNPUBLISHED,
)
from verification.simulation.world.outbound import SimulatedOutbound
from verification.simulation.world.run_context import RunContext
from verification.simulation.world.scheduler import START_EPOCH_SECONDS, timestamp_at
from verification.simulation.world.watched_queue import WatchedQueue

_DATA_REGISTER = ("data", "data_as_of", "data_event_id")
# Longer than clocks differ: the next writer's clock must not be behind the last writer's.
_UNTOUCHED_SECONDS = 120.0

Changed = Callable[[Key, Item | None, Item | None], None]

# Within it an event that is refused once has been refused again, or taken.
_TIME_TO_ASK_AGAIN = 120.0


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


class SimulatedStorage:
    """Queues, tables and bucket."""

    def __init__(self, context: RunContext, history: WebhookHistory, outbound: SimulatedOutbound) -> None:
        settings = context.settings
        self._context = context
        self._history = history
        self.redrives = Redrives(context)
        self.publication = Publication(context)
        copies = outbound.history.copies
        watch = partial(WatchedQueue, context)
        dead_letter_queue = partial(watch, in_flight_limit=settings.in_flight_limit)
        self.dead_letters = dead_letter_queue(
            came=lambda message: history.comes(DEAD_LETTERS, body_of(message)),
            gone=self._dead_letter_gone(lambda message: history.goes(DEAD_LETTERS, body_of(message)), history.about),
        )
        self.queue = watch(
            came=self._sent(lambda message: history.comes(QUEUE, body_of(message))),
            gone=lambda message: history.goes(QUEUE, body_of(message)),
            visibility_timeout=settings.visibility_timeout,
            max_receives=settings.max_receives,
            dead_letters=self.dead_letters,
        )
        self.outbound_dead_letters = dead_letter_queue(
            came=copies.dies, gone=self._dead_letter_gone(copies.goes, copies.about)
        )
        self.outbound_queue = watch(
            came=self._sent(copies.comes, copies.name),
            gone=copies.goes,
            visibility_timeout=settings.visibility_timeout,
            max_receives=outbound.max_receives,
            dead_letters=self.outbound_dead_letters,
        )
        self.bucket = Bucket(partial(history.comes, SPOOL), partial(history.goes, SPOOL))
        self.journal = Table(keys=("service_request_id", "event_id"), written=history.journal_written)
        self.state = Table(
            keys=("service_request_id",), index_keys=("request_status", "last_updated"), written=self._state_written
        )
        self.unpublished = dead_letter_queue(
            came=self._sent_to_dead_letters,
            gone=self._dead_letter_gone(self.publication.taken_away, self.publication.about),
        )
        self.sqs = SQS(
            {
                QUEUE: self.queue,
                DEAD_LETTERS: self.dead_letters,
                UNPUBLISHED: self.unpublished,
                OUTBOUND: self.outbound_queue,
                OUTBOUND_DEAD_LETTERS: self.outbound_dead_letters,
            },
            clock=lambda: context.now,
            epoch=START_EPOCH_SECONDS,
            random=context.random,
        )
        self.dynamodb = _WatchedDynamoDB(
            {EVENTS: self.journal, SERVICE_REQUESTS: self.state, COMMANDS: outbound.command_log}, self._touched
        )
        self.expired: Callable[[str], None] = lambda _service_request_id: None
        self.changed: Changed = lambda _key, _old, _new: None
        self._outbound = outbound
        self.models = {
            **outbound.models,
            "sqs": self.sqs,
            "dynamodb": self.dynamodb,
            "s3": S3({SPOOL: self.bucket}),
            "events": EventBridge({BUS}, taken=self._taken, refuses=self._refuses),
        }

    def is_empty(self) -> bool:
        """Whether no webhook is on its way any more; the dead letters wait for somebody."""
        return not len(self.queue) and not self.bucket.objects

    def lose(self, *, only_data: bool) -> str | None:
        """Remove an item, or its data, that was not written for a while; answers its service request."""
        since = timestamp_at(self._context.now - _UNTOUCHED_SECONDS)
        untouched = sorted(key for key, item in self.state.items.items() if item["updated_at"]["S"] < since)
        if not untouched:
            return None
        key = self._context.random.choice(untouched)
        old = self.state.items.pop(key)
        new = {name: value for name, value in old.items() if name not in _DATA_REGISTER} if only_data else None
        if new:
            self.state.items[key] = new
            self.publication.changed(old, new)
        self.changed(key, old, new)
        return key[0]

    def dead_letter_queues(self) -> list[WatchedQueue]:
        """Name the queues in which messages wait for an operator."""
        return [self.dead_letters, self.outbound_dead_letters, self.unpublished]

    def _asking(
        self, ask: Callable[[Run, QueuedMessage], None], note: Callable[[QueuedMessage], None]
    ) -> Callable[[QueuedMessage], None]:
        """Note a message that comes or goes; if a redrive moves it, ask first whether it may."""

        def noted(message: QueuedMessage) -> None:
            run = self._redrive()
            if run:
                ask(run, message)
            note(message)

        return noted

    def _sent(
        self, came: Callable[[QueuedMessage], None], name: Callable[[QueuedMessage], str] = lambda _message: ""
    ) -> Callable[[QueuedMessage], None]:
        return self._asking(lambda run, message: self.redrives.sends(run, name(message)), came)

    def _dead_letter_gone(
        self, gone: Callable[[QueuedMessage], None], about: Callable[[QueuedMessage], Mapping[str, str]]
    ) -> Callable[[QueuedMessage], None]:
        return self._asking(lambda run, message: self.redrives.takes(run, about(message)), gone)

    def _redrive(self) -> Run | None:
        """Say which redrive's turn it is; None if it is another function's."""
        process = self._context.scheduler.process
        if not isinstance(process, Container) or process.function.name != "redrive":
            return None
        return Run(process.request_id, process.event)

    def _taken(self, bus: str, detail_type: str, detail: Any) -> None:
        run = self._redrive()
        if run:
            self.redrives.sends(run)
        if detail_type.startswith("Command"):
            self._outbound.history.reported(detail_type, detail)
        else:
            self.publication.published(bus, detail_type, detail)

    def _refuses(self, detail_type: str, detail: Any) -> str:
        """Say with which of the codes that pass the bus refuses an event; with none, mostly."""
        if not self._context.strikes(EVENT_REFUSED):
            return ""
        if not detail_type.startswith("Command") and not self._redrive():
            self.publication.refused(detail_type, detail)
        return self._context.random.choice(("InternalFailure", "ThrottlingException"))

    def _sent_to_dead_letters(self, message: QueuedMessage) -> None:
        process = self._context.scheduler.process
        is_untroubled = isinstance(process, Container) and not process.is_troubled
        has_time = isinstance(process, Container) and process.seconds_left() > _TIME_TO_ASK_AGAIN
        self.publication.sent_to_dead_letters(message, could_ask_again=is_untroubled and has_time)

    def _state_written(self, key: Key, old: Item | None, new: Item) -> None:
        self._history.state_written(key, old, new)
        self.publication.changed(old, new)
        self.changed(key, old, new)
        if "expires_at" in new:
            due = float(new["expires_at"]["N"]) - START_EPOCH_SECONDS
            delay = self._context.chance(self._context.settings.expiry_delay)
            self._context.at(max(due, self._context.now) + delay, partial(self._expire, key))

    def _touched(self, table: str, attributes: Item) -> None:
        if table != SERVICE_REQUESTS:
            return
        key = self.state.key_of(attributes)
        item = self.state.items.get(key, {})
        is_due = "expires_at" in item and float(item["expires_at"]["N"]) <= START_EPOCH_SECONDS + self._context.now
        if is_due and self._context.strikes(faults.EXPIRED_BETWEEN_CALLS):
            self._context.after(self._context.chance(2 * self._context.settings.latency), partial(self._expire, key))

    def _expire(self, key: Key) -> None:
        item = self.dynamodb.expire(SERVICE_REQUESTS, key, now=self._context.now + START_EPOCH_SECONDS)
        if item:
            self._context.faults.count(faults.EXPIRED_ITEM)
            self._history.item_expired(key[0], item)
            self.changed(key, item, None)
            self.expired(key[0])
