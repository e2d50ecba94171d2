"""What all parts of a run share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

from verification.simulation.plan.plan import Settings
from verification.simulation.world.faults import OUTAGE_BEGUN, Faults, Outage
from verification.simulation.world.scheduler import Scheduler

_MOST_VIOLATIONS = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that did not hold."""

    rule: str
    detail: str
    at: float


@dataclass(frozen=True)
class RunContext:
    """Time, faults, chance and rules of a run; `say` takes who did what, for the trace."""

    settings: Settings
    scheduler: Scheduler
    faults: Faults
    random: Random
    say: Callable[[str, str], None]
    violations: list[Violation] = field(default_factory=list)

    @property
    def now(self) -> float:
        return self.scheduler.now

    def violate(self, rule: str, detail: str) -> None:
        if len(self.violations) < _MOST_VIOLATIONS:
            self.violations.append(Violation(rule, detail, self.now))

    def plan_outage(self, who: str, outage: Outage) -> None:
        self.at(outage.begins, partial(self._begin, who, outage))
        self.at(outage.ends, partial(self.faults.end, outage))

    def _begin(self, who: str, outage: Outage) -> None:
        services = " and ".join(sorted(outage.services))
        self.say(who, f"outage of {services} until {outage.ends:.0f} {outage.refusal}")
        self.faults.count(OUTAGE_BEGUN + services)
        self.faults.begin(outage)

    def at(self, when: float, action: Callable[[], None]) -> None:
        self.scheduler.at(when, action)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.scheduler.after(seconds, action)

    def strikes(self, fault: str) -> bool:
        return self.faults.strikes(fault)

    def chance(self, seconds: float) -> float:
        """Draw a time of so many seconds at most."""
        return self.random.random() * seconds
