"""The ministack process: ends with the stand that started it, and tells all that a function has logged.

It is run as a file, so that nothing of this project is on the path of what it emulates.
"""

import ctypes
import os
import runpy
import select
import signal
import threading
from typing import TYPE_CHECKING, Any

from ministack.core.lambda_runtime import Worker  # type: ignore[import-untyped]  # it ships no types

if TYPE_CHECKING:
    import queue

_PR_SET_PDEATHSIG = 1  # prctl(2)
_READ_AT_ONCE = 65536

_read_for_a_while = Worker._drain_stderr_bounded


class _Log:
    """What a function's process writes, taken by whoever comes first: the thread that waits for it, or its answer."""

    def __init__(self, worker: Worker) -> None:
        self.pipe = worker._proc.stderr
        self._lines: queue.Queue[str] = worker._stderr_queue
        # Two, as one cannot be asked by two threads at once.
        self._waiting, self._taking = select.poll(), select.poll()
        for poll in (self._waiting, self._taking):
            poll.register(self.pipe, select.POLLIN)
        self._begun = b""
        self._lock = threading.Lock()

    def wait(self) -> None:
        self._waiting.poll()

    def take(self) -> bool:
        """Take what is there; False at its end."""
        with self._lock:
            while self._taking.poll(0):
                read = os.read(self.pipe.fileno(), _READ_AT_ONCE)
                *lines, self._begun = (self._begun + read).split(b"\n")
                for line in lines if read else [self._begun]:
                    self._lines.put(line.decode(errors="replace"))
                if not read:
                    return False
            return True


def _read(worker: Worker) -> None:
    log = worker.log = _Log(worker)
    log.wait()
    while log.take():
        log.wait()


def _read_all(worker: Worker, *arguments: Any, **more: Any) -> str:
    """Tell all that was logged before the answer; by itself the emulator waits 5 ms for each line, and keeps the rest.

    On a busy machine that rest stood in the log of the function's next invocation, if there was one.
    """
    log = getattr(worker, "log", None)
    if log is None or worker._proc is None or log.pipe is not worker._proc.stderr:
        return str(_read_for_a_while(worker, *arguments, **more))
    log.take()
    return str(worker._drain_stderr())


if __name__ == "__main__":
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a stand that is killed outright leaves no emulator on its port
    Worker._read_stderr, Worker._drain_stderr_bounded = _read, _read_all
    runpy.run_module("ministack", run_name="__main__")
