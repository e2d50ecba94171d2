"""How long after its acceptance each webhook was applied, and whether any was late."""

import bisect
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, pairwise

from verification.load.clients import Sent
from verification.load.monitor import INTERVAL, Look

MOST_TIMEOUTS = 10
"""How often a message may stay hidden until the queue's visibility time-out because its worker was killed."""

MOST_REFUSED_RETURNS = 2
"""How often because its return to the queue was refused."""

WORK_SECONDS = 30.0
"""What one batch may take while calls are refused: three calls one after the other, of three attempts and 3 s each,
and the pauses between these."""


@dataclass
class ProcessingLog:
    """What the processor logged during a run.

    `completed_at` says by event id when it was first done, in seconds since 1970; `delayed`, by message id, by how many
    seconds its retries were put off in all. `messages` are those that carried an event.
    """

    completed_at: dict[str, float] = field(default_factory=dict)
    delayed: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    messages: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


@dataclass(frozen=True)
class Lateness:
    """Sorted seconds from acceptance to applied, and the most that an event took beyond the backlog and its retries."""

    seconds: list[float]
    longest: float
    allowed: float

    @property
    def is_in_time(self) -> bool:
        return self.longest <= self.allowed


def read(lines: Iterable[str]) -> ProcessingLog:
    """Read the emulator's log, which holds the functions' lines too."""
    log = ProcessingLog()
    for line in lines:
        if line.startswith("{"):
            _read_line(log, line)
    return log


def measure(
    sent: Sent,
    log: ProcessingLog,
    looks: Sequence[Look],
    *,
    kills: bool,
    visibility_timeout: float,
    work_seconds: float = WORK_SECONDS,
) -> Lateness:
    """Measure how long each event took, from its acceptance.

    It may wait for as long as anything waits to be taken, visibly on the queue or in the spool, and for as long as the
    processor put off its retry. The rest is one batch's work, and some visibility time-outs; all in seconds.
    """
    times = [look.at for look in looks]
    gaps = [INTERVAL, *(later - earlier for earlier, later in pairwise(times))]
    waits = [gap if look.visible or look.spooled else 0.0 for gap, look in zip(gaps, looks, strict=False)]
    backlog = list(accumulate(waits, initial=0.0))
    seconds, longest = [], 0.0
    for event_id in sent.accepted_at.keys() & log.completed_at.keys():
        begin, end = sent.accepted_at[event_id], log.completed_at[event_id]
        first, last = bisect.bisect_left(times, begin), bisect.bisect_right(times, end)
        delayed = max((log.delayed.get(message, 0.0) for message in log.messages[event_id]), default=0.0)
        seconds.append(max(0.0, end - begin))
        longest = max(longest, end - begin - (backlog[last] - backlog[first]) - delayed)
    timeouts = MOST_REFUSED_RETURNS + MOST_TIMEOUTS * kills
    return Lateness(sorted(seconds), longest, work_seconds + timeouts * visibility_timeout)


def _read_line(log: ProcessingLog, line: str) -> None:
    try:
        content = json.loads(line)
    except ValueError:  # torn by the death of its process
        return
    match content.get("message"):
        case "processing.completed":
            at = datetime.strptime(content["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z").timestamp()
            log.completed_at.setdefault(content["event_id"], at)
            log.messages[content["event_id"]].add(content["message_id"])
        case "processing.failed" if "message_id" in content:
            log.delayed[content["message_id"]] += content["retry_in_seconds"]
