"""How webhooks are delivered: three attempts, 10 seconds for an answer, any 2xx is success.

Rules: VectorCare Open API 2.0, "Webhooks > Overview". Whether a redelivery is tried more than once is not documented:
here it is not.
"""

import heapq
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from simulator.chaos import HELD_SECONDS, Chaos, Fault
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
    """Delivers webhooks to the registered URLs.

    Parameters
    ----------
    private_key : RSAPrivateKey
        Signs each call.
    clock : Clock
        By which retries wait. An answer's 10 seconds are real ones.
    random : Random
        Decides on disorder, and on the retries' jitter.

    Attributes
    ----------
    private_key : RSAPrivateKey
        Signs each call from now on.
    disorder : Disorder
        What befalls webhooks from now on.
    certificate_file : Path or None
        What to trust where a URL's certificate is the stand's own.
    gives_up_after : float
        Real seconds that a call waits for its answer.
    """

    def __init__(self, *, private_key: RSAPrivateKey, clock: Clock, random: Random) -> None:
        self.private_key = private_key
        self.gives_up_after = GIVES_UP_AFTER
        self.disorder = Chaos()
        self._asked_fate: Fault | None = None
        self.certificate_file: Path | None = None
        self._clock, self._random = clock, random
        self._history = History()
        self._lanes: dict[str, WorkerPool] = {}
        # All that is not finished; when it is tried; who waits to be overtaken; how many calls are being made.
        self._open: dict[int, Shipment] = {}
        self._plan: list[tuple[float, int, Shipment]] = []
        self._held: dict[tuple[str, str], Shipment] = {}
        self._calling = 0
        self._turns, self._call_ids = count(1), count(1)
        self._is_ending = False
        self._changed = threading.Condition(threading.RLock())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def urls(self) -> list[str]:
        """Tell where webhooks are sent."""
        with self._changed:
            return list(self._lanes)

    def register(self, urls: Sequence[str]) -> None:
        """Send webhooks to these URLs from now on, and what waits for another nowhere.

        Raises
        ------
        ValueError
            There are more than two, or one is no URL that VectorCare sends to.
        """
        check_webhooks(urls)
        with self._changed:
            for url in self._lanes.keys() - set(urls):
                self._lanes.pop(url).end()
            for url in urls:
                if url not in self._lanes:
                    self._lanes[url] = WorkerPool(self._call)

    def publish(self, webhook: Webhook) -> None:
        """Deliver a webhook to every registered URL."""
        with self._changed:
            self._history.counts.events += 1
            for url in self._lanes:
                fate = self._asked_fate or self.disorder.draw(self._random)
                dated = replace(webhook, event_timestamp=webhook.event_timestamp + timedelta(seconds=fate.dated_ahead))
                self._ship(Shipment(dated, dated.body, url, fate))

    @contextmanager
    def befalling(self, fate: Fault | None) -> Iterator[None]:
        """Have this befall what is published while the block lasts; None leaves it to the disorder."""
        with self._changed:
            self._asked_fate = fate
            try:
                yield
            finally:
                self._asked_fate = None

    def redeliver(self, call_id: int) -> None:
        """Make a call again, once, with the same body, signed with the key of now.

        Raises
        ------
        KeyError
            There is no such call.
        ValueError
            Its URL is not registered any more, or its webhook is on its way.
        """
        with self._changed:
            shipment = self._history[call_id].shipment
            if shipment.url not in self._lanes:
                raise ValueError("The webhook's URL is not registered any more.")
            if id(shipment) in self._open:
                raise ValueError("The webhook is on its way already.")
            self._schedule(shipment, 0, Reason.REDELIVERY)

    def history(self, limit: int, service_request_id: str | None = None) -> dict[str, Any]:
        """Tell of calls, the newest first; of what is still on its way; and what all calls came to."""
        with self._changed:
            pending = self.pending()
            calls = [call.describe() for call in self._history.last(limit, service_request_id)]
            counts = {**asdict(self._history.counts), "pending": len(pending)}
            return {"counts": counts, "pending": pending, "calls": calls}

    def pending(self) -> list[dict[str, Any]]:
        """Tell of all that is on its way, the next first."""
        with self._changed:
            now = self._clock.now()
            return [
                {
                    **shipment.describe(),
                    "attempts_made": shipment.attempts,
                    "reason": shipment.reason,
                    "due_in_seconds": round(max(0.0, shipment.due - now), 1),
                }
                for shipment in sorted(self._open.values(), key=lambda shipment: shipment.due)
            ]

    def reseed(self, seed: int) -> None:
        """Begin the decisions on disorder anew."""
        with self._changed:
            self._random.seed(seed)

    def hurry(self) -> None:
        """Look at the clock anew, whose speed has changed."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Begin no call any more, and give those that are being made 2 seconds; what is left stays in `pending`."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
            end = time.monotonic() + _LINGER
            while self._calling and time.monotonic() < end:
                self._changed.wait(end - time.monotonic())
            for lane in self._lanes.values():
                lane.end()
        self._thread.join()

    def _ship(self, shipment: Shipment) -> None:
        self._history.counts.shipments += 1
        place = (shipment.webhook.service_request_id, shipment.url)
        if shipment.fate.is_held and place not in self._held:
            self._held[place] = shipment
            self._schedule(shipment, HELD_SECONDS, Reason.EVENT)
        else:
            self._schedule(shipment, shipment.fate.delay, Reason.EVENT)

    def _schedule(self, shipment: Shipment, delay: float, reason: Reason) -> None:
        shipment.due, shipment.reason, shipment.turn = self._clock.now() + delay, reason, next(self._turns)
        self._open[id(shipment)] = shipment
        heapq.heappush(self._plan, (shipment.due, shipment.turn, shipment))
        self._changed.notify_all()

    def _run(self) -> None:
        with self._changed:
            while not self._is_ending:
                wait = self._clock.real_seconds_until(self._plan[0][0]) if self._plan else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                _due, turn, shipment = heapq.heappop(self._plan)
                if turn == shipment.turn:  # else it was planned anew
                    self._begin(shipment)

    def _begin(self, shipment: Shipment) -> None:
        place = (shipment.webhook.service_request_id, shipment.url)
        if self._held.get(place) is shipment:
            del self._held[place]
        lane = self._lanes.get(shipment.url)
        if lane is None:
            self._finish(shipment, datetime.now(UTC), None, "webhook_removed", 0.0)
            return
        if shipment.reason is Reason.RESTAMPED and not shipment.attempts:
            shipment.webhook = replace(shipment.webhook, event_timestamp=datetime.now(UTC))
            shipment.body = shipment.webhook.body
        if shipment.reason.is_tried_again:
            shipment.attempts += 1
        lane.put(shipment)

    def _call(self, shipment: Shipment) -> None:
        """Make one call, in a thread of the lane's."""
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
        except (requests.RequestException, ValueError):  # the latter for a host that is no name
            error = "unreachable"
        seconds = time.monotonic() - begin
        if seconds > gives_up_after:  # an answer that came in drops
            status, error = None, "timeout"
        with self._changed:
            self._calling -= 1
            self._finish(shipment, at, status, error, seconds)

    def _finish(self, shipment: Shipment, at: datetime, status: int | None, error: str | None, seconds: float) -> None:
        call = WebhookCall(
            call_id=next(self._call_ids),
            shipment=shipment,
            at=at,
            attempt=shipment.attempts,
            reason=shipment.reason,
            status=status,
            error=error,
            seconds=seconds,
        )
        self._history.add(call)
        del self._open[id(shipment)]
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
        if shipment.fate.restamp_after is not None:
            again = Shipment(shipment.webhook, shipment.body, shipment.url, Fault())
            self._history.counts.shipments += 1
            self._schedule(again, shipment.fate.restamp_after, Reason.RESTAMPED)
        if shipment.fate.repeat_after is not None:
            self._schedule(shipment, shipment.fate.repeat_after, Reason.DUPLICATE)

    def _fail(self, shipment: Shipment, *, is_final: bool) -> None:
        if shipment.reason.is_tried_again and shipment.attempts <= len(RETRY_SECONDS) and not is_final:
            delay = RETRY_SECONDS[shipment.attempts - 1] * self._random.uniform(0.9, 1.1)
            self._schedule(shipment, delay, shipment.reason)
        elif not shipment.is_acknowledged:
            self._history.settle(shipment, is_acknowledged=False)

    def _release(self, shipment: Shipment) -> None:
        """Let go what waited for this one to overtake it."""
        place = (shipment.webhook.service_request_id, shipment.url)
        held = self._held.get(place)
        if held is not None and held.webhook.event_id < shipment.webhook.event_id:
            del self._held[place]
            self._schedule(held, 0, Reason.EVENT)


def check_webhooks(urls: Sequence[str]) -> None:
    """Check URLs as VectorCare's settings do; on this machine alone, plain HTTP will do.

    Raises
    ------
    ValueError
        There are more than two, or one is no URL that VectorCare sends to.
    """
    if len(set(urls)) != len(urls) or len(urls) > MOST_WEBHOOKS:
        raise ValueError(f"At most {MOST_WEBHOOKS} different webhooks can be active.")
    for url in urls:
        parts = urlsplit(url)
        is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not parts.hostname or not (is_local or parts.scheme == "https"):
            raise ValueError("A webhook's URL begins with https://; http:// is taken for this machine alone.")
