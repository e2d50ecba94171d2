"""One SQS queue: what is visible, what is in flight, what has been received too often."""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

IN_FLIGHT_LIMIT = 120_000


@dataclass(slots=True, eq=False)
class QueuedMessage:
    """A message; `sent_at` and `visible_at` in seconds on the simulation's clock."""

    id: str
    body: str
    attributes: dict[str, dict[str, Any]]
    sent_at: float
    visible_at: float = 0.0
    receives: int = 0
    receipt_handle: str = ""
    is_ready: bool = False


class QueueModel:
    """A standard queue, in which `in_flight_limit` messages may be hidden at a time.

    After `max_receives` a message is moved to the dead-letter queue instead of being received once more. A receipt
    handle that is not the message's last one still works with the likelihood `old_handles_work`: SQS promises nothing.
    `came` and `gone` take each message that does so, `visible` when the next one is.
    """

    def __init__(
        self,
        *,
        visibility_timeout: int = 30,
        max_receives: int | None = None,
        dead_letters: "QueueModel | None" = None,
        in_flight_limit: int = IN_FLIGHT_LIMIT,
        old_handles_work: float = 1.0,
        came: Callable[[QueuedMessage], None] = lambda _message: None,
        gone: Callable[[QueuedMessage], None] = lambda _message: None,
    ) -> None:
        self.visible: Callable[[float], None] = lambda _at: None
        self._came = came
        self._gone = gone
        self.visibility_timeout = visibility_timeout
        self.old_handles_work = old_handles_work
        self._max_receives = max_receives
        self._dead_letters = dead_letters
        self._in_flight_limit = in_flight_limit
        self._messages: dict[str, QueuedMessage] = {}
        self._hidden: list[tuple[float, int, QueuedMessage]] = []
        self._ready: list[QueuedMessage] = []
        self._by_handle: dict[str, QueuedMessage] = {}
        self._serial = count()

    def __len__(self) -> int:
        return len(self._messages)

    def __contains__(self, message: QueuedMessage) -> bool:
        return message.id in self._messages

    def messages(self) -> list[QueuedMessage]:
        return list(self._messages.values())

    def add(self, message: QueuedMessage, *, now: float) -> None:
        self._messages[message.id] = message
        self._came(message)
        self.hide(message, 0, now=now)

    def remove(self, message: QueuedMessage) -> None:
        """Delete a message; no matter if it is gone already."""
        if self._messages.pop(message.id, None):
            self._gone(message)

    def hide(self, message: QueuedMessage, seconds: float, *, now: float) -> None:
        """Make a message visible so many seconds from now, and not before."""
        message.visible_at = now + seconds
        heappush(self._hidden, (message.visible_at, next(self._serial), message))
        self.visible(message.visible_at)

    def receive(self, maximum: int, visibility_timeout: float, *, now: float, random: Random) -> list[QueuedMessage]:
        """Receive visible messages, any of them, in any order."""
        self._promote(now)
        received: list[QueuedMessage] = []
        while self._ready and len(received) < maximum:
            message = self._take_any(random)
            if not self._is_visible(message, now):
                continue
            if self._has_died(message):
                self._bury(message, now=now)
                continue
            message.receives += 1
            message.receipt_handle = f"{message.id}/{next(self._serial)}"
            self._by_handle[message.receipt_handle] = message
            self.hide(message, visibility_timeout, now=now)
            received.append(message)
        return received

    def received_as(self, receipt_handle: str) -> QueuedMessage | None:
        """Find the message that was once received under a handle, deleted or not."""
        return self._by_handle.get(receipt_handle)

    def count_visible(self, now: float) -> int:
        return sum(message.visible_at <= now for message in self._messages.values())

    def is_full(self, now: float) -> bool:
        """Whether so many messages are hidden that none can be received."""
        if len(self) < self._in_flight_limit:
            return False
        return len(self) - self.count_visible(now) >= self._in_flight_limit

    def _promote(self, now: float) -> None:
        while self._hidden and self._hidden[0][0] <= now:
            _, _, message = heappop(self._hidden)
            if not message.is_ready and self._is_visible(message, now):
                message.is_ready = True
                self._ready.append(message)

    def _take_any(self, random: Random) -> QueuedMessage:
        index = int(random.random() * len(self._ready))
        self._ready[index], self._ready[-1] = self._ready[-1], self._ready[index]
        message = self._ready.pop()
        message.is_ready = False
        return message

    def _is_visible(self, message: QueuedMessage, now: float) -> bool:
        return message.visible_at <= now and message in self

    def _has_died(self, message: QueuedMessage) -> bool:
        return self._max_receives is not None and message.receives >= self._max_receives

    def _bury(self, message: QueuedMessage, *, now: float) -> None:
        """Move a message to the dead-letter queue; it keeps its id, attributes and age."""
        if self._dead_letters is None:
            raise ValueError("a queue with max_receives needs a dead-letter queue")
        self._messages.pop(message.id)
        self._dead_letters.add(message, now=now)
        self._gone(message)
