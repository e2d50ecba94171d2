"""A replay of many service requests: several in parallel, page by page, so that it can be resumed."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cli.lib.checkpoint import MOST_LISTED, Checkpoint
from cli.lib.journal import JournalReader
from cli.lib.replay_plan import Plan, ReplayOutcome
from cli.lib.replayer import Replayer
from vectorcare_bridge.webhooks.envelope import UNREADABLE

LISTED = (ReplayOutcome.CHANGED, ReplayOutcome.REFUSED, ReplayOutcome.UNKNOWN, ReplayOutcome.FAILED)

_THREADS = 8  # few enough not to slow down webhooks
_PART = 200


def replay_listed(replayer: Replayer, names: Sequence[str], run: Checkpoint, *, phi: bool) -> Iterator[None]:
    """Replay a list part by part; `run` is up to date after each."""
    for first in range(0, len(names), _PART):
        part = names[first : first + _PART]
        _add(run, _replay(replayer, part), phi=phi)
        yield


def replay_found(
    replayer: Replayer, journal: JournalReader, run: Checkpoint, *, since: str | None, until: str | None, phi: bool
) -> Iterator[None]:
    """Replay every service request that received an event in [since, until), page by page.

    `run` is up to date after each page, and can be saved then. An interrupted page is replayed again: no harm is done.
    """
    done: set[str] = set()
    for page in journal.pages(since=since, until=until, attributes=("service_request_id",), start=run.next_key):
        names = {item["service_request_id"] for item in page.items} - done - {UNREADABLE}
        _add(run, _replay(replayer, sorted(names)), phi=phi)
        done |= names
        run.scanned += page.scanned
        run.next_key = page.next_key
        yield


def _replay(replayer: Replayer, names: Iterable[str]) -> list[Plan]:
    threads = ThreadPoolExecutor(_THREADS)
    try:
        return list(threads.map(replayer.replay, names))
    finally:
        # On Ctrl-C, writes that have begun end; no other begins.
        threads.shutdown(wait=True, cancel_futures=True)


def _add(run: Checkpoint, plans: Sequence[Plan], *, phi: bool) -> None:
    for plan in plans:
        run.outcomes[plan.outcome.value] += 1
        if plan.outcome in LISTED and len(run.listed) < MOST_LISTED:
            run.listed.append(_summary(plan, phi=phi))


def _summary(plan: Plan, *, phi: bool) -> dict[str, Any]:
    return {
        "service_request_id": plan.service_request_id,
        "outcome": plan.outcome.value,
        "why": plan.why,
        "changes": [
            {"field": change.field} | ({"before": change.before, "after": change.after} if phi else {})
            for change in plan.changes
        ],
    }
