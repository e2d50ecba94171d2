"""Looks at the local environment every second: what waits where, and how much memory its workers have."""

import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.environment import LocalEnvironment
from vectorcare_bridge.edge.queue import queue_depth
from verification.load import workers
from verification.load.background import Background

if TYPE_CHECKING:
    from verification.load.workers import FunctionWorker

INTERVAL = 1.0
"""Seconds between two looks."""


@dataclass(frozen=True)
class Look:
    """What was seen at one time, in seconds since 1970: messages visible and hidden on the queue, and the spool."""

    at: float
    visible: int
    hidden: int
    spooled: int

    @property
    def is_quiet(self) -> bool:
        return not (self.visible or self.hidden or self.spooled)


class Monitor(Background):
    """Looks until it is stopped; `memory` is each worker's resident bytes over time, in seconds since 1970."""

    def __init__(self, local: LocalEnvironment) -> None:
        super().__init__()
        self.looks: list[Look] = []
        self.memory: defaultdict[FunctionWorker, list[tuple[float, int]]] = defaultdict(list)
        self._local = local

    @property
    def latest(self) -> Look | None:
        return self.looks[-1] if self.looks else None

    def quiet_seconds(self) -> float:
        """For how long nothing has been waiting anywhere."""
        last = self.latest
        if last is None or not last.is_quiet:
            return 0.0
        return last.at - next((look.at for look in reversed(self.looks) if not look.is_quiet), self.looks[0].at)

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL):
            with suppress(BotoCoreError, ClientError):  # the next look makes up for it
                self.looks.append(self._look())
            for worker in workers.find(self._local):
                size = workers.memory(worker.pid)
                if size:
                    self.memory[worker].append((time.time(), size))

    def _look(self) -> Look:
        depth = queue_depth(self._local.emulator.aws.sqs, self._local.deployment.outputs["QueueUrl"])
        return Look(
            at=time.time(),
            visible=depth.visible,
            hidden=depth.in_flight,
            spooled=self._local.stack.spooled(),
        )
