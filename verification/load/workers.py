"""The processes that run the functions, seen from outside: found, killed, and their memory read."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.environment import LocalEnvironment
from local.errors import LocalError
from verification.load.background import Background

FUNCTIONS = ("Ingest", "Processor", "Drain", "Redrive")
_PROCESSES = Path("/proc")
_KILL_PAUSE = (0.5, 1.5)  # seconds
_PROGRESS_BETWEEN_KILLS = 20
_SPARED_SECONDS = 3.0
_PARENT = 1  # in /proc/PID/stat behind the name and its parenthesis, proc_pid_stat(5)


@dataclass(frozen=True)
class FunctionWorker:
    """A process that runs one function."""

    pid: int
    function: str


def find(local: LocalEnvironment) -> list[FunctionWorker]:
    """Find the emulator's children that run a function's code; LocalError if this system has no /proc."""
    if not _PROCESSES.is_dir():
        raise LocalError("Finding the functions' processes needs /proc, and so Linux.")
    return list(_find(local.emulator.pid, names(local)))


def names(local: LocalEnvironment) -> dict[str, str]:
    """Map what the functions are called here to their names at AWS."""
    return {one.lower(): local.deployment.outputs[f"{one}Function"].partition(":")[0] for one in FUNCTIONS}


def memory(pid: int) -> int | None:
    """Read the resident memory of a process in bytes, or None if it is gone."""
    try:
        pages = int((_PROCESSES / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


class Killer(Background):
    """Kills a worker about every second, of a function chosen at random, in whatever it is doing.

    A new worker has to unpack and load its code. If that takes longer than a second, killing by the clock alone would
    let nothing be done at all; so the next kill waits until `progress`, a count of what has been done, has grown. And
    the emulator ends all idle workers of a function when one dies while it loads; so the youngest are spared.
    """

    def __init__(self, local: LocalEnvironment, rng: random.Random, *, progress: Callable[[], int]) -> None:
        super().__init__()
        self.kills: Counter[str] = Counter()
        self._local = local
        self._rng = rng
        self._progress = progress

    def _run(self) -> None:
        due = 0
        seen: dict[FunctionWorker, float] = {}
        while not self._stopping.wait(self._rng.uniform(*_KILL_PAUSE)):
            now = time.monotonic()
            seen = {worker: seen.get(worker, now) for worker in find(self._local)}
            workers = [worker for worker, since in seen.items() if now - since >= _SPARED_SECONDS]
            if not workers or self._progress() < due:
                continue
            function = self._rng.choice(sorted({worker.function for worker in workers}))
            worker = self._rng.choice([worker for worker in workers if worker.function == function])
            try:
                os.kill(worker.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.kills[function] += 1
            due = self._progress() + _PROGRESS_BETWEEN_KILLS


def _find(emulator: int | None, functions: Mapping[str, str]) -> Iterator[FunctionWorker]:
    for directory in _PROCESSES.glob("[0-9]*"):
        try:
            parent = int((directory / "stat").read_text().rpartition(")")[2].split()[_PARENT])
            command = (directory / "cmdline").read_text() if parent == emulator else ""
        except (OSError, ValueError):  # gone meanwhile
            continue
        for function, name in functions.items():
            if f"/ministack-lambda-{name}-" in command:  # the emulator names a worker's folder after its function
                yield FunctionWorker(int(directory.name), function)
