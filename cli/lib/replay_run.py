"""A replay of many service requests: several at once, with progress, and where it can be resumed."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cli.lib.checkpoint import MOST_TOLD, Checkpoint
from cli.lib.journal import JournalReader
from cli.lib.replay_plan import Plan, ReplayOutcome
from cli.lib.replayer import Replayer
from cli.terminal.progress import bar
from vectorcare_bridge.webhooks.envelope import UNREADABLE

WORTH_TELLING = (ReplayOutcome.CHANGED, ReplayOutcome.REFUSED, ReplayOutcome.UNKNOWN, ReplayOutcome.FAILED)

# An on-demand table takes far more; webhooks are to notice nothing.
_AT_ONCE = 8
_LIST_PART = 200


def replay_listed(replayer: Replayer, names: Sequence[str], run: Checkpoint, *, phi: bool) -> None:
    """Replay a list; `run` is kept up to date."""
    distinct = list(dict.fromkeys(names))
    with bar() as progress:
        task = progress.add_task("service requests", total=len(distinct))
        for first in range(0, len(distinct), _LIST_PART):
            part = distinct[first : first + _LIST_PART]
            _note(run, _replay(replayer, part), phi=phi)
            progress.update(task, completed=first + len(part))


def replay_found(
    replayer: Replayer,
    journal: JournalReader,
    run: Checkpoint,
    *,
    since: str | None,
    until: str | None,
    phi: bool,
    save: Callable[[], None],
) -> None:
    """Replay every service request of which the journal received something in [since, until).

    Page by page: the ids of a page are replayed before the next is read, and then the place is saved. Replaying one
    twice does no harm, so what an interruption leaves undone of a page is done again.
    """
    done: set[str] = set()
    with bar() as progress:
        task = progress.add_task("journal entries", total=max(journal.about(), run.scanned), completed=run.scanned)
        for page in journal.pages(since=since, until=until, attributes=("service_request_id",), start=run.next_key):
            names = {item["service_request_id"] for item in page.items} - done - {UNREADABLE}
            _note(run, _replay(replayer, sorted(names)), phi=phi)
            done |= names
            run.scanned += page.scanned
            run.next_key = page.next_key
            progress.update(task, completed=run.scanned)
            if page.next_key:
                save()


def _replay(replayer: Replayer, names: Iterable[str]) -> list[Plan]:
    threads = ThreadPoolExecutor(_AT_ONCE)
    try:
        return list(threads.map(replayer.replay, names))
    finally:
        # Those that are being written are let finish; the rest is not begun.
        threads.shutdown(wait=True, cancel_futures=True)


def _note(run: Checkpoint, plans: Sequence[Plan], *, phi: bool) -> None:
    for plan in plans:
        run.outcomes[plan.outcome.value] += 1
        if plan.outcome in WORTH_TELLING and len(run.told) < MOST_TOLD:
            run.told.append(_told(plan, phi=phi))


def _told(plan: Plan, *, phi: bool) -> dict[str, Any]:
    return {
        "service_request_id": plan.service_request_id,
        "outcome": plan.outcome.value,
        "why": plan.why,
        "changes": [
            {"field": change.field} | ({"before": change.before, "after": change.after} if phi else {})
            for change in plan.changes
        ],
    }
