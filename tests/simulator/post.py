"""A receiver of webhooks on loopback, and a delivery to it whose clock is fast."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from simulator import SIGNATURE_HEADER, Webhook, sample_webhook
from simulator.clock import Clock
from simulator.delivery import Delivery
from simulator.http_types import Request, Response
from simulator.server import serving
from tests.support.wait import PATIENCE, wait_until

SPEED = 500.0

STILL = 0.001
"""A speed at which nothing that waits 8 s or longer comes before any test is over."""


class MovedClock(Clock):
    """A clock that moves only if a test moves it."""

    def __init__(self) -> None:
        super().__init__(STILL)
        self.at = 0.0

    def now(self) -> float:
        return self.at


@dataclass(frozen=True)
class Received:
    """A webhook as it came, and when by the delivery's clock."""

    body: bytes
    signature: str
    at: float

    @property
    def content(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


class Receiver:
    """Answers with the statuses that it is given, and then 200."""

    def __init__(self, clock: Clock) -> None:
        self.received: list[Received] = []
        self.statuses: deque[int] = deque()
        self.is_stuck = threading.Event()
        self.is_freed = threading.Event()
        self.url = ""
        self._clock = clock

    def answer(self, request: Request) -> Response:
        self.received.append(Received(request.body, request.headers[SIGNATURE_HEADER.lower()], self._clock.now()))
        if self.is_stuck.is_set():
            self.is_freed.wait()
        status = self.statuses.popleft() if self.statuses else 200
        return Response(status, headers={"Location": self.url} if status in range(300, 400) else {})

    def await_count(self, count: int) -> None:
        wait_until(lambda: len(self.received), lambda number: number == count, what=f"{count} webhooks are received")


@contextmanager
def receiving(clock: Clock) -> Iterator[Receiver]:
    receiver = Receiver(clock)
    with serving(receiver) as url:
        receiver.url = f"{url}/webhook?customer_id=invented"
        yield receiver
        receiver.is_freed.set()


class Post:
    """A delivery, and what a test does with it."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.delivery = Delivery(private_key=make_key(), clock=clock, random=Random(1))
        self.delivery.gives_up_after = PATIENCE
        self._serial = 0

    def publish(self, name: str = "VC-TEST0001") -> Webhook:
        self._serial += 1
        at = datetime.fromtimestamp(1_800_000_000 + self._serial, UTC)
        webhook = sample_webhook(at=at, service_request_id=name, action="REQUEST_DATA_UPDATED")
        self.delivery.publish(webhook)
        return webhook

    def rest(self) -> dict[str, int]:
        """Wait until nothing is on its way; returns the counts of all calls."""
        wait_until(self.delivery.pending, lambda pending: not pending, what="nothing is on its way")
        return dict(self.delivery.history(0)["counts"])

    def await_calls(self, number: int) -> None:
        wait_until(self.calls, lambda calls: len(calls) == number, what=f"{number} calls are made")

    def calls(self) -> list[dict[str, Any]]:
        """List the calls, the oldest first."""
        return list(reversed(self.delivery.history(1000)["calls"]))


@cache
def make_key(number: int = 0) -> rsa.RSAPrivateKey:  # noqa: ARG001 distinguishes keys in the cache
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
