"""Processes that the local environment starts: none of them outlives it.

Each gets its own process group: a Ctrl-C in the terminal reaches only the main process, which then ends every group
with all that it started.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from local import patience

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SECONDS_UNTIL_RAISED_AGAIN = 0.05
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


class _Interruption:
    """Whether a signal came, and whether it may interrupt now."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self.pending = False
        self.deferrals = 0

    def arrive(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            return  # a second Ctrl-C must not break the clean-up that the first one began
        self.signal = signal.Signals(number)
        if self.deferrals:
            self.pending = True
        else:
            raise KeyboardInterrupt

    def is_lost(self, dropped: "sys.UnraisableHookArgs") -> bool:
        """Return whether Python dropped the exception of `arrive`; if so, the signal arrives again.

        Python drops whatever is raised in a finalizer, and a signal may arrive in one.
        """
        if self.signal is None or not isinstance(dropped.exc_value, KeyboardInterrupt):
            return False
        number, self.signal = self.signal, None
        main_thread = threading.main_thread().ident
        threading.Timer(_SECONDS_UNTIL_RAISED_AGAIN, signal.pthread_kill, (main_thread, number)).start()
        return True


_interruption = _Interruption()
_started: set[subprocess.Popen[bytes]] = set()


@contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGINT, SIGTERM and SIGHUP raise one KeyboardInterrupt inside, and end what was started inside.

    Only the main thread may enter. `interrupted_by` returns afterwards which signal it was.
    """
    _interruption.signal, _interruption.pending = None, False
    earlier = set(_started)
    hook_before = sys.unraisablehook
    previous = {number: signal.signal(number, _interruption.arrive) for number in _ENDING_SIGNALS}
    sys.unraisablehook = lambda dropped: None if _interruption.is_lost(dropped) else hook_before(dropped)
    try:
        yield
    finally:
        _interruption.deferrals += 1
        for process in _started - earlier:
            end(process)
        sys.unraisablehook = hook_before
        for number, handler in previous.items():
            signal.signal(number, handler)
        _interruption.deferrals -= 1


def interrupted_by() -> signal.Signals | None:
    """Return the signal that interrupted the last `interruptible` block, if one did."""
    return _interruption.signal


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold a signal back until the end of the block."""
    _interruption.deferrals += 1
    try:
        yield
    finally:
        _interruption.deferrals -= 1
    if _interruption.pending and not _interruption.deferrals:
        _interruption.pending = False
        raise KeyboardInterrupt


def start(
    command: Sequence[str], *, environment: Mapping[str, str], directory: Path, log_file: Path
) -> subprocess.Popen[bytes]:
    """Start `command` in its own process group, with its output in `log_file`.

    The log file is overwritten, and nothing of this process's environment is inherited.
    """
    _adopt_orphans()
    with uninterrupted(), log_file.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - the project's own commands, and no shell
            command,
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _started.add(process)
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill `process` and all of its group, and wait until they are gone.

    No process that is started here has anything to save, so SIGKILL does no harm.
    """
    with uninterrupted():
        patience.wait_until(lambda: _is_gone(process.pid), what=f"process {process.pid} and all of its group are gone")
        process.poll()
        _started.discard(process)


def _is_gone(group: int) -> bool:
    try:
        os.killpg(group, signal.SIGKILL)
        os.waitpid(-group, os.WNOHANG)
    except ProcessLookupError:
        return True
    except ChildProcessError:
        pass  # dead, and not yet collected by its adoptive parent
    return False


def _adopt_orphans() -> None:
    """Become the parent of processes whose parent has died, so that `end` can collect them.

    In many containers no other process does. Only Linux has this; elsewhere init collects them.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl:
        prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
