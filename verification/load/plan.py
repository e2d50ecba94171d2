"""What is sent: signed webhooks of a few hundred service requests, out of order, some of them more than once."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
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
    """One webhook, the bytes that go over the wire, and their signature."""

    webhook: Webhook
    body: bytes
    signature: str

    @property
    def event_id(self) -> str:
        return self.webhook.event_id

    @property
    def service_request_id(self) -> str:
        return self.webhook.service_request_id

    def data(self) -> Any:
        """Read what it carries, numbers as DynamoDB returns them."""
        return json.loads(self.body, parse_float=Decimal)["data"]


def make(count: int, private_key: RSAPrivateKey, rng: random.Random) -> list[LoadEvent]:
    """Make the webhooks of one run in the order in which they are sent, so many in all, repeated ones included."""
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
    ordered = sorted(events, key=lambda event: (event.webhook.event_timestamp, event.event_id))
    with_data = [event for event in ordered if event.webhook.data is not None]
    return ordered[-1], with_data[-1] if with_data else None


def _make(name: str, step: int, begin: datetime, private_key: RSAPrivateKey, rng: random.Random) -> LoadEvent:
    at = begin + timedelta(seconds=step // _EVENTS_PER_SECOND)
    webhook = simulator.sample_webhook(
        at=at,
        request_status=rng.choice(_STATUSES),
        action=f"STEP_{step}",
        service_request_id=name,
        pickup=at + timedelta(hours=step % 48),
    )
    body = webhook.body
    return LoadEvent(webhook, body, simulator.sign(body, private_key))
