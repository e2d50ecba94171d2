"""Whether the functions' processes keep growing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression

from verification.load.workers import FunctionWorker

BOUND_BYTES = 2 * 1024 * 1024
"""What a worker may grow by over the second half of a run, as the straight line through its samples has it."""

_FEWEST_SAMPLES = 20


@dataclass(frozen=True)
class Growth:
    """Growth over the second half of a run, by function, of its worker that grew most; in bytes.

    `sizes` is that worker's resident memory at the end. Only workers that lived through the whole half count.
    """

    workers: dict[str, float]
    sizes: dict[str, int]

    @property
    def is_flat(self) -> bool:
        return all(grown <= BOUND_BYTES for grown in self.workers.values())


def measure(memory: Mapping[FunctionWorker, Sequence[tuple[float, int]]], *, begin: float, end: float) -> Growth:
    """Fit a line through each worker's samples of the second half; `begin` and `end` in seconds since 1970."""
    middle = (begin + end) / 2
    grown: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for worker, samples in memory.items():
        half = [(at, size) for at, size in samples if middle <= at <= end]
        if len(half) < _FEWEST_SAMPLES or samples[0][0] > middle or samples[-1][0] < end:
            continue
        growth = linear_regression(*zip(*half, strict=True)).slope * (end - middle)
        if growth >= grown.get(worker.function, growth):
            grown[worker.function], sizes[worker.function] = growth, half[-1][1]
    return Growth(workers=grown, sizes=sizes)
