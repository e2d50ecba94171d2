"""One process under atheris: libFuzzer makes bytes, which decide on an input. Reports go to standard output.

libFuzzer itself saves what kills the process, hangs it or fills the memory.
"""

import json
import os
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TextIO

import atheris

from local import patience
from verification.fuzzing import grammar
from verification.fuzzing.case import save
from verification.fuzzing.functions import loaded
from verification.fuzzing.harness import Harness
from verification.simulation.world.loader import Loader

if TYPE_CHECKING:
    from types import CodeType

_MAX_INPUT_BYTES = 4096
_MAX_MEBIBYTES = 1024
_FIRST_INPUTS = 16
_REPORT_SECONDS = 0.5


class FuzzedRandom(Random):
    """Random decisions that libFuzzer's bytes make; the smallest ones when they are used up."""

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self._data = atheris.FuzzedDataProvider(data)

    def getrandbits(self, k: int) -> int:
        return int(self._data.ConsumeIntInRange(0, (1 << k) - 1))

    def random(self) -> float:
        return min(float(self._data.ConsumeProbability()), 1 - 2**-53)

    def randbytes(self, n: int) -> bytes:
        """Draw up to n bytes."""
        return bytes(self._data.ConsumeBytes(n))


class _InstrumentedLoader(Loader):
    """The functions' code, reporting to libFuzzer which branches it takes and what it compares."""

    def __init__(self) -> None:
        super().__init__()
        self._code: dict[str, CodeType] = {
            name: atheris.patch_code(code, trace_dataflow=True) for name, code in self._code.items()
        }


class FuzzWorker:
    """Runs so many inputs, saves the first that breaks each rule, and ends the process."""

    def __init__(self, target: str, harness: Harness, *, inputs: int, folder: Path, reports: TextIO) -> None:
        self._target = target
        self._harness = harness
        self._inputs = inputs
        self._folder = folder
        self._reports = reports
        self._next_report = 0.0
        self._violations: dict[str, tuple[str, str]] = {}

    def run(self, data: bytes) -> None:
        case = grammar.case(self._target, FuzzedRandom(data))
        violation = self._harness.run(case)
        if violation and violation.rule not in self._violations:
            self._violations[violation.rule] = str(violation), str(save(case, self._folder))
        is_done = self._harness.counts["inputs"] >= self._inputs
        if is_done or time.monotonic() > self._next_report:
            self._next_report = time.monotonic() + _REPORT_SECONDS
            self._report()
        if is_done:
            os._exit(0)  # libFuzzer has no end that would clean up either

    def _report(self) -> None:
        report = {
            "counts": self._harness.counts,
            "cpu_seconds": self._harness.cpu_seconds,
            "growth_bytes": self._harness.growth_bytes,
            "violations": list(self._violations.values()),
        }
        try:
            self._reports.write(json.dumps(report) + "\n")
            self._reports.flush()
        except BrokenPipeError:
            os._exit(1)


def main(target: str, inputs: int, folder: Path, seed: int) -> None:
    """Fuzz until so many inputs are through."""
    corpus, violations = folder / target, folder / "violations"
    for each in (corpus, violations):
        each.mkdir(parents=True, exist_ok=True)
    if not any(corpus.iterdir()):
        random = Random(seed)  # noqa: S311 it keeps no secret
        for number in range(_FIRST_INPUTS):
            (corpus / f"first-{number}").write_bytes(random.randbytes(_MAX_INPUT_BYTES // 8))
    reports: Any = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed must not come between the reports
    arguments = [
        sys.argv[0],
        str(corpus),
        f"-max_len={_MAX_INPUT_BYTES}",
        "-len_control=0",
        f"-seed={seed}",
        f"-artifact_prefix={violations}/{target}-",
        f"-rss_limit_mb={_MAX_MEBIBYTES}",
        f"-timeout={int(patience.SECONDS)}",
    ]
    with loaded(_InstrumentedLoader()) as functions:
        worker = FuzzWorker(target, Harness(functions), inputs=inputs, folder=violations, reports=reports)
        atheris.Setup(arguments, worker.run)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
