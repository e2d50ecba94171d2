"""Fetch what this region has missed: compare service requests that moved lately in the other region."""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from functools import partial
from itertools import chain, islice
from typing import TypedDict

from vectorcare_bridge.edge import observability, runtime
from vectorcare_bridge.edge.metric import Metric
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.reconciliation import comparison
from vectorcare_bridge.reconciliation.comparison import SUMMARY, Comparison, Found, Journal
from vectorcare_bridge.reconciliation.rules import MOST_WAITING, Item, Verdict
from vectorcare_bridge.webhooks.envelope import UNREADABLE

LOOK_BACK_HOURS = 48
"""Longer than an outage: a region looks back when it runs again. What is older, `./bridge reconcile` compares."""

RESERVE_SECONDS = 60
_REQUESTS_AT_ONCE = 50


def reconcile(
    moved: Iterable[str], there: Journal, here: Comparison, queue: Queue, *, executor: Executor, deadline: float
) -> dict[str, int | str]:
    """Put on this region's queue what it misses of service requests that moved in the other region.

    Nothing new begins after the deadline, on `runtime.monotonic`'s clock. Nothing is put on a queue that holds more
    than `MOST_WAITING` messages: what is missing may be among them.

    Returns
    -------
    dict
        How many service requests were `compared`; how many webhooks were `missing`, `refused` or `unproven` here, and
        `carried_over`; and why it `stopped`: `end`, or `time`.
    """
    counts: Counter[str] = Counter()
    stopped = "end"
    # What cannot be read has a partition of its own.
    for part in _parts(chain([UNREADABLE], moved)):
        if runtime.monotonic() > deadline:
            stopped = "time"
            break
        entries = chain.from_iterable(executor.map(partial(_summaries, there), part))
        found = list(here.judge(here.suspects(list(entries), now=runtime.now())))
        counts["compared"] += len(part)
        counts.update(one.verdict for one in found)
        counts["carried_over"] += _carry_over(found, queue, executor)
    # Of what was refused, another alarm notifies: it is a dead letter.
    observability.count(Metric.JOURNAL_DIFFERENCE, counts[Verdict.MISSING] + counts[Verdict.UNPROVEN])
    names = ("compared", Verdict.MISSING, Verdict.REFUSED, Verdict.UNPROVEN, "carried_over")
    return {**{str(name): counts[name] for name in names}, "stopped": stopped}


def _parts(names: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(names)
    # One that changes its status meanwhile is named twice, and DynamoDB refuses to read an entry twice.
    while part := list(dict.fromkeys(islice(remaining, _REQUESTS_AT_ONCE))):
        yield part


def _summaries(there: Journal, service_request_id: str) -> list[Item]:
    return list(there.entries(service_request_id, attributes=SUMMARY))


def _carry_over(found: Iterable[Found], queue: Queue, executor: Executor) -> int:
    """Log what was found, and carry over what is missing; return how many were."""
    missing = []
    for one in found:
        if one.verdict is Verdict.MISSING:
            missing.append(one.entry)
        elif one.verdict in {Verdict.REFUSED, Verdict.UNPROVEN}:
            observability.log("reconciliation.found", reason=one.verdict, **_ids(one.entry))
    if not missing:
        return 0
    waiting = queue.depth().total
    if waiting > MOST_WAITING:
        observability.log("reconciliation.waits", messages=waiting)
        return 0
    message_ids = executor.map(partial(comparison.carry_over, queue), missing)
    for entry, message_id in zip(missing, message_ids, strict=True):
        observability.log("webhook.carried_over", message_id=message_id, **_ids(entry))
    return len(missing)


class _Ids(TypedDict):
    service_request_id: str
    event_id: str


def _ids(entry: Item) -> _Ids:
    return _Ids(service_request_id=entry["service_request_id"], event_id=entry["event_id"])
