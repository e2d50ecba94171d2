"""The Webhook Call History: the last calls, which can be redelivered, and the counts of all calls."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from sched import Event
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from simulator.chaos import DeliveryFault
from simulator.webhook import Webhook, iso

KEPT_CALLS = 5000


class Reason(StrEnum):
    """Why a call is made."""

    EVENT = "event"
    RESTAMPED = "restamped"
    DUPLICATE = "duplicate"
    REDELIVERY = "redelivery"

    @property
    def is_retried(self) -> bool:
        """Whether a call that failed is made again."""
        return self in (Reason.EVENT, Reason.RESTAMPED)


@dataclass(eq=False)
class Shipment:
    """One webhook on its way to one URL."""

    webhook: Webhook
    body: bytes
    url: str
    fault: DeliveryFault
    attempts: int = 0  # as an event: redeliveries and duplicates do not count
    is_acknowledged: bool = False  # it was taken at least once
    is_given_up: bool = False  # three attempts failed, and no redelivery has succeeded since
    due: float = 0.0  # when it is tried next, by the delivery's clock
    reason: Reason = Reason.EVENT  # why it is tried next
    planned: Event | None = None  # the next attempt, until it begins

    @property
    def place(self) -> tuple[str, str]:
        """Within this, webhooks can overtake each other."""
        return self.webhook.service_request_id, self.url

    def describe(self) -> dict[str, Any]:
        """Name the webhook, without its data and without the URL's query, which holds an identifier."""
        return {
            "event_id": self.webhook.event_id,
            "service_request_id": self.webhook.service_request_id,
            "request_status": self.webhook.request_status,
            "action": self.webhook.action,
            "url": urlunsplit(urlsplit(self.url)._replace(query="")),
        }


@dataclass(frozen=True)
class WebhookCall:
    """One call that was made."""

    call_id: int
    shipment: Shipment
    at: datetime  # when it began, in UTC
    attempt: int  # 1 to 3; of a duplicate or a redelivery, how many attempts came before
    reason: Reason
    status: int | None  # HTTP's
    error: str | None  # `timeout`, `unreachable` or `webhook_removed`, if there was no answer
    seconds: float

    @property
    def is_success(self) -> bool:
        """Whether the webhook was taken: any 2xx."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 as it says

    def describe(self) -> dict[str, Any]:
        """Write the call as JSON has it, without any data."""
        return {
            "id": self.call_id,
            **self.shipment.describe(),
            "at": iso(self.at),
            "attempt": self.attempt,
            "reason": self.reason,
            "status": self.status,
            "error": self.error,
            "duration_ms": round(self.seconds * 1000),
        }


@dataclass
class Counts:
    """Counts of all calls, including those that are no longer kept."""

    events: int = 0  # changes of service requests
    shipments: int = 0  # webhooks, one for each URL, and one more for each restamped one: bodies that differ
    acknowledged: int = 0  # shipments that were taken
    given_up: int = 0  # shipments that were not
    calls: int = 0


@dataclass
class History:
    """The last calls; not thread-safe."""

    counts: Counts = field(default_factory=Counts)
    _calls: OrderedDict[int, WebhookCall] = field(default_factory=OrderedDict)

    def add(self, call: WebhookCall) -> None:
        """Keep a call, and forget the oldest if there are too many."""
        self.counts.calls += 1
        self._calls[call.call_id] = call
        if len(self._calls) > KEPT_CALLS:
            self._calls.popitem(last=False)

    def settle(self, shipment: Shipment, *, is_acknowledged: bool) -> None:
        """Count how a shipment ended; a redelivery may succeed after it was given up."""
        if shipment.is_given_up:
            self.counts.given_up -= 1
        shipment.is_acknowledged, shipment.is_given_up = is_acknowledged, not is_acknowledged
        self.counts.acknowledged += is_acknowledged
        self.counts.given_up += not is_acknowledged

    def __getitem__(self, call_id: int) -> WebhookCall:
        """Find a call; KeyError if it was never made or is forgotten."""
        return self._calls[call_id]

    def last(self, limit: int, service_request_id: str | None = None) -> Iterator[WebhookCall]:
        calls = reversed(self._calls.values())
        wanted = (call for call in calls if service_request_id in (None, call.shipment.webhook.service_request_id))
        return islice(wanted, limit)
