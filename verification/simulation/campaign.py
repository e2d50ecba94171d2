"""Many seeds, over the processor's cores."""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from verification.simulation.run import SimulationResult, run

_SEEDS_OF_A_PROCESS = 4


@dataclass(slots=True)
class Totals:
    """What all seeds together came to; `failing` are those with violations."""

    seeds: int = 0
    events: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failing: list[SimulationResult] = field(default_factory=list)

    def add(self, result: SimulationResult) -> None:
        self.seeds += 1
        self.events += result.events
        self.faults.update(result.faults)
        if result.violations:
            self.failing.append(result)

    @property
    def violations(self) -> int:
        return sum(len(result.violations) for result in self.failing)

    def last_line(self) -> str:
        faults = sum(self.faults.values())
        return f"seeds {self.seeds}, events {self.events}, faults {faults}, violations {self.violations}"


def run_all(
    seeds: Sequence[int], *, events: int, processes: int, progress: Callable[[SimulationResult], None]
) -> Totals:
    """Run seeds, so many processes in parallel; `progress` takes each result, in any order."""
    totals = Totals()
    # Memory is freed when a process ends: no run is collected.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["verification.simulation.warm"])
    with context.Pool(processes, maxtasksperchild=1) as pool:
        for result in pool.imap_unordered(partial(run, events=events), seeds, chunksize=_SEEDS_OF_A_PROCESS):
            totals.add(result)
            progress(result)
    return totals
