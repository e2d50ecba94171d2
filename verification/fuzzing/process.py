"""A worker seen from outside: what it reports, and what is to be said when it dies or hangs."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from local import patience
from verification.fuzzing.case import parse

HANG_SECONDS = patience.SECONDS
"""Without a report for so long, a worker hangs: a report is due twice a second, and an input has two seconds."""

SLOT_BYTES = 64 * 1024
_COVERAGE = re.compile(rb"cov: (\d+)")
_TAIL_BYTES = 4096


class Process:
    """A worker.

    Parameters
    ----------
    target : str
        Which function it fuzzes.
    folder : Path
        Holds the corpus.
    seed : int
        libFuzzer's.
    """

    def __init__(self, target: str, folder: Path, seed: int) -> None:
        self.target = target
        self.granted = 0
        self.counts: Counter[str] = Counter()
        self.cpu_seconds = 0.0
        self.growth_bytes = 0
        self.violations: list[tuple[str, str]] = []
        self.wants_more = False
        self._heard = time.monotonic()
        self._slot = tempfile.NamedTemporaryFile()  # noqa: SIM115 it lives as long as the worker
        self._slot.truncate(SLOT_BYTES)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 it lives as long as the worker
        # In a session of its own, so that Ctrl-C reaches the one that sums up and nobody else.
        self._popen = subprocess.Popen(  # noqa: S603 it is this program
            [sys.executable, "-m", "verification.fuzzing.worker", target, str(folder), self._slot.name, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,  # what were buffered here, `select` would not see
            start_new_session=True,
        )

    def fileno(self) -> int:
        """Tell where its reports come in."""
        assert self._popen.stdout is not None  # noqa: S101 it was asked for
        return self._popen.stdout.fileno()

    def hear(self) -> bool:
        """Take the next report; answer whether there will be more."""
        assert self._popen.stdout is not None  # noqa: S101 it was asked for
        line = self._popen.stdout.readline()
        if not line:
            return False
        self._heard = time.monotonic()
        report: dict[str, Any] = json.loads(line)
        self.counts = Counter(report["counts"])
        self.cpu_seconds = report["cpu_seconds"]
        self.growth_bytes = report["growth_bytes"]
        self.violations = [(rule, file) for rule, file in report["violations"]]
        self.wants_more = report["wants_more"]
        return True

    def grant(self, inputs: int) -> None:
        """Let it run so many more; with none, it ends."""
        assert self._popen.stdin is not None  # noqa: S101 it was asked for
        self.wants_more = False
        with suppress(BrokenPipeError):
            self._popen.stdin.write(b"%d\n" % inputs if inputs else b"\n")
            self._popen.stdin.flush()

    def hangs(self) -> bool:
        """Tell whether nothing has been heard for too long."""
        return time.monotonic() - self._heard > HANG_SECONDS

    def end(self) -> int:
        """End it, if it has not ended; answer how it did."""
        with suppress(subprocess.TimeoutExpired):
            return self._popen.wait(timeout=0.2 if self.hangs() else HANG_SECONDS)
        self.kill()
        return self._popen.wait()

    def kill(self) -> None:
        """End it at once."""
        self._popen.kill()
        self._popen.wait()

    def last_input(self) -> bytes | None:
        """Say what it was working on; None where it had not begun."""
        data = Path(self._slot.name).read_bytes()
        length = int.from_bytes(data[:4])
        case = data[4 : 4 + length]
        with suppress(Exception):
            parse(case)
            return case
        return None

    def last_words(self) -> str:
        """Say what it wrote last, for who looks into its death."""
        return self._tail().decode(errors="replace")[-1000:]

    def coverage(self) -> int:
        """Say how many branches libFuzzer has seen taken."""
        found = _COVERAGE.findall(self._tail())
        return int(found[-1]) if found else 0

    def _tail(self) -> bytes:
        end = self._log.seek(0, 2)
        self._log.seek(max(0, end - _TAIL_BYTES))
        return self._log.read()
