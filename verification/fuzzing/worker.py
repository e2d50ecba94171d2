"""One process under atheris: takes grants of inputs on standard input, and reports on standard output.

libFuzzer ends its process by itself and without asking Python, so nothing here waits for an end: each report says all
there is to say, and the last one comes before the process ends itself.
"""

import json
import mmap
import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TextIO
from zlib import crc32

import atheris  # type: ignore[import-untyped]  # it ships no types

from verification.fuzzing.case import BadCaseError, Case, parse, save
from verification.fuzzing.grammar import case as draw
from verification.fuzzing.harness import Harness
from verification.fuzzing.mutate import mutate
from verification.fuzzing.process import SLOT_BYTES
from verification.fuzzing.stand import running
from verification.fuzzing.verdict import ViolationError
from verification.simulation.world.loader import Loader

if TYPE_CHECKING:
    from types import CodeType

MAX_INPUT_BYTES = 16 * 1024
_REPORT_SECONDS = 0.5
_SHOWN_PER_RULE = 3


class _InstrumentedLoader(Loader):
    """The functions' code, telling libFuzzer which branches it takes and what it compares."""

    def __init__(self) -> None:
        super().__init__()
        self._code: dict[str, CodeType] = {
            name: atheris.patch_code(code, trace_dataflow=True) for name, code in self._code.items()
        }


class Worker:
    """Runs what libFuzzer makes.

    Parameters
    ----------
    target : str
        Which function.
    folder : Path
        Holds the corpus, and takes inputs that break a rule.
    slot : mmap
        Shows the input that runs now, for who finds this process dead.
    reports : text file
        Takes reports, each a line of JSON.
    """

    def __init__(self, target: str, harness: Harness, *, folder: Path, slot: mmap.mmap, reports: TextIO) -> None:
        self._target = target
        self._harness = harness
        self._folder = folder
        self._slot = slot
        self._reports = reports
        self._granted = 0
        self._next_report = 0.0
        # By rule, the smallest inputs that break it: size, what was broken, file.
        self._violations: defaultdict[str, list[tuple[int, str, str]]] = defaultdict(list)

    def run(self, data: bytes) -> None:
        """Run one input, and say so from time to time."""
        if self._harness.counts["inputs"] >= self._granted:
            self._ask_for_more()
        self._slot[:4] = len(data).to_bytes(4)
        self._slot[4 : 4 + len(data)] = data
        case = self._case(data)
        violation = self._harness.run(case)
        if violation:
            self._save(violation, case)
        now = time.monotonic()
        if now > self._next_report:
            self._next_report = now + _REPORT_SECONDS
            self._report()

    def mutate(self, data: bytes, max_size: int, seed: int) -> bytes:
        """Make another input of one, for libFuzzer."""
        random = Random(seed)  # noqa: S311 it keeps no secret
        return mutate(data, self._target, random, max_size=min(max_size, MAX_INPUT_BYTES), havoc=atheris.Mutate)

    def _case(self, data: bytes) -> Case:
        try:
            case = parse(data)
        except BadCaseError:  # libFuzzer's own first inputs
            return draw(self._target, Random(crc32(data)))  # noqa: S311 it keeps no secret
        return case if case.target == self._target else draw(self._target, Random(crc32(data)))  # noqa: S311

    def _ask_for_more(self) -> None:
        self._report(wants_more=True)
        grant = sys.stdin.readline()
        if not grant.strip():
            os._exit(0)
        self._granted += int(grant)

    def _report(self, *, wants_more: bool = False) -> None:
        meter = self._harness.meter
        report = {
            "counts": self._harness.counts,
            "cpu_seconds": meter.cpu_seconds,
            "growth_bytes": meter.growth_bytes,
            "wants_more": wants_more,
            "violations": [[what, file] for kept in self._violations.values() for _, what, file in kept],
        }
        try:
            self._reports.write(json.dumps(report) + "\n")
            self._reports.flush()
        except BrokenPipeError:
            os._exit(1)

    def _save(self, violation: ViolationError, case: Case) -> None:
        """Keep an input that breaks a rule, as long as there are not some smaller ones."""
        kept = self._violations[violation.rule]
        data = case.to_bytes()
        if len(kept) == _SHOWN_PER_RULE and len(data) >= kept[-1][0]:
            return
        file = str(save(data, self._folder))
        if all(file != other for _, _, other in kept):
            kept.append((len(data), str(violation), file))
            kept.sort()
        for _, _, larger in kept[_SHOWN_PER_RULE:]:
            Path(larger).unlink(missing_ok=True)
        del kept[_SHOWN_PER_RULE:]


def main(target: str, folder: Path, slot_path: Path, seed: int) -> None:
    """Fuzz until no more inputs are granted."""
    corpus = folder / target
    corpus.mkdir(parents=True, exist_ok=True)
    reports: Any = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed shall not stand among the reports
    arguments = [
        sys.argv[0],
        str(corpus),
        f"-max_len={MAX_INPUT_BYTES}",
        f"-seed={seed}",
        f"-artifact_prefix={folder}/",
        # Time and memory are measured here, by input and not by process.
        "-rss_limit_mb=0",
        f"-timeout={10**6}",
    ]
    with (
        slot_path.open("r+b") as file,
        mmap.mmap(file.fileno(), SLOT_BYTES) as slot,
        running(_InstrumentedLoader()) as stand,
    ):
        worker = Worker(target, Harness(stand), folder=folder, slot=slot, reports=reports)
        atheris.Setup(arguments, worker.run, custom_mutator=worker.mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
