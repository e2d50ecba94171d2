"""The Webhook Call History: every call that was made, the last of them to be redelivered, and what they came to."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from simulator.chaos import Fault
from simulator.webhook import Webhook, iso

KEPT_CALLS = 5000


class Reason(StrEnum):
    """Why a call is made."""

    EVENT = "event"
    RESTAMPED = "restamped"
    DUPLICATE = "duplicate"
    REDELIVERY = "redelivery"

    @property
    def is_tried_again(self) -> bool:
        """Say whether a call that failed is made again."""
        return self in (Reason.EVENT, Reason.RESTAMPED)


@dataclass(eq=False)
class Shipment:
    """One webhook on its way to one URL.

    Attributes
    ----------
    webhook : Webhook
        What happened.
    body : bytes
        As it goes over the wire; each call is signed anew.
    url : str
        Where it goes.
    fate : Fate
        What befalls it on the way.
    attempts : int
        How often VectorCare has tried by itself.
    is_acknowledged, is_given_up : bool
        It was taken at least once; or three attempts failed, and no redelivery has mended that.
    due : float
        When it is tried next, by the delivery's clock.
    reason : Reason
        Why it is tried next.
    turn : int
        Tells the plan that is valid from earlier ones.
    """

    webhook: Webhook
    body: bytes
    url: str
    fate: Fault
    attempts: int = 0
    is_acknowledged: bool = False
    is_given_up: bool = False
    due: float = 0.0
    reason: Reason = Reason.EVENT
    turn: int = 0

    def describe(self) -> dict[str, Any]:
        """Name the webhook, without its data and without the URL's query, which holds an identifier."""
        return {
            "event_id": self.webhook.event_id,
            "service_request_id": self.webhook.service_request_id,
            "request_status": self.webhook.request_status,
            "action": self.webhook.action,
            "url": urlunsplit(urlsplit(self.url)._replace(query="")),
        }


@dataclass(frozen=True, kw_only=True)
class WebhookCall:
    """One call that was made.

    Attributes
    ----------
    call_id : int
        Its number.
    shipment : Shipment
        What was sent where.
    at : datetime
        When it began, in UTC.
    attempt : int
        1 to 3; of a duplicate or a redelivery, how many attempts came before.
    reason : Reason
        Why it was made.
    status : int or None
        What was answered.
    error : str or None
        `timeout`, `unreachable`, or `webhook_removed`, where nothing was.
    seconds : float
        How long it took.
    """

    call_id: int
    shipment: Shipment
    at: datetime
    attempt: int
    reason: Reason
    status: int | None
    error: str | None
    seconds: float

    @property
    def is_success(self) -> bool:
        """Say whether the webhook was taken: any 2xx."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 as it says

    def describe(self) -> dict[str, Any]:
        """Tell of the call, without any data."""
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
    """What all calls came to, however many of them are still kept.

    Attributes
    ----------
    events : int
        Changes of service requests.
    shipments : int
        Webhooks of these, one for each URL, and one more for each that was dated anew: bodies that differ.
    acknowledged, given_up : int
        How many of them were taken, and how many were not.
    calls : int
        How often it was tried.
    """

    events: int = 0
    shipments: int = 0
    acknowledged: int = 0
    given_up: int = 0
    calls: int = 0


@dataclass
class History:
    """The last calls; not safe for threads by itself."""

    counts: Counts = field(default_factory=Counts)
    _calls: OrderedDict[int, WebhookCall] = field(default_factory=OrderedDict)

    def add(self, call: WebhookCall) -> None:
        """Keep a call, and forget the oldest where there are too many."""
        self.counts.calls += 1
        self._calls[call.call_id] = call
        if len(self._calls) > KEPT_CALLS:
            self._calls.popitem(last=False)

    def settle(self, shipment: Shipment, *, is_acknowledged: bool) -> None:
        """Count how a shipment ended; a redelivery may mend what was given up."""
        if shipment.is_given_up:
            self.counts.given_up -= 1
        shipment.is_acknowledged, shipment.is_given_up = is_acknowledged, not is_acknowledged
        self.counts.acknowledged += is_acknowledged
        self.counts.given_up += not is_acknowledged

    def __getitem__(self, call_id: int) -> WebhookCall:
        """Give a call.

        Raises
        ------
        KeyError
            It was never made, or is forgotten.
        """
        return self._calls[call_id]

    def last(self, limit: int, service_request_id: str | None = None) -> Iterator[WebhookCall]:
        """Give calls, the newest first."""
        calls = reversed(self._calls.values())
        wanted = (call for call in calls if service_request_id in (None, call.shipment.webhook.service_request_id))
        return islice(wanted, limit)
