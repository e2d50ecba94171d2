"""Two regions' journals compared entry by entry, and what one of them misses carried over, page by page."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from cli.lib import deployed
from cli.lib.checkpoint import MOST_LISTED, Checkpoint
from cli.lib.journal import JournalReader, Page
from cli.lib.stack import Stack
from vectorcare_bridge.edge import runtime
from vectorcare_bridge.edge.queue import Queue, queue_depth
from vectorcare_bridge.reconciliation import comparison
from vectorcare_bridge.reconciliation.comparison import SUMMARY, THREADS, Comparison, Found, Journal
from vectorcare_bridge.reconciliation.rules import MOST_WAITING, Item, Verdict
from vectorcare_bridge.webhooks import envelope
from vectorcare_bridge.webhooks.signature import Key
from vectorcare_bridge.webhooks.spool import Spool

CARRIED_OVER = "carried_over"
NEEDS_A_PERSON = (Verdict.REFUSED, Verdict.UNPROVEN)
COUNTED = (Verdict.MISSING, *NEEDS_A_PERSON, Verdict.OTHER_FIRST)

_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many webhooks a region has that are not in its journal yet: on the queue, in the spool, or dead letters."""

    queue: int
    spool: int  # 1,000 at most
    dead_letters: int


class Side:
    """One of the two regions' stacks; its name is the region's, or the local environment's address."""

    def __init__(self, stack: Stack) -> None:
        dynamodb, outputs = stack.client("dynamodb"), stack.outputs
        self.name = str(
            stack.local_environment["endpoint_url"] if stack.local_environment else dynamodb.meta.region_name
        )
        self.reader = JournalReader(dynamodb, outputs["EventsTable"])
        self.journal = Journal(dynamodb, outputs["EventsTable"], retention_days=deployed.journal_retention_days(stack))
        self.queue = Queue(stack.client("sqs"), outputs["QueueUrl"])
        self._stack = stack

    def waiting(self) -> Waiting:
        """Count what waits."""
        sqs, outputs = self._stack.client("sqs"), self._stack.outputs
        return Waiting(
            queue=self.queue.depth().total,
            spool=Spool(self._stack.client("s3"), outputs["SpoolBucket"]).count(),
            dead_letters=queue_depth(sqs, outputs["DeadLetterQueueUrl"]).total,
        )


def reconcile(
    sides: tuple[Side, Side],
    run: Checkpoint,
    *,
    keys: Sequence[Key],
    since: str | None,
    dry_run: bool,
    say: Callable[[str], None],
) -> Iterator[None]:
    """Look in each region for what the other has, and put on its queue what it misses, unless it is a dry run.

    `run` is up to date after each page of up to 1 MB, and can be saved then. An interrupted page is done again: that
    does no harm. `say` gets what is being done. Nothing is put on a queue that holds more than `MOST_WAITING` messages:
    what waits there is not lost, and what comes in now must not wait behind what is old.
    """
    threads = ThreadPoolExecutor(THREADS)
    try:
        for part in range(run.part, len(sides)):
            source, target = sides[part], sides[1 - part]
            compared = Comparison(source.journal, target.journal, keys=keys, executor=threads)
            say(f"from {source.name}")
            for page in source.reader.pages(since=since, attributes=SUMMARY, start=run.next_key, consistent=False):
                suspects = compared.suspects(page.items, now=runtime.now())
                if suspects and not dry_run:
                    _wait_for_room(target, say)
                    say(f"from {source.name}")
                found = list(compared.judge(suspects))
                if not dry_run:
                    list(threads.map(partial(comparison.carry_over, target.queue), _missing(found)))
                _add(run, found, page, part=part, target=target, dry_run=dry_run)
                yield
    finally:
        # On Ctrl-C, sends that have begun end; no other begins.
        threads.shutdown(wait=True, cancel_futures=True)


def report(sides: tuple[Side, Side], run: Checkpoint, *, dry_run: bool) -> dict[str, Any]:
    """Write what was found and done, by the region that misses it."""
    regions = [
        {
            "region": side.name,
            **{verdict.value: run.outcomes[_counter(1 - number, verdict)] for verdict in COUNTED},
            CARRIED_OVER: run.outcomes[_counter(1 - number, CARRIED_OVER)],
            "waiting": asdict(side.waiting()),
        }
        for number, side in enumerate(sides)
    ]
    return {"dry_run": dry_run, "compared": run.scanned, "regions": regions, "differences": run.listed}


def _wait_for_room(target: Side, say: Callable[[str], None]) -> None:
    while (waiting := target.queue.depth().total) > MOST_WAITING:
        say(f"{target.name} first works off {waiting:,} messages")
        runtime.sleep(_PAUSE_SECONDS)


def _missing(found: Sequence[Found]) -> list[Item]:
    return [one.entry for one in found if one.verdict is Verdict.MISSING]


def _add(run: Checkpoint, found: Sequence[Found], page: Page, *, part: int, target: Side, dry_run: bool) -> None:
    for one in found:
        run.outcomes[_counter(part, one.verdict)] += 1
        if one.verdict in (Verdict.MISSING, *NEEDS_A_PERSON) and len(run.listed) < MOST_LISTED:
            run.listed.append(_summary(one, target))
    if not dry_run:
        run.outcomes[_counter(part, CARRIED_OVER)] += len(_missing(found))
    run.scanned += page.scanned
    run.next_key = page.next_key
    run.part = part if page.next_key else part + 1


def _counter(part: int, what: str) -> str:
    return f"{part} {what}"


def _summary(found: Found, target: Side) -> dict[str, Any]:
    entry = found.entry
    return {
        "region": target.name,
        "service_request_id": entry["service_request_id"],
        "event_id": entry["event_id"],
        "digest": envelope.digest(entry["body"]) if isinstance(entry.get("body"), bytes) else None,
        "received_at": entry.get("received_at"),
        "found": found.verdict.value,
    }
