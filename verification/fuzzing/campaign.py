"""Many inputs, over some processes: who may run how many, and what they came to."""

import selectors
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from verification.fuzzing.case import save
from verification.fuzzing.process import Process

_GRANT = 1000
_LOOK_SECONDS = 1.0


@dataclass(slots=True)
class TargetTotals:
    """What one target's inputs came to; see `harness.Harness.counts`."""

    counts: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0
    growth_bytes: int = 0
    coverage: int = 0


@dataclass(slots=True)
class Totals:
    """What a campaign came to.

    Attributes
    ----------
    violations : list of (str, str)
        What was broken, and the file of the input; few of each rule.
    """

    targets: dict[str, TargetTotals]
    violations: list[tuple[str, str]] = field(default_factory=list)

    def count(self, name: str) -> int:
        """Add up one count over the targets."""
        return sum(totals.counts[name] for totals in self.targets.values())

    def last_line(self) -> str:
        """Write the totals as one line."""
        return f"inputs {self.count('inputs')}, signed {self.count('signed')}, violations {self.count('violations')}"


class Campaign:
    """A run of so many inputs.

    Parameters
    ----------
    targets : sequence of str
        Each gets the same share.
    inputs : int
        In all.
    processes : int
        How many at once; one that has no more to do for its target goes over to another.
    folder : Path
        The corpus, and inputs that break a rule.
    seed : int
        Of the first process; the next ones have the numbers after it.
    """

    def __init__(self, targets: Sequence[str], *, inputs: int, processes: int, folder: Path, seed: int) -> None:
        share, rest = divmod(inputs, len(targets))
        self._left = {target: share + (number < rest) for number, target in enumerate(targets)}
        self._processes = processes
        self._folder = folder
        self._next_seed = seed
        self._running: list[Process] = []
        self._ended: list[Process] = []
        self._deaths: list[tuple[str, str]] = []
        self._died: Counter[str] = Counter()
        self._selector = selectors.DefaultSelector()

    def run(self, progress: Callable[[Totals], None]) -> None:
        """Run until all inputs are through; `progress` is told the totals about once a second."""
        try:
            while self._start() or self._running:
                for key, _ in self._selector.select(timeout=_LOOK_SECONDS):
                    self._hear(key.data)
                for process in [one for one in self._running if one.hangs()]:
                    self._bury(process)
                progress(self.totals())
        finally:
            for process in self._running:
                process.kill()

    def totals(self) -> Totals:
        """Add up what the processes have reported so far."""
        processes = self._ended + self._running
        totals = Totals({target: TargetTotals() for target in self._left}, list(self._deaths))
        for process in processes:
            target = totals.targets[process.target]
            target.counts.update(process.counts)
            target.cpu_seconds = max(target.cpu_seconds, process.cpu_seconds)
            target.growth_bytes = max(target.growth_bytes, process.growth_bytes)
            target.coverage = max(target.coverage, process.coverage())
            totals.violations += process.violations
        for name, deaths in self._died.items():
            totals.targets[name].counts["violations"] += deaths
        return totals

    def _start(self) -> bool:
        """Start what is missing; answer whether any is running."""
        while len(self._running) < self._processes:
            waiting = [target for target, left in self._left.items() if left]
            if not waiting:
                break
            # The one that fewest work on; of these, the one with most to do.
            busy = Counter(process.target for process in self._running)
            target = min(waiting, key=lambda name: (busy[name], -self._left[name]))
            process = Process(target, self._folder, self._next_seed)
            self._next_seed += 1
            self._running.append(process)
            self._selector.register(process, selectors.EVENT_READ, process)
        return bool(self._running)

    def _hear(self, process: Process) -> None:
        if not process.hear():
            self._bury(process)
        elif process.wants_more:
            grant = min(_GRANT, self._left[process.target])
            self._left[process.target] -= grant
            process.granted += grant
            process.grant(grant)

    def _bury(self, process: Process) -> None:
        """Let a process go that has ended, or hangs; an end that nobody wished for breaks a rule."""
        rule = "an input hangs" if process.hangs() else "an input ends the process"
        self._selector.unregister(process)
        self._running.remove(process)
        self._ended.append(process)
        code = process.end()
        if code == 0:
            return
        data = process.last_input()
        if data is None:
            raise RuntimeError(f"a process ended before it began, with {code}:\n{process.last_words()}")
        self._died[process.target] += 1
        self._deaths.append((f"{rule} ({code})", str(save(data, self._folder))))
        self._left[process.target] += process.granted - process.counts["inputs"]
