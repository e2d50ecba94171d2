"""What one input costs: processor time, and how far memory grows while it is worked on."""

import json
import os
import re
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from verification.fuzzing.verdict import ViolationError

MAX_CPU_SECONDS = 2.0
"""A fifth of the ten seconds after which VectorCare gives up, though the harness and its coverage count in.

On the machine of `_WORK_SECONDS`; on one that is slower, or slowed down by what else it does, as much more.
"""

_WORK_SECONDS = 0.035
"""What `_work` takes on a machine of 2026 that does nothing else."""

MAX_GROWTH_BYTES = 256 * 1024 * 1024
"""Half of the memory that a function has."""

_CLEAR_PEAK = b"5"  # proc_pid_clear_refs(5): peak memory is set back to what is in use
_PEAK = re.compile(rb"VmHWM:\s+(\d+) kB")
_STATUS_BYTES = 4096
_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(slots=True)
class Meter:
    """The most that any input has cost.

    Attributes
    ----------
    cpu_seconds : float
        Of the slowest.
    growth_bytes : int
        Of the one with the highest peak above where it began. Where the system cannot set the peak back (only Linux
        can), an input counts only as far as it goes beyond all before it.
    """

    cpu_seconds: float = 0.0
    growth_bytes: int = 0

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Measure one input.

        Raises
        ------
        ViolationError
            It took too much.
        """
        _set_peak_back()
        before = _peak_bytes()
        began = time.process_time()
        yield
        seconds = time.process_time() - began
        growth = _peak_bytes() - before
        self.cpu_seconds = max(self.cpu_seconds, seconds)
        self.growth_bytes = max(self.growth_bytes, growth)
        if seconds > MAX_CPU_SECONDS and seconds > MAX_CPU_SECONDS * _slowness():
            raise ViolationError("an input takes too long", f"{seconds:.1f} s")
        if growth > MAX_GROWTH_BYTES:
            raise ViolationError("an input takes too much memory", f"{growth} bytes")


def _slowness() -> float:
    """Tell how many times as long some work takes here and now as where the bound was set; at least 1."""
    began = time.process_time()
    _work()
    return max(1.0, (time.process_time() - began) / _WORK_SECONDS)


def _work() -> None:
    text = json.dumps([{"number": number, "text": str(number)} for number in range(20_000)])
    for _ in range(3):
        json.loads(text)


def _peak_bytes() -> int:
    if _status is None:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
    # Not getrusage's: that one begins with the peak of the process that started this one.
    found = _PEAK.search(os.pread(_status, _STATUS_BYTES, 0))
    return int(found[1]) * 1024 if found else 0


def _set_peak_back() -> None:
    with suppress(OSError):
        if _clear_refs is not None:
            os.pwrite(_clear_refs, _CLEAR_PEAK, 0)


def _open(name: str, flags: int) -> int | None:
    try:
        return os.open(f"/proc/self/{name}", flags | os.O_CLOEXEC)
    except OSError:
        return None


_clear_refs = _open("clear_refs", os.O_WRONLY)
_status = _open("status", os.O_RDONLY)
