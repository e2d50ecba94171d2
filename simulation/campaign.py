"""Many seeds, over the processor's cores."""

import gc
import logging
import multiprocessing
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from simulation.run import Result, run


@dataclass(slots=True)
class Totals:
    """What all seeds together came to.

    Attributes
    ----------
    failing : list of Result
        Those with violations.
    """

    seeds: int = 0
    events: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failing: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Add one seed's result."""
        self.seeds += 1
        self.events += result.events
        self.faults.update(result.faults)
        if result.violations:
            self.failing.append(result)

    @property
    def violations(self) -> int:
        """How many rules were broken, over all seeds."""
        return sum(len(result.violations) for result in self.failing)

    def last_line(self) -> str:
        """Write the totals as one line."""
        faults = sum(self.faults.values())
        return f"seeds {self.seeds}, events {self.events}, faults {faults}, violations {self.violations}"


def run_all(seeds: Sequence[int], *, events: int, processes: int, progress: Callable[[Result], None]) -> Totals:
    """Run seeds.

    Parameters
    ----------
    seeds : sequence of int
        Which.
    events : int
        Webhooks for each.
    processes : int
        How many to run at once.
    progress : callable
        Told each result, in any order.
    """
    totals = Totals()
    one = partial(_run_one, events=events)
    if processes == 1:
        _warm_up()
        for result in map(one, seeds):
            totals.add(result)
            progress(result)
        return totals
    with multiprocessing.get_context("spawn").Pool(processes, initializer=_warm_up) as pool:
        for result in pool.imap_unordered(one, seeds, chunksize=4):
            totals.add(result)
            progress(result)
    return totals


def _warm_up() -> None:
    # Nobody reads where a line was logged (Logging HOWTO, "Optimization").
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # What the first run imports stays for good: no collection needs to look at it again.
    _run_one(0, events=1)
    gc.freeze()


def _run_one(seed: int, *, events: int) -> Result:
    # A run makes much that refers to itself and is all thrown away at its end: once is cheaper than all the time.
    gc.disable()
    try:
        return run(seed, events=events)
    finally:
        gc.enable()
        gc.collect()
