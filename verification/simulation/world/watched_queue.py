"""A queue that reports what comes and goes, and delivers some messages more often than it should."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from verification.simulation.models.queue import QueuedMessage, QueueModel
from verification.simulation.world import faults
from verification.simulation.world.run_context import RunContext

_LATEST_SECONDS = 600.0
_OLD_HANDLES_WORK = 0.5


class WatchedQueue(QueueModel):
    """A queue of the simulated world; it is made as any other."""

    def __init__(
        self,
        context: RunContext,
        *,
        gone: Callable[[QueuedMessage], None],
        **how: Any,
    ) -> None:
        super().__init__(old_handles_work=_OLD_HANDLES_WORK, gone=partial(self._left, gone), **how)
        self.resurfacing = 0
        self._context = context

    @property
    def settles_at(self) -> float:
        """When everything in it is visible; on the simulation's clock."""
        return max((message.visible_at for message in self.messages()), default=0.0)

    def _left(self, gone: Callable[[QueuedMessage], None], message: QueuedMessage) -> None:
        """Report a copy less; of some, SQS has kept another, which it delivers later."""
        gone(message)
        if self._context.strikes(faults.DELIVERED_DELETED):
            self.resurfacing += 1
            self._later(message, self._resurface)

    def hide(self, message: QueuedMessage, seconds: float, *, now: float) -> None:
        """Hide a message; some are delivered all the same."""
        super().hide(message, seconds, now=now)
        if seconds and self._context.strikes(faults.DELIVERED_TWICE):
            self._later(message, self._show)

    def add(self, message: QueuedMessage, *, now: float) -> None:
        """Take a message in; some are visible late."""
        super().add(message, now=now)
        if self._context.strikes(faults.VISIBLE_LATE):
            self.hide(message, self._context.chance(_LATEST_SECONDS), now=now)

    def _later(self, message: QueuedMessage, action: Callable[[QueuedMessage], None]) -> None:
        context = self._context
        context.after(context.random.random() ** 3 * _LATEST_SECONDS, partial(action, message))

    def _show(self, message: QueuedMessage) -> None:
        if message in self and message.visible_at > self._context.now:
            super().hide(message, 0, now=self._context.now)

    def _resurface(self, message: QueuedMessage) -> None:
        self.resurfacing -= 1
        if message not in self:
            # A copy: the message itself may be among the dead letters meanwhile, and is hidden there by other clocks.
            self.add(replace(message, is_ready=False), now=self._context.now)
