"""Many inputs, over some processes, and what they came to."""

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LOOK_SECONDS = 1.0
_COVERAGE = re.compile(rb"cov: (\d+)")
_ARTIFACT = re.compile(rb"Test unit written to (\S+)")
_SHOWN_BYTES = 1000


@dataclass(slots=True)
class TargetTotals:
    """What one target's inputs came to; see `harness.Harness`."""

    counts: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0
    growth_bytes: int = 0
    coverage: int = 0


@dataclass(slots=True)
class FuzzTotals:
    """What a campaign came to; a violation is the broken rule, and the file of the input."""

    targets: dict[str, TargetTotals]
    violations: list[tuple[str, str]] = field(default_factory=list)

    def count(self, name: str) -> int:
        return sum(totals.counts[name] for totals in self.targets.values())

    def last_line(self) -> str:
        return f"inputs {self.count('inputs')}, signed {self.count('signed')}, violations {self.count('violations')}"


class _Job:
    """One worker: a target's share of the inputs, and its last report."""

    def __init__(self, target: str, inputs: int, folder: Path, seed: int) -> None:
        self.target = target
        self.report: dict[str, Any] = {"counts": {}, "cpu_seconds": 0.0, "growth_bytes": 0, "violations": []}
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 it lives as long as the job
        self.process: subprocess.Popen[bytes] | None = None
        self.is_killed = False
        arguments = [target, str(inputs), str(folder), str(seed)]
        self._command = [sys.executable, "-m", "verification.fuzzing.worker", *arguments]

    def run(self) -> None:
        """Run the worker until its end; an end that it did not choose breaks a rule."""
        # In a session of its own, so that Ctrl-C reaches the command alone, which then ends the workers.
        with subprocess.Popen(  # noqa: S603 it is this program
            self._command, stdout=subprocess.PIPE, stderr=self.log, start_new_session=True
        ) as self.process:
            assert self.process.stdout is not None  # noqa: S101 a pipe was asked for
            for line in self.process.stdout:
                self.report = json.loads(line)
        code = self.process.returncode
        artifact = _ARTIFACT.findall(self._logged())
        if artifact:
            self.report["violations"].append([f"an input ends the process ({code})", artifact[-1].decode()])
            self.report["counts"]["violations"] = self.report["counts"].get("violations", 0) + 1
        elif code and not self.is_killed:
            raise RuntimeError(f"a worker failed ({code}):\n{self._logged()[-_SHOWN_BYTES:].decode(errors='replace')}")

    def kill(self) -> None:
        self.is_killed = True
        if self.process:
            self.process.kill()

    def coverage(self) -> int:
        """How many branches libFuzzer has seen taken."""
        found = _COVERAGE.findall(self._logged())
        return int(found[-1]) if found else 0

    def _logged(self) -> bytes:
        self.log.seek(0)
        return self.log.read()


class Campaign:
    """A run of so many inputs: each target gets the same share, `processes` work in parallel.

    The corpus, and inputs that break a rule, are kept in `folder`.
    """

    def __init__(self, targets: Sequence[str], *, inputs: int, processes: int, folder: Path, seed: int) -> None:
        workers = max(len(targets), processes)
        shares = [inputs // workers + (number < inputs % workers) for number in range(workers)]
        self._targets = targets
        self._processes = processes
        self._jobs = [
            _Job(targets[number % len(targets)], share, folder, seed + number)
            for number, share in enumerate(shares)
            if share
        ]

    def run(self, progress: Callable[[FuzzTotals], None]) -> None:
        """Run until all inputs are through; calls `progress` about once a second."""
        executor = ThreadPoolExecutor(self._processes)
        waiting = {executor.submit(job.run) for job in self._jobs}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=_LOOK_SECONDS)
                for future in done:
                    future.result()
                progress(self.totals())
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            for job in self._jobs:
                job.kill()
            executor.shutdown()

    def totals(self) -> FuzzTotals:
        """Add up what the workers have reported so far."""
        totals = FuzzTotals({target: TargetTotals() for target in self._targets})
        for job in self._jobs:
            target = totals.targets[job.target]
            target.counts.update(job.report["counts"])
            target.cpu_seconds = max(target.cpu_seconds, job.report["cpu_seconds"])
            target.growth_bytes = max(target.growth_bytes, job.report["growth_bytes"])
            target.coverage = max(target.coverage, job.coverage())
            totals.violations += [(rule, file) for rule, file in job.report["violations"]]
        return totals
