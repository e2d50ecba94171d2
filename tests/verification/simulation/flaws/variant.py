"""What a flawed product is, and the trouble in which its flaw shows."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from random import Random
from types import SimpleNamespace
from typing import Any

from verification.simulation.flaw import Flaw
from verification.simulation.plan.draw_years import with_years
from verification.simulation.plan.plan import Operation, PlannedRedrive, Sending, SimulationPlan
from verification.simulation.plan.unwelcome import unreadable
from verification.simulation.world import faults
from verification.simulation.world.faults import Outage

Trouble = Callable[[SimulationPlan], SimulationPlan]


@dataclass(frozen=True)
class Variant:
    """A flawed product: what is wrong with it, and the rule that the simulation has to say it breaks.

    `first` is the seed from which on to look, and `trouble` adds to its plan, for flaws that show only if something
    rare happens.
    """

    name: str
    rule: str
    flaws: tuple[Flaw, ...] = ()
    settings: dict[str, Any] | None = None
    first: int = 0
    trouble: Trouble = lambda plan: plan

    def plan(self, drawn: SimulationPlan) -> SimulationPlan:
        """Put the settings of the stack, and the trouble, into a plan."""
        return self.trouble(replace(drawn, settings=replace(drawn.settings, **(self.settings or {}))))


def flawed(name: str, rule: str, place: str, change: Any, **how: Any) -> Variant:
    """Make a variant with one flaw, at a place named `module:name`, as `Flaw` has them."""
    module, _, changed = place.partition(":")
    return Variant(name, rule, (Flaw(module, changed, change),), **how)


def never_raises(function: Any) -> Any:
    """Let a function end well whatever happens."""

    def ends_well(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except Exception:  # noqa: BLE001 that is the flaw
            return None

    return ends_well


def with_client(owner: Any, **operations: Any) -> Any:
    """Copy what holds a client of AWS, and put other operations in the place of the client's."""
    other = copy(owner)
    other._client = SimpleNamespace(**operations)
    return other


def outage(service: str) -> Trouble:
    """Let a service refuse for an hour, from before the first webhook."""

    def trouble(plan: SimulationPlan) -> SimulationPlan:
        outage = Outage(frozenset({service}), begins=plan.begins, ends=plan.begins + 3600)
        return replace(plan, operations=[outage, *plan.operations])

    return trouble


def with_faults(**rates: float) -> Trouble:
    """Let faults of these kinds strike, and no others."""
    kinds = {getattr(faults, name): rate for name, rate in rates.items()}
    return lambda plan: replace(plan, rates=kinds)


def poisoned(plan: SimulationPlan) -> SimulationPlan:
    """Send fourteen webhooks that cannot be read, a binary one among them, and redrive."""
    numbers = range(24, 38)
    poison = [Sending(1_000_000 + number, float(number), unreadable(Random(number), number)) for number in numbers]
    redrives: list[Operation] = [PlannedRedrive(100.0 * number, {}) for number in range(1, 6)]
    return replace(plan, sendings=[*plan.sendings, *poison], operations=redrives, rates={})


def untroubled(plan: SimulationPlan) -> SimulationPlan:
    return replace(poisoned(plan), operations=[])


def poisoned_without_tables(plan: SimulationPlan) -> SimulationPlan:
    return outage("dynamodb")(poisoned(plan))


def poisoned_and_crashing(plan: SimulationPlan) -> SimulationPlan:
    return with_faults(CRASH_BEFORE=0.1)(poisoned(plan))


def simultaneous(plan: SimulationPlan) -> SimulationPlan:
    """Send, after each of some events, another of the same time."""
    events = [one.event for one in plan.sendings if one.event and one.event.event_id][:40]
    others = [replace(event, event_id=f"{event.event_id}z", data={"after": event.event_id}) for event in events]
    twins = [Sending(1_000_000 + n, max(0.0, one.at) + 60, one.content(), one) for n, one in enumerate(others)]
    return replace(plan, sendings=[*plan.sendings, *twins], rates={})


def over_years(plan: SimulationPlan) -> SimulationPlan:
    """Send some requests over years, lose some states, and let no fault strike."""
    return replace(with_years(replace(plan, sendings=plan.sendings[:20], operations=[])), rates={})


def from_the_future(plan: SimulationPlan) -> SimulationPlan:
    """Send an event two hours early."""
    sending = next(one for one in plan.sendings if one.event and one.at >= 0)
    assert sending.event
    event = replace(sending.event, event_id="future", at=sending.at + 7200)
    early = Sending(1_000_000, sending.at, event.content(), event)
    return replace(plan, sendings=[*plan.sendings, early], rates={})


def with_long_names(plan: SimulationPlan) -> SimulationPlan:
    """Send, after each of some events, another with names of fields that are too long for an event on the bus."""
    events = [one.event for one in plan.sendings if one.event and one.at >= 0][:20]
    data = {"é" * 30_000 + str(number): number for number in range(3)}
    others = [
        replace(event, event_id=f"long{number}", at=event.at + 1, data=data, request_status="ASSIGNED")
        for number, event in enumerate(events)
    ]
    late = [Sending(1_000_000 + n, max(0.0, one.at) + 60, one.content(), one) for n, one in enumerate(others)]
    return replace(plan, sendings=[*plan.sendings, *late], rates={})
