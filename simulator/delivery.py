"""How webhooks are delivered: three attempts, 10 seconds for an answer, any 2xx is success.

Rules: VectorCare Open API 2.0, "Webhooks > Overview". Whether a redelivery is tried more than once is not documented:
here it is not.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from sched import scheduler
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from simulator.chaos import HELD_SECONDS, Chaos, DeliveryFault
from simulator.clock import Clock
from simulator.history import History, Reason, Shipment, WebhookCall
from simulator.sender import GIVES_UP_AFTER, VectorCare
from simulator.webhook import Webhook
from simulator.worker_pool import WorkerPool

if TYPE_CHECKING:
    from pathlib import Path

MOST_WEBHOOKS = 2
RETRY_SECONDS = (8.0, 64.0)
"""After the first attempt, and after the second; each up to a tenth more or less."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LINGER = 2.0  # real seconds at the end for calls that are being made


class Delivery:
    """Delivers webhooks to the registered URLs; a change of its public attributes counts for later calls."""

    def __init__(self, *, private_key: RSAPrivateKey, clock: Clock, random: Random) -> None:
        self.private_key = private_key
        self.gives_up_after = GIVES_UP_AFTER  # real seconds, at any speed of the clock
        self.chaos = Chaos()
        self.certificate_file: Path | None = None  # to trust if a URL's certificate is self-signed
        self._requested_fault: DeliveryFault | None = None
        self._clock, self._random = clock, random
        self._history = History()
        self._pools: dict[str, WorkerPool] = {}
        self._pending: dict[int, Shipment] = {}
        self._held: dict[tuple[str, str], Shipment] = {}
        self._scheduler = scheduler(clock.now)
        self._calling = 0
        self._call_ids = count(1)
        self._is_ending = False
        self._changed = threading.Condition(threading.RLock())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def urls(self) -> list[str]:
        with self._changed:
            return list(self._pools)

    def register(self, urls: Sequence[str]) -> None:
        """Send webhooks to these URLs from now on; what waits for another URL is given up.

        Raises
        ------
        ValueError
            There are more than two, or one is not a URL that VectorCare sends to.
        """
        check_webhooks(urls)
        with self._changed:
            for url in self._pools.keys() - set(urls):
                self._pools.pop(url).end()
            for url in urls:
                if url not in self._pools:
                    self._pools[url] = WorkerPool(self._call)

    def publish(self, webhook: Webhook) -> None:
        """Deliver a webhook to every registered URL."""
        with self._changed:
            self._history.counts.events += 1
            for url in self._pools:
                fault = self._requested_fault or self.chaos.draw(self._random)
                dated = replace(webhook, event_timestamp=webhook.event_timestamp + timedelta(seconds=fault.dated_ahead))
                self._ship(Shipment(dated, dated.body, url, fault))

    @contextmanager
    def injecting(self, fault: DeliveryFault | None) -> Iterator[None]:
        """Inject this fault into everything that is published in the block; None leaves it to the chaos settings."""
        with self._changed:
            self._requested_fault = fault
            try:
                yield
            finally:
                self._requested_fault = None

    def redeliver(self, call_id: int) -> None:
        """Repeat a call, once, with the same body, signed with the current key.

        Raises
        ------
        KeyError
            There is no such call.
        ValueError
            Its URL is not registered any more, or its webhook is on its way.
        """
        with self._changed:
            shipment = self._history[call_id].shipment
            if shipment.url not in self._pools:
                raise ValueError("The webhook's URL is not registered any more.")
            if id(shipment) in self._pending:
                raise ValueError("The webhook is on its way already.")
            self._schedule(shipment, 0, Reason.REDELIVERY)

    def history(self, limit: int, service_request_id: str | None = None) -> dict[str, Any]:
        """List calls, newest first; what is still on its way; and the counts of all calls."""
        with self._changed:
            pending = self.pending()
            calls = [call.describe() for call in self._history.last(limit, service_request_id)]
            counts = {**asdict(self._history.counts), "pending": len(pending)}
            return {"counts": counts, "pending": pending, "calls": calls}

    def pending(self) -> list[dict[str, Any]]:
        """List everything that is on its way, the next first."""
        with self._changed:
            now = self._clock.now()
            return [
                {
                    **shipment.describe(),
                    "attempts_made": shipment.attempts,
                    "reason": shipment.reason,
                    "due_in_seconds": round(max(0.0, shipment.due - now), 1),
                }
                for shipment in sorted(self._pending.values(), key=lambda shipment: shipment.due)
            ]

    def reseed(self, seed: int) -> None:
        """Restart the chaos settings' decisions from a seed."""
        with self._changed:
            self._random.seed(seed)

    def on_clock_change(self) -> None:
        """Look at the clock again, whose speed has changed."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Begin no further call, and give those being made 2 seconds; what is left stays in `pending`."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
            end = time.monotonic() + _LINGER
            while self._calling and time.monotonic() < end:
                self._changed.wait(end - time.monotonic())
            for pool in self._pools.values():
                pool.end()
        self._thread.join()

    def _ship(self, shipment: Shipment) -> None:
        self._history.counts.shipments += 1
        if shipment.fault.is_held and shipment.place not in self._held:
            self._held[shipment.place] = shipment
            self._schedule(shipment, HELD_SECONDS, Reason.EVENT)
        else:
            self._schedule(shipment, shipment.fault.delay, Reason.EVENT)

    def _schedule(self, shipment: Shipment, delay: float, reason: Reason) -> None:
        shipment.reason = reason
        shipment.due = self._clock.now() + delay
        shipment.planned = self._scheduler.enterabs(shipment.due, 0, self._begin, (shipment,))
        self._pending[id(shipment)] = shipment
        self._changed.notify_all()

    def _run(self) -> None:
        with self._changed:
            while not self._is_ending:
                wait = self._scheduler.run(blocking=False)
                self._changed.wait(None if wait is None else self._clock.real(wait))

    def _begin(self, shipment: Shipment) -> None:
        shipment.planned = None
        if self._held.get(shipment.place) is shipment:
            del self._held[shipment.place]
        pool = self._pools.get(shipment.url)
        if pool is None:
            self._finish(shipment, datetime.now(UTC), None, "webhook_removed", 0.0)
            return
        if shipment.reason is Reason.RESTAMPED and not shipment.attempts:
            shipment.webhook = replace(shipment.webhook, event_timestamp=datetime.now(UTC))
            shipment.body = shipment.webhook.body
        if shipment.reason.is_retried:
            shipment.attempts += 1
        pool.put(shipment)

    def _call(self, shipment: Shipment) -> None:
        """Make one call, in a thread of the pool."""
        with self._changed:
            if self._is_ending:
                return
            self._calling += 1
            gives_up_after = self.gives_up_after
            sender = VectorCare(
                webhook_url=shipment.url,
                private_key=self.private_key,
                certificate_file=self.certificate_file,
                gives_up_after=gives_up_after,
            )
        at, begin, status, error = datetime.now(UTC), time.monotonic(), None, None
        try:
            status = sender.send(shipment.body).status
        except requests.Timeout:
            error = "timeout"
        except (requests.RequestException, ValueError):  # ValueError: the URL's host is not a legal name
            error = "unreachable"
        seconds = time.monotonic() - begin
        if seconds > gives_up_after:  # `requests` does not time out while an answer arrives in small pieces
            status, error = None, "timeout"
        with self._changed:
            self._calling -= 1
            self._finish(shipment, at, status, error, seconds)

    def _finish(self, shipment: Shipment, at: datetime, status: int | None, error: str | None, seconds: float) -> None:
        call = WebhookCall(
            next(self._call_ids), shipment, at, shipment.attempts, shipment.reason, status, error, seconds
        )
        self._history.add(call)
        del self._pending[id(shipment)]
        if call.is_success:
            self._succeed(shipment)
        else:
            self._fail(shipment, is_final=error == "webhook_removed")
        self._release(shipment)
        self._changed.notify_all()

    def _succeed(self, shipment: Shipment) -> None:
        if shipment.is_acknowledged:
            return
        self._history.settle(shipment, is_acknowledged=True)
        if shipment.fault.restamp_after is not None:
            restamped = Shipment(shipment.webhook, shipment.body, shipment.url, DeliveryFault())
            self._history.counts.shipments += 1
            self._schedule(restamped, shipment.fault.restamp_after, Reason.RESTAMPED)
        if shipment.fault.repeat_after is not None:
            self._schedule(shipment, shipment.fault.repeat_after, Reason.DUPLICATE)

    def _fail(self, shipment: Shipment, *, is_final: bool) -> None:
        if shipment.reason.is_retried and shipment.attempts <= len(RETRY_SECONDS) and not is_final:
            delay = RETRY_SECONDS[shipment.attempts - 1] * self._random.uniform(0.9, 1.1)
            self._schedule(shipment, delay, shipment.reason)
        elif not shipment.is_acknowledged:
            self._history.settle(shipment, is_acknowledged=False)

    def _release(self, shipment: Shipment) -> None:
        """Send the webhook that this one has overtaken."""
        held = self._held.get(shipment.place)
        if held is not None and held.planned and held.webhook.event_id < shipment.webhook.event_id:
            del self._held[shipment.place]
            self._scheduler.cancel(held.planned)
            self._schedule(held, 0, Reason.EVENT)


def check_webhooks(urls: Sequence[str]) -> None:
    """Check URLs as VectorCare's settings do; plain HTTP is allowed only on this machine.

    Raises
    ------
    ValueError
        There are more than two, or one is not a URL that VectorCare sends to.
    """
    if len(set(urls)) != len(urls) or len(urls) > MOST_WEBHOOKS:
        raise ValueError(f"At most {MOST_WEBHOOKS} different webhooks can be active.")
    for url in urls:
        parts = urlsplit(url)
        is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not parts.hostname or not (is_local or parts.scheme == "https"):
            raise ValueError("A webhook's URL begins with https://; http:// is allowed on this machine alone.")
