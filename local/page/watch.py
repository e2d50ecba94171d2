"""Reads the stack while somebody watches, and sends every watcher what has changed."""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from requests import RequestException
from starlette.concurrency import run_in_threadpool

from cli.lib.stack import Stack
from local.page import reads, snapshot
from local.page.requester import HISTORY_COMPARED, HISTORY_SHOWN, Requester

_PAUSE_BUSY, _PAUSE_IDLE = 0.5, 1.5  # seconds between two looks
_MOST_POINTS = 400
_MOST_COMMANDS = 60
_IN_QUEUES = ("queue", "spool", "commands")

Snapshot = dict[str, Any]


class Watch:
    """What was last read of the stack and of VectorCare; after a restart all of it is read again."""

    def __init__(self, stack: Stack, requester: Requester) -> None:
        self._stack, self._requester = stack, requester
        self._log = reads.MetricsLog(stack)
        self._passed: Counter[str] = Counter()
        self._points: deque[dict[str, float]] = deque(maxlen=_MOST_POINTS)
        self._snapshot: Snapshot = {}
        self._was_new = True
        self._watchers: set[asyncio.Queue[Snapshot]] = set()
        self._is_watched = asyncio.Event()
        self._looking = threading.Lock()

    async def run(self) -> None:
        """Read again and again while somebody watches; never returns."""
        while True:
            await self._is_watched.wait()
            changed = await self._look_once()
            await asyncio.sleep(_PAUSE_BUSY if changed else _PAUSE_IDLE)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator["asyncio.Queue[Snapshot]"]:
        """Yield a queue that gets everything once, and then each change."""
        queue: asyncio.Queue[Snapshot] = asyncio.Queue()
        if self._snapshot:
            queue.put_nowait(dict(self._snapshot))
        self._watchers.add(queue)
        self._is_watched.set()
        try:
            yield queue
        finally:
            self._watchers.discard(queue)
            if not self._watchers:
                self._is_watched.clear()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not look during the block: a look at the dead letters hides them from a redrive."""
        with self._looking:
            yield

    async def _look_once(self) -> bool:
        try:
            seen = await run_in_threadpool(self._look)
        except (BotoCoreError, ClientError, RequestException) as error:
            seen = {"problem": f"The local environment does not answer ({type(error).__name__})."}
        moves = seen.pop("moves", {})
        changed = {
            name: value for name, value in seen.items() if name not in self._snapshot or self._snapshot[name] != value
        }
        self._snapshot |= changed
        if moves:
            changed["moves"] = moves
        if changed:
            for queue in self._watchers:
                queue.put_nowait(changed)
        return bool(changed)

    def _look(self) -> Snapshot:
        with self._looking:
            return self._read()

    def _read(self) -> Snapshot:
        readings, is_first = self._log.new(), not self._passed
        moves = snapshot.moves(readings)
        self._passed.update(moves)
        self._points.extend(snapshot.freshness(readings))
        history = self._requester.history(HISTORY_SHOWN)
        seen: Snapshot = {
            "problem": None,
            "passed": {node: self._passed[node] for node in snapshot.METRICS_OF_NODES},
            "depths": reads.depths(self._stack),
            "moves": {} if is_first else dict(moves),
            "freshness": sorted(self._points, key=lambda point: point["at"]),
            "vectorcare": {**history, "pending": len(history["pending"])},
        }
        # A function may count first and write afterwards, so after the last move everything is read again.
        is_new = bool(moves) or self._was_new
        self._was_new = bool(moves)
        if is_new:
            seen["rows"] = reads.rows(self._stack)
        if is_new or seen["depths"]["commands"]:
            seen["commands"] = reads.commands(self._stack)[:_MOST_COMMANDS]
        is_other = seen["depths"]["dead"] != self._snapshot.get("depths", {}).get("dead")
        if is_other or moves["died"] or moves["redriven"]:
            seen["dead_letters"] = reads.dead_letters(self._stack)
        return seen | ({} if moves else self._compared(seen))

    def _compared(self, seen: Snapshot) -> Snapshot:
        """Compare both sides' counts, once nothing is on its way."""
        counts = seen["vectorcare"]["counts"]
        basis = [counts, seen["passed"], seen["depths"]]
        is_at_rest = not any(seen["depths"][name] for name in _IN_QUEUES)
        if not is_at_rest or basis == self._snapshot.get("reconciliation", {}).get("basis"):
            return {}
        dead_letters = (self._snapshot | seen).get("dead_letters", [])
        reconciled = snapshot.reconcile(
            self._requester.history(HISTORY_COMPARED)["calls"],
            journaled=reads.journaled(self._stack),
            dead={one["event_id"] for one in dead_letters},
            waiting=seen["depths"]["queue"],
            spooled=seen["depths"]["spool"],
        )
        return {"reconciliation": {**reconciled, "basis": basis}}
