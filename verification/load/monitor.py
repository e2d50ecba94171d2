"""Looks at the stand every second: what waits where, and how much memory its processes have."""

import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from local.environment import LocalEnvironment
from vectorcare_bridge.edge.queue import queue_depth
from verification.load import workers
from verification.load.background import Background
from verification.load.workers import Worker

INTERVAL = 1.0
"""Seconds between two looks."""

_DIGEST_LENGTH = 64  # a spooled webhook's key ends in the SHA-256 of its body


@dataclass(frozen=True)
class Look:
    """What was seen at one time.

    Attributes
    ----------
    at : float
        Seconds since 1970.
    visible, hidden : int
        Messages on the queue that a worker may take, and those that are hidden.
    spooled : frozenset of str
        Digests of the webhooks in the spool.
    """

    at: float
    visible: int
    hidden: int
    spooled: frozenset[str]

    @property
    def is_quiet(self) -> bool:
        """Whether nothing waits anywhere."""
        return not (self.visible or self.hidden or self.spooled)


@dataclass
class Memory:
    """Resident memory over time: pairs of seconds since 1970 and bytes."""

    emulator: list[tuple[float, int]] = field(default_factory=list)
    workers: defaultdict[Worker, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))


class Monitor(Background):
    """Looks until it is stopped.

    Parameters
    ----------
    stand : LocalEnvironment
        At what.
    """

    def __init__(self, stand: LocalEnvironment) -> None:
        super().__init__()
        self.looks: list[Look] = []
        self.memory = Memory()
        self._stand = stand

    @property
    def latest(self) -> Look | None:
        """What was seen last."""
        return self.looks[-1] if self.looks else None

    def quiet_seconds(self) -> float:
        """For how long nothing has been waiting anywhere."""
        last = self.latest
        noisy = next((look.at for look in reversed(self.looks) if not look.is_quiet), None)
        if last is None or not last.is_quiet:
            return 0.0
        return last.at - (noisy if noisy is not None else self.looks[0].at)

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL):
            with suppress(BotoCoreError, ClientError):  # the next look makes up for it
                self.looks.append(self._look())
            self._weigh()

    def _look(self) -> Look:
        aws, outputs = self._stand.emulator.aws, self._stand.deployment.outputs
        spooled = [
            stored["Key"][-_DIGEST_LENGTH:]
            for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=outputs["SpoolBucket"])
            for stored in page.get("Contents", [])
        ]
        depth = queue_depth(aws.sqs, outputs["QueueUrl"])
        return Look(
            at=time.time(),
            visible=depth.visible,
            hidden=depth.in_flight,
            spooled=frozenset(spooled),
        )

    def _weigh(self) -> None:
        now, emulator = time.time(), self._stand.emulator.pid
        for worker in workers.find(self._stand):
            size = workers.memory(worker.pid)
            if size:
                self.memory.workers[worker].append((now, size))
        size = workers.memory(emulator) if emulator else None
        if size:
            self.memory.emulator.append((now, size))
