"""VectorCare's side: many clients, each webhook tried three times."""

import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import requests

from simulator import SIGNATURE_HEADER
from verification.load.plan import LoadEvent

PAUSES = (1.0, 2.0)
"""Seconds between the three attempts. VectorCare spreads its own over about 72 seconds; waiting proves nothing more."""

_STARTER_TICK = 0.05  # seconds


@dataclass
class Sent:
    """What became of the webhooks, as the clients saw it; an event that is sent again counts again.

    `accepted_at` says by event id when it was first answered 2xx, in seconds since 1970; `seconds`, how long each such
    attempt took. `failures` counts the other attempts by HTTP status or by the name of their error.
    """

    accepted_at: dict[str, float] = field(default_factory=dict)
    sent: int = 0
    accepted: int = 0
    attempts: int = 0
    seconds: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)


class WebhookClients:
    """Sends webhooks from several threads, as fast as they are answered or at a steady rate.

    `rate` is in webhooks per second, None as fast as the answers come; `gives_up_after` in seconds, for each attempt.
    """

    def __init__(
        self, url: str, events: Sequence[LoadEvent], *, count: int, rate: float | None, gives_up_after: float
    ) -> None:
        self.sent = Sent()
        self._url = url
        self._gives_up_after = gives_up_after
        self._events: queue.SimpleQueue[tuple[float, LoadEvent]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        begin = time.monotonic()
        for number, event in enumerate(events):
            self._events.put((begin + number / rate if rate else begin, event))
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        self._starter = threading.Thread(target=self._start_all, daemon=True)

    def start(self) -> None:
        """Begin to send, with one client more for each attempt that has ended, until all are at it.

        Each needs a worker of its own. On AWS those start side by side; here they share this machine, and all together
        they would not be ready before the clients' patience ends.
        """
        self._starter.start()

    @property
    def are_busy(self) -> bool:
        return any(thread.is_alive() for thread in (self._starter, *self._threads))

    def stop(self) -> None:
        """Send nothing more; what is under way still ends."""
        self._stopping.set()

    def _start_all(self) -> None:
        for started, thread in enumerate(self._threads):
            while self.sent.attempts < started and not self._stopping.wait(_STARTER_TICK):
                pass
            thread.start()

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False  # no proxy between this and loopback
            while not self._stopping.is_set():
                try:
                    at, event = self._events.get_nowait()
                except queue.Empty:
                    return
                if not self._stopping.wait(max(0.0, at - time.monotonic())):
                    self._send(session, event)

    def _send(self, session: requests.Session, event: LoadEvent) -> None:
        accepted = False
        for pause in (0.0, *PAUSES):
            if accepted or self._stopping.wait(pause):
                break
            begin = time.monotonic()
            failure = self._post(session, event)
            accepted = failure is None
            with self._lock:
                self.sent.attempts += 1
                if failure is None:
                    self.sent.seconds.append(time.monotonic() - begin)
                else:
                    self.sent.failures[failure] += 1
        with self._lock:
            self.sent.sent += 1
            self.sent.accepted += accepted
            if accepted:
                self.sent.accepted_at.setdefault(event.event_id, time.time())

    def _post(self, session: requests.Session, event: LoadEvent) -> str | None:
        """Deliver once; any 2xx is success, and anything else is named."""
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: event.signature}
        try:
            answer = session.post(self._url, data=event.body, headers=headers, timeout=self._gives_up_after)
        except requests.RequestException as error:
            return type(error).__name__
        return None if HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES else str(answer.status_code)
