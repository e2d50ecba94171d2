"""How long after its acceptance each webhook was applied, and whether the faults explain that."""

import bisect
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

from verification.load.clients import Sent
from verification.load.monitor import INTERVAL, Look
from verification.load.plan import LoadEvent

BATCH_SIZE = 10
WORK_SECONDS = 30.0
"""What one batch may take while calls are refused: three calls one after the other, of three attempts and 3 s each,
and the pauses between these."""

_LOST_BATCH = "failed processing SQS batch"  # the emulator's own words where a worker died over its batch


@dataclass
class Log:
    """What the functions and the emulator logged during a run.

    Attributes
    ----------
    completed_at : dict of str to float
        By event id: when the processor first said that it was done with it, in seconds since 1970.
    retried : dict of str to float
        By message id: the seconds for which it was given back, all times together.
    messages : dict of str to set of str
        The messages that carried an event.
    hidden_in_vain : int
        Messages that may have stayed hidden until the queue's visibility time-out: those of batches whose worker died,
        and those whose giving back was refused.
    """

    completed_at: dict[str, float] = field(default_factory=dict)
    retried: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    messages: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    hidden_in_vain: int = 0


@dataclass(frozen=True)
class Lateness:
    """Of all events that were accepted and applied.

    Attributes
    ----------
    seconds : list of float
        From acceptance to applied, sorted.
    beyond : float
        The longest of them beyond what backlog, spool, logged retries and visibility explain.
    retried : int
        Events that were given back at least once.
    debts : int
        How many visibility time-outs it takes to explain the rest.
    allowed_debts : int
        How many the log accounts for.
    unlogged : int
        Accepted events that no log line says are done.
    work_seconds : float
        What one batch may take.
    """

    seconds: list[float]
    beyond: float
    retried: int
    debts: int
    allowed_debts: int
    unlogged: int
    work_seconds: float

    @property
    def is_explained(self) -> bool:
        """Whether no webhook was later than the faults made it."""
        return self.beyond <= self.work_seconds and self.debts <= self.allowed_debts


def read(lines: Iterable[str]) -> Log:
    """Read the emulator's log, which holds the functions' lines too."""
    log = Log()
    for line in lines:
        if _LOST_BATCH in line:
            log.hidden_in_vain += BATCH_SIZE
        elif line.startswith("{"):
            _read_line(log, line)
    return log


def measure(
    events: Sequence[LoadEvent],
    sent: Sent,
    log: Log,
    looks: Sequence[Look],
    *,
    visibility_timeout: float,
    work_seconds: float = WORK_SECONDS,
) -> Lateness:
    """Explain how late each event was.

    An event may wait while messages wait visibly on the queue (as many as the workers are behind), while it lies in the
    spool, and for as long as the processor gave its message back. What is left beyond one batch's work must be whole
    visibility time-outs, and no more of them than batches were lost: each hides at most ten messages once.

    Parameters
    ----------
    events : sequence of Event
        All that was sent.
    sent : Sent
        When they were accepted.
    log : Log
        When they were done.
    looks : sequence of Look
        What waited where meanwhile.
    visibility_timeout : float
        The queue's, in seconds.
    work_seconds : float
        What one batch may take.
    """
    done = {event.event_id: event for event in events if event.event_id in sent.accepted_at.keys() & log.completed_at}
    waits = _Waits(looks)
    seconds, debts, beyond, retried = [], 0, 0.0, 0
    for name, event in done.items():
        begin, end = sent.accepted_at[name], log.completed_at[name]
        given_back = max(
            (log.retried[message] for message in log.messages[name] if message in log.retried), default=0.0
        )
        rest = end - begin - waits.explained(event.digest, begin, end) - given_back
        owed = max(0, math.ceil((rest - work_seconds) / visibility_timeout))
        seconds.append(max(0.0, end - begin))
        retried += given_back > 0
        debts += owed
        beyond = max(beyond, rest - owed * visibility_timeout)
    return Lateness(
        seconds=sorted(seconds),
        beyond=beyond,
        retried=retried,
        debts=debts,
        allowed_debts=log.hidden_in_vain,
        unlogged=len(sent.accepted_at) - len(done),
        work_seconds=work_seconds,
    )


class _Waits:
    """For how long something waited, as the looks at the stand saw it."""

    def __init__(self, looks: Sequence[Look]) -> None:
        self._times = [look.at for look in looks]
        gaps = [
            now - before
            for before, now in zip([at - INTERVAL for at in self._times[:1]] + self._times, self._times, strict=False)
        ]
        self._behind = list(
            accumulate((gap * bool(look.visible) for gap, look in zip(gaps, looks, strict=True)), initial=0.0)
        )
        self._spooled: defaultdict[str, float] = defaultdict(float)
        for gap, look in zip(gaps, looks, strict=True):
            for digest in look.spooled:
                self._spooled[digest] += gap

    def explained(self, digest: str, begin: float, end: float) -> float:
        first, last = bisect.bisect_left(self._times, begin), bisect.bisect_right(self._times, end)
        # Seen once it may have lain there for an interval before and one behind.
        spooled = self._spooled[digest] + 2 * INTERVAL if digest in self._spooled else 0.0
        return self._behind[last] - self._behind[first] + spooled


def _read_line(log: Log, line: str) -> None:
    try:
        content: Mapping[str, Any] = json.loads(line)
    except ValueError:  # torn by the death of its process
        return
    match content.get("message"):
        case "processing.completed":
            at = datetime.strptime(content["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z").timestamp()
            log.completed_at.setdefault(content["event_id"], at)
            log.messages[content["event_id"]].add(content["message_id"])
        case "processing.failed" if "message_id" in content:
            log.retried[content["message_id"]] += content["retry_in_seconds"]
        case "queue.refused" if content.get("service") == "processor":
            log.hidden_in_vain += 1
