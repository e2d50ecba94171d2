"""What is sent: signed webhooks of a few hundred service requests, out of order, some of them more than once."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

import simulator
from simulator import Webhook

_WEBHOOKS_PER_SERVICE_REQUEST = 30
_REPEATED_SHARE = 0.05
_EVENTS_PER_SECOND = 3  # some of one service request share their second, so that the event's id decides
_STATUSES = ("AVAILABLE", "ASSIGNED", "ASSIGNED", "COMPLETED", "UNAVAILABLE")


@dataclass(frozen=True)
class LoadEvent:
    """One webhook as it goes over the wire, with what is true of it.

    Attributes
    ----------
    service_request_id, event_id, request_status, action : str
        What its envelope says.
    last_updated : datetime
        Its envelope's time, in UTC.
    body : bytes
        What is signed.
    signature : str
        Of these bytes.
    """

    service_request_id: str
    event_id: str
    request_status: str
    action: str
    last_updated: datetime
    body: bytes
    signature: str

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the body in hex."""
        return sha256(self.body).hexdigest()

    @property
    def rank(self) -> tuple[datetime, str]:
        """The place in the order of its service request's events; the greater is the newer."""
        return self.last_updated, self.event_id

    @property
    def has_data(self) -> bool:
        """Whether it carries the service request."""
        return self.request_status != "UNAVAILABLE"

    def data(self) -> Any:
        """Return what it carries, numbers as DynamoDB gives them back."""
        return json.loads(self.body, parse_float=Decimal)["data"]


def make(count: int, private_key: RSAPrivateKey, rng: random.Random) -> list[LoadEvent]:
    """Make the webhooks of one run in the order in which they are sent; a repeated one is there several times.

    Parameters
    ----------
    count : int
        How many are sent in all.
    private_key : RSAPrivateKey
        Signs them.
    rng : random.Random
        Shuffles.
    """
    names = [simulator.new_service_request_id() for _ in range(max(1, count // _WEBHOOKS_PER_SERVICE_REQUEST))]
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    repeats = int(count * _REPEATED_SHARE)
    events = [
        _make(names[number % len(names)], number // len(names), begin, private_key, rng)
        for number in range(count - repeats)
    ]
    sendings = events + rng.choices(events, k=repeats)
    rng.shuffle(sendings)
    return sendings


def newest(events: Sequence[LoadEvent]) -> tuple[LoadEvent, LoadEvent | None]:
    """Find the newest of a service request's events, and the newest that carries data."""
    ordered = sorted(events, key=lambda event: event.rank)
    with_data = [event for event in ordered if event.has_data]
    return ordered[-1], with_data[-1] if with_data else None


def _make(name: str, step: int, begin: datetime, private_key: RSAPrivateKey, rng: random.Random) -> LoadEvent:
    at = begin + timedelta(seconds=step // _EVENTS_PER_SECOND)
    status = rng.choice(_STATUSES)
    webhook = Webhook(
        event_id=simulator.new_event_id(at),
        event_timestamp=at,
        service_request_id=name,
        request_status=status,
        action=f"STEP_{step}",
        data=None if status == "UNAVAILABLE" else simulator.trip(name, pickup=at + timedelta(hours=step % 48)),
    )
    body = webhook.body
    return LoadEvent(
        service_request_id=name,
        event_id=webhook.event_id,
        request_status=status,
        action=webhook.action,
        last_updated=at,
        body=body,
        signature=simulator.sign(body, private_key),
    )
