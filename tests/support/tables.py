"""Both tables in the simulation's model of DynamoDB, and a processor over them: fast enough for many examples."""

import itertools
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

from processor.process import Processor, ReceivedWebhook
from tests.support.cloud import InlineExecutor
from vectorcare_bridge.edge.dynamodb_item import to_attributes, to_item
from vectorcare_bridge.webhooks.fold import OrderBy, Rule
from vectorcare_bridge.webhooks.journal import Journal
from vectorcare_bridge.webhooks.message import Webhook
from vectorcare_bridge.webhooks.state import State
from verification.simulation.models import errors
from verification.simulation.models.dynamodb import DynamoDB, Table
from verification.simulation.world.client import Paginator

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from vectorcare_bridge.edge.queue import Queue

SERVICE_REQUEST = "VC-TEST0001"
RETENTION_DAYS = 365


@dataclass(frozen=True)
class Crash:
    """The function dies at the nth call of a batch, before or after it takes effect."""

    call: int
    after: bool


class CrashedError(BaseException):
    """The function's end: nothing after it runs."""


class Tables:
    """The tables, with one service request in them; and a client of them, which a function may die on."""

    exceptions = errors.Exceptions

    def __init__(self, order_by: OrderBy) -> None:
        self.model = DynamoDB(
            {"events": Table(("service_request_id", "event_id")), "states": Table(("service_request_id",))}
        )
        self.rule = Rule(order_by, RETENTION_DAYS)
        self.client = cast("DynamoDBClient", self)
        self._calls = itertools.count(1)
        self._crash: Crash | None = None
        self._processor = Processor(
            Journal(self.client, "events", retention_days=2555),
            State(self.client, "states", rule=self.rule),
            cast("Queue", mock.Mock()),
            rule=self.rule,
            executor=InlineExecutor(),
        )

    def __getattr__(self, operation: str) -> Any:
        return partial(self._call, getattr(self.model, operation))

    def get_paginator(self, operation: str) -> Paginator:
        return Paginator(getattr(self, operation))

    def _call(self, operation: Any, **parameters: Any) -> Any:
        number, crash = next(self._calls), self._crash
        if crash and (number > crash.call or (number == crash.call and not crash.after)):
            raise CrashedError
        answer = operation(**parameters)
        if crash and number == crash.call:
            raise CrashedError
        return answer

    def deliver(self, webhooks: Sequence[Webhook], crash: Crash | None = None) -> None:
        """Deliver a batch once; after a crash the rest of the invocation does not happen."""
        self._calls, self._crash = itertools.count(1), crash
        with suppress(CrashedError):
            self._processor.process([ReceivedWebhook("m", "r", 1, webhook) for webhook in webhooks])

    def journal(self) -> list[dict[str, Any]]:
        return [to_item(item) for item in self.model.tables["events"].items.values()]

    def state(self) -> dict[str, Any] | None:
        item = self.model.tables["states"].items.get((SERVICE_REQUEST,))
        return None if item is None else to_item(item)

    def overwrite(self, state: dict[str, Any] | None) -> None:
        """Write the item past the processor, or delete it."""
        self.model.tables["states"].items.pop((SERVICE_REQUEST,), None)
        if state is not None:
            self.model.put_item(TableName="states", Item=to_attributes(state))

    def expire(self, now: float) -> None:
        """Delete the item if it has expired, as DynamoDB's time to live does sooner or later."""
        self.model.expire("states", (SERVICE_REQUEST,), now=now)
