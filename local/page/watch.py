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

Picture = dict[str, Any]


class Watch:
    """What was last read; after a restart all of it is read again.

    Parameters
    ----------
    stack : Stack
        What is read.
    requester : Requester
        VectorCare's side.
    """

    def __init__(self, stack: Stack, requester: Requester) -> None:
        self._stack, self._requester = stack, requester
        self._log = reads.MetricsLog(stack)
        self._passed: Counter[str] = Counter()
        self._points: deque[dict[str, float]] = deque(maxlen=_MOST_POINTS)
        self._picture: Picture = {}
        self._was_new = True
        self._watchers: set[asyncio.Queue[Picture]] = set()
        self._is_watched = asyncio.Event()
        self._looking = threading.Lock()

    async def run(self) -> None:
        """Look again and again while somebody watches; never returns."""
        while True:
            await self._is_watched.wait()
            changed = await self._look_once()
            await asyncio.sleep(_PAUSE_BUSY if changed else _PAUSE_IDLE)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator["asyncio.Queue[Picture]"]:
        """Have the queue get everything once, and then whatever changes."""
        queue: asyncio.Queue[Picture] = asyncio.Queue()
        if self._picture:
            queue.put_nowait(dict(self._picture))
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
            name: value for name, value in seen.items() if name not in self._picture or self._picture[name] != value
        }
        self._picture |= changed
        if moves:
            changed["moves"] = moves
        if changed:
            for queue in self._watchers:
                queue.put_nowait(changed)
        return bool(changed)

    def _look(self) -> Picture:
        with self._looking:
            return self._read()

    def _read(self) -> Picture:
        readings, is_first = self._log.new(), not self._passed
        moves = snapshot.moves(readings)
        self._passed.update(moves)
        self._points.extend(snapshot.freshness(readings))
        history = self._requester.history(HISTORY_SHOWN)
        seen: Picture = {
            "problem": None,
            "passed": {station: self._passed[station] for station in snapshot.STATIONS},
            "depths": reads.depths(self._stack),
            "moves": {} if is_first else dict(moves),
            "freshness": sorted(self._points, key=lambda point: point["at"]),
            "vectorcare": {**history, "pending": len(history["pending"])},
        }
        # A function may count first and write afterwards: what it has written is read once more at the next look.
        is_new = bool(moves) or self._was_new
        self._was_new = bool(moves)
        if is_new:
            seen["rows"] = reads.rows(self._stack)
        if is_new or seen["depths"]["commands"]:
            seen["commands"] = reads.commands(self._stack)[:_MOST_COMMANDS]
        is_other = seen["depths"]["dead"] != self._picture.get("depths", {}).get("dead")
        if is_other or moves["died"] or moves["redriven"]:
            seen["letters"] = reads.dead_letters(self._stack)
        return seen | ({} if moves else self._compared(seen))

    def _compared(self, seen: Picture) -> Picture:
        """Compare the two sides' counts, once what was on its way has come to rest."""
        counts = seen["vectorcare"]["counts"]
        basis = [counts, seen["passed"], seen["depths"]]
        is_at_rest = not any(seen["depths"][name] for name in _IN_QUEUES)
        if not is_at_rest or basis == self._picture.get("account", {}).get("basis"):
            return {}
        letters: list[dict[str, Any]] = seen["letters"] if "letters" in seen else self._picture.get("letters", [])
        account = snapshot.account(
            self._requester.history(HISTORY_COMPARED)["calls"],
            journaled=reads.journaled(self._stack),
            dead={letter["event_id"] for letter in letters},
            waiting=seen["depths"]["queue"],
            spooled=seen["depths"]["spool"],
        )
        return {"account": {**account, "basis": basis}}
