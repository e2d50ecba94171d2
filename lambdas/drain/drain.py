"""Move webhooks from the spool to the queue."""

from collections import Counter
from concurrent.futures import Executor
from enum import Enum, auto
from functools import partial

from vectorcare_bridge.edge import observability, runtime
from vectorcare_bridge.edge.metric import Metric
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.spool import Spool

THREADS = 10
RESERVE_SECONDS = 45
"""Enough to read, send and delete ten webhooks, to list the next page, and to count what is left."""


class _Outcome(Enum):
    MOVED = auto()
    GONE = auto()
    SPOOL_FAILED = auto()
    QUEUE_FAILED = auto()


def drain(spool: Spool, queue: Queue, *, executor: Executor, deadline: float) -> dict[str, int | str]:
    """Move spooled webhooks to the queue, oldest first.

    Nothing new begins after the deadline, on `runtime.monotonic`'s clock.

    Returns
    -------
    dict
        The counts `moved` and `failed`, and why it `stopped`: `empty`, `time`, `queue` if the queue refused a whole
        page, or `spool` if the spool could not be listed, which counts as one more failure in the metric. What failed
        stays in the spool for the next run.
    """
    outcomes: Counter[_Outcome] = Counter()
    try:
        stopped = _move_all(spool, queue, outcomes, executor=executor, deadline=deadline)
    except Exception as error:  # noqa: BLE001 after any error, what was moved so far is counted
        observability.log("spool.refused", error=error)
        stopped = "spool"
    moved = outcomes[_Outcome.MOVED]
    failed = outcomes[_Outcome.SPOOL_FAILED] + outcomes[_Outcome.QUEUE_FAILED]
    observability.count(Metric.DRAINED, moved)
    observability.count(Metric.DRAIN_FAILED, failed + (stopped == "spool"))
    try:
        observability.count(Metric.SPOOL_OBJECTS, 0 if stopped == "empty" and not failed else spool.count())
    except Exception as error:  # noqa: BLE001 how much is left is unknown, so it is not counted
        observability.log("spool.refused", error=error)
    return {"moved": moved, "failed": failed, "stopped": stopped}


def _move_all(spool: Spool, queue: Queue, outcomes: Counter[_Outcome], *, executor: Executor, deadline: float) -> str:
    """Move webhooks and count their outcomes; return why it stopped."""
    for keys in spool.pages(size=THREADS):
        if runtime.monotonic() > deadline:
            return "time"
        latest = Counter(executor.map(partial(_move, spool, queue), keys))
        outcomes.update(latest)
        if latest[_Outcome.QUEUE_FAILED] == len(keys):
            return "queue"
    return "empty"


def _move(spool: Spool, queue: Queue, key: str) -> _Outcome:
    try:
        webhook = spool.load(key)
    except Exception as error:  # noqa: BLE001 one unreadable object must not hold up the others
        observability.log("spool.refused", spool_key=key, error=error)
        return _Outcome.SPOOL_FAILED
    if webhook is None:
        return _Outcome.GONE
    try:
        message_id = queue.send(message.encode(webhook))
    except Exception as error:  # noqa: BLE001 after any error the webhook stays in the spool
        observability.log("queue.refused", spool_key=key, error=error)
        return _Outcome.QUEUE_FAILED
    try:
        # Only now, because the queue has it. If this fails, it is delivered again, which does no harm.
        spool.delete(key)
    except Exception as error:  # noqa: BLE001 after any error the webhook stays in the spool
        observability.log("spool.refused", spool_key=key, error=error)
        return _Outcome.SPOOL_FAILED
    observability.log("spool.drained", message_id=message_id, spool_key=key)
    return _Outcome.MOVED
