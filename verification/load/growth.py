"""Whether the functions' processes keep growing."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression

from verification.load.monitor import Memory

BOUND_BYTES = 2 * 1024 * 1024
"""What a worker may grow by over the second half of a run, as the straight line through its samples has it."""

_FEWEST_SAMPLES = 20


@dataclass(frozen=True)
class Growth:
    """Growth over the second half of a run.

    Attributes
    ----------
    workers : dict of str to float
        Bytes by function, of its worker that grew most, among those that lived through the whole half.
    sizes : dict of str to int
        Its resident memory at the end, in bytes.
    emulator_per_webhook : float
        Bytes by which the emulator, which keeps all its tables and logs in memory, grew for each webhook.
    """

    workers: dict[str, float]
    sizes: dict[str, int]
    emulator_per_webhook: float

    @property
    def is_flat(self) -> bool:
        """Whether no worker grew by more than the bound."""
        return all(grown <= BOUND_BYTES for grown in self.workers.values())


def measure(memory: Memory, *, begin: float, end: float, webhooks: int) -> Growth:
    """Fit a line through each worker's samples of the second half.

    Parameters
    ----------
    memory : Memory
        All samples.
    begin, end : float
        Of the sending, in seconds since 1970.
    webhooks : int
        How many were sent in that time.
    """
    middle = (begin + end) / 2
    grown: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for worker, samples in memory.workers.items():
        half = [(at, size) for at, size in samples if middle <= at <= end]
        lived_through = bool(half) and samples[0][0] <= middle and samples[-1][0] >= end
        if not lived_through or len(half) < _FEWEST_SAMPLES:
            continue
        growth = _slope(half) * (end - middle)
        if growth >= grown.get(worker.function, growth):
            grown[worker.function], sizes[worker.function] = growth, half[-1][1]
    during = [(at, size) for at, size in memory.emulator if begin <= at <= end]
    per_webhook = _slope(during) * (end - begin) / webhooks if len(during) > 1 and webhooks else 0.0
    return Growth(workers=grown, sizes=sizes, emulator_per_webhook=per_webhook)


def _slope(samples: Sequence[tuple[float, int]]) -> float:
    return float(linear_regression([at for at, _ in samples], [size for _, size in samples]).slope)
