"""Years in a run: requests without news for months, and states that lose something meanwhile.

Drawn apart from all the rest: what a seed sends before, and when, stays what it was without them.
"""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from verification.simulation.plan.plan import Loss, Operation, Replay, Sending, SimulationPlan
from verification.simulation.plan.trips import Trips

_DAY = 86_400.0
_LIKELIHOOD = 0.4
_SILENCES = (1.0, 14.0, 29.0, 29.99, 30.01, 31.0, 100.0, 400.0, 1500.0)
_LATE = (0.5, 29.0, 29.99, 30.01, 31.0, 100.0)


def draw_years(plan: SimulationPlan) -> SimulationPlan:
    """Add to a plan, as its seed decides, some years in which little comes; retention is a month."""
    random = Random(f"whether years {plan.seed}")  # noqa: S311 it keeps no secret
    return with_years(plan) if random.random() < _LIKELIHOOD else plan


def with_years(plan: SimulationPlan) -> SimulationPlan:
    """Add them in any case."""
    return _Drawing(plan).plan()


class _Drawing:
    def __init__(self, plan: SimulationPlan) -> None:
        random = Random(f"years {plan.seed}")  # noqa: S311 it keeps no secret
        self._random = random
        self._plan = plan
        self._trips = Trips(random, chronological_ids=random.random() < 0.7, odd=0.2)  # noqa: PLR2004 seven in ten

    def plan(self) -> SimulationPlan:
        random = self._random
        sendings = [one for number in range(random.randint(1, 8)) for one in self._request(f"VC-YEARS-{number}")]
        first = len(self._plan.sendings)
        numbered = [
            replace(one, number=first + place) for place, one in enumerate(sorted(sendings, key=lambda one: one.at))
        ]
        ends = max(one.at for one in numbered)
        operations: list[Operation] = []
        for _ in range(random.choice((0, 1, 3))):
            lost = random.random() * ends
            operations.append(Loss(lost, only_data=random.random() < 0.5))  # noqa: PLR2004 each as likely
            operations.append(Replay(lost + random.choice((0.0, 60.0, 40 * _DAY, 700 * _DAY))))
        return replace(
            self._plan,
            sendings=[*self._plan.sendings, *numbered],
            operations=[*self._plan.operations, *operations],
        )

    def _request(self, name: str) -> Iterator[Sending]:
        """Send the events of a request with long silences between, some of them late, and some once more."""
        random = self._random
        service_request_id = f"{name}-{self._plan.seed}"
        at = self._plan.settings.span * random.random()
        times = [at]
        for _ in range(random.randint(1, 4)):
            at += random.choice(_SILENCES) * _DAY
            times.append(at)
        closes = random.randint(1, len(times))
        before = self._trips.closed_trip(service_request_id, times[:closes])
        for event in [*before, *self._trips.trip(service_request_id, times[closes:])]:
            content = event.content()
            is_late = random.random() < 0.2  # noqa: PLR2004 one in five
            sent = event.at + (random.choice(_LATE) * _DAY if is_late else random.random())
            yield Sending(0, sent, content, event)
            if random.random() < 0.3:  # noqa: PLR2004 three in ten
                yield Sending(0, sent + random.choice(_LATE) * _DAY, content)
