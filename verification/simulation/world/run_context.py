"""What all parts of a run share."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from verification.simulation.history.violations import Violations
from verification.simulation.plan.plan import Settings
from verification.simulation.world.faults import Faults
from verification.simulation.world.scheduler import Scheduler


@dataclass(frozen=True)
class RunContext:
    """Time, faults, chance and rules of a run; `say` takes who did what, for the trace."""

    settings: Settings
    scheduler: Scheduler
    faults: Faults
    random: Random
    violations: Violations
    say: Callable[[str, str], None]

    @property
    def now(self) -> float:
        """Seconds on the simulation's clock."""
        return self.scheduler.now

    def violate(self, rule: str, detail: str) -> None:
        """Note that a rule does not hold."""
        self.violations.add(rule, detail)

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something at a time, or now if that is past."""
        self.scheduler.at(when, action)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something in so many seconds."""
        self.scheduler.after(seconds, action)

    def strikes(self, fault: str) -> bool:
        """Decide whether a fault strikes now."""
        return self.faults.strikes(fault)

    def chance(self, seconds: float) -> float:
        """Draw a time of so many seconds at most."""
        return self.random.random() * seconds
