"""A plan from a seed."""

from random import Random
from typing import Any

from verification.simulation.plan import swarm, unwelcome
from verification.simulation.plan.content import Content, PlannedEvent
from verification.simulation.plan.draw_outbound import draw_outbound
from verification.simulation.plan.draw_redrives import draw_redrives
from verification.simulation.plan.draw_years import draw_years
from verification.simulation.plan.keys import NEW, OLD
from verification.simulation.plan.plan import (
    ByHand,
    Deploy,
    Operation,
    PlannedRedrive,
    Replay,
    Rotation,
    Sending,
    SimulationPlan,
)
from verification.simulation.plan.trips import Trips
from verification.simulation.world.faults import Outage

_FORGERIES = (
    "no signature",
    "signature is garbage",
    "signed with an unknown key",
    "signature of other bytes",
    "a byte changed after signing",
    "signature not canonical",
    "wrong customer",
    "no customer",
    "body too large",
)
_SERVICES = ("sqs", "dynamodb", "s3", "events")
_REFUSALS = ("", "", "AccessDeniedException", "KMS.DisabledException")
_REASONS = ("exhausted", "not_json", "timestamp_in_future", "unstorable", "missing_field")
_DAY = 86_400.0
_EXPIRY_MARGIN_SECONDS = 900.0
_YEAR_9999 = 7973 * 365.2425 * _DAY


def draw(seed: int, events: int = 500) -> SimulationPlan:
    """Draw the plan of a seed with so many webhooks, retries not counted."""
    return draw_years(draw_redrives(_Drawing(seed).plan(events)))


class _Drawing:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._random = Random(f"plan {seed}")  # noqa: S311 it keeps no secret
        self._settings = swarm.settings(self._random)
        self._rates = swarm.sending_rates(self._random)
        self._trips = Trips(
            self._random,
            chronological_ids=self._chance(0.7),
            odd=self._rates.get(swarm.ODD, 0.0),
        )
        self._longest_trip = self._random.choice((4, 12, 60))
        self._sendings: list[Sending] = []
        self._operations: list[Operation] = []
        self._serial = 0

    def plan(self, events: int) -> SimulationPlan:
        while len(self._sendings) < events:
            self._send_some()
        sendings = sorted(self._sendings[:events], key=lambda sending: sending.at)
        return SimulationPlan(
            seed=self._seed,
            settings=self._settings,
            rates=swarm.fault_rates(self._random),
            sendings=[
                Sending(number, one.at, one.content, one.event, one.forgery) for number, one in enumerate(sendings)
            ],
            operations=self._all_operations(),
            outbound=draw_outbound(self._seed, events, span=self._settings.span),
        )

    def _send_some(self) -> None:
        self._serial += 1
        kinds = (swarm.UNREADABLE, swarm.FORBIDDEN, swarm.FUTURE, swarm.BY_HAND)
        # A trip brings several webhooks, each of these kinds one.
        singles = sum(self._rates.get(kind, 0.0) for kind in kinds) * self._longest_trip / 2
        if self._chance(singles / (1 + singles)):
            [kind] = self._random.choices(kinds, [self._rates.get(kind, 0.0) for kind in kinds])
            self._send_single(kind)
        elif self._chance(self._rates.get(swarm.EXPIRING, 0.0)):
            self._send_expiring()
        else:
            self._send_trip()

    def _send_single(self, kind: str) -> None:
        if kind == swarm.UNREADABLE:
            self._send_unreadable(unwelcome.unreadable(self._random, self._name()))
        elif kind == swarm.FUTURE:
            self._send_future()
        elif kind == swarm.BY_HAND:
            self._put_by_hand()
        else:
            content = unwelcome.forbidden(self._name())
            self._send(self._any_time(), content, forgery=self._random.choice(_FORGERIES))

    def _put_by_hand(self) -> None:
        [event] = self._trips.closed_trip(self._request_id(), [self._any_time()])
        content = event.content() if self._chance(0.5) else unwelcome.unreadable(self._random, self._name())
        self._operations.append(ByHand(self._any_time(), content))

    def _chance(self, likelihood: float) -> bool:
        return self._random.random() < likelihood

    def _name(self) -> int:
        return self._seed * 1_000_000 + self._serial

    def _any_time(self) -> float:
        return self._random.random() * self._settings.span

    def _send_unreadable(self, content: Content) -> None:
        at = self._any_time()
        self._send(at, content)
        if self._chance(self._rates.get(swarm.RESENT, 0.0)):
            self._send(self._later(at), content)

    def _send_future(self) -> None:
        random = self._random
        sent_at = self._any_time()
        if self._chance(0.1):
            at = _YEAR_9999
        elif self._chance(0.3):
            at = sent_at + 900 + random.uniform(-60, 60)
        else:
            at = sent_at + random.uniform(1200, 3 * swarm.HOUR)
        [event] = self._trips.closed_trip(self._request_id(), [at])
        self._send(sent_at, event.content(), event)

    def _send_expiring(self) -> None:
        """Send the last events of a service request shortly before it expires, and replay them around that time.

        The item may be kept for some minutes after the time from which on none of them can make it.
        """
        random = self._random
        deleted = self._any_time()
        expires = deleted - random.choice((0.0, _EXPIRY_MARGIN_SECONDS))
        ends = deleted - self._settings.retention_days * _DAY
        times = sorted(ends - random.random() ** 3 * 2 * _DAY for _ in range(random.randint(1, 4)))
        times[-1] = ends
        for event in self._trips.closed_trip(self._request_id(), times):
            content = event.content()
            first = (
                deleted - random.random() * 30 if self._chance(0.3) else expires - random.random() * self._settings.span
            )
            self._send(first, content, event)
            for _ in range(random.randint(0, 2)):
                near = random.choice((1.0, 30.0, 300.0))
                self._send(random.choice((expires, deleted)) + random.uniform(-0.3, 1.0) * near, content, event)

    def _send_trip(self) -> None:
        for event in self._trips.trip(self._request_id(), self._trip_times()):
            self._send_event(event)

    def _trip_times(self) -> list[float]:
        random = self._random
        at = self._any_time()
        times = []
        for _ in range(random.randint(1, self._longest_trip)):
            times.append(at)
            if self._chance(0.15):
                continue
            at += random.random() if self._chance(0.3) else random.expovariate(8 / self._settings.span)
        return times

    def _send_event(self, event: PlannedEvent) -> None:
        random = self._random
        content = event.content()
        at = max(0.0, event.at) + random.expovariate(2.0)
        if self._chance(self._rates.get(swarm.LATE, 0.0)):
            at = self._later(at)
        self._send(at, content, event)
        if self._chance(self._rates.get(swarm.RESENT, 0.0)):
            again = self._later(at)
            has_another_time = self._settings.restamps and self._chance(0.5)
            self._send(again, event.content(at=again) if has_another_time else content, event)
        if self._chance(self._rates.get(swarm.OTHER_BYTES, 0.0)):
            self._send(self._later(at), event.content(note=f"other {random.randrange(3)}"), event)

    def _later(self, at: float) -> float:
        return at + self._random.random() * self._random.choice((1.0, 30.0, self._settings.span / 3))

    def _request_id(self) -> str:
        self._serial += 1
        return f"VC-{self._name()}"

    def _send(self, at: float, content: Content, event: PlannedEvent | None = None, forgery: str = "") -> None:
        self._sendings.append(Sending(0, at, content, event, forgery))

    def _all_operations(self) -> list[Operation]:
        random, span = self._random, self._settings.span
        operations = self._operations
        if self._chance(0.5):
            operations += self._outages()
        if self._chance(0.3):
            added, rotated, removed = sorted(self._any_time() for _ in range(3))
            operations += [Deploy(added, (OLD, NEW)), Rotation(rotated), Deploy(removed, (NEW,))]
        elif self._chance(0.3):
            operations.append(Deploy(self._any_time(), (OLD,)))
        for _ in range(random.choice((0, 1, 2, 5))):
            operations.append(PlannedRedrive(random.uniform(0.2, 1.5) * span, self._redrive_event(), self._chance(0.2)))
        operations += [Replay(self._any_time()) for _ in range(random.choice((0, 0, 1, 4)))]
        return sorted(
            operations, key=lambda operation: operation.begins if isinstance(operation, Outage) else operation.at
        )

    def _outages(self) -> list[Operation]:
        """Draw one or two outages of one or two services, of an hour or less each."""
        random = self._random
        return [
            Outage(
                services=frozenset(random.sample(_SERVICES, random.choice((1, 2)))),
                begins=begins,
                ends=begins + random.choice((60.0, 600.0, swarm.HOUR)),
                refusal=random.choice(_REFUSALS),
            )
            for begins in (self._any_time() for _ in range(random.choice((1, 1, 2))))
        ]

    def _redrive_event(self) -> dict[str, Any]:
        random = self._random
        event: dict[str, Any] = {}
        if self._chance(0.2):
            event["dry_run"] = True
        if self._chance(0.3):
            event["limit"] = random.randint(1, 20)
        if self._chance(0.2):
            event["rate"] = random.choice((0.5, 2, 50))
        if self._chance(0.3):
            event["reason"] = random.choice(_REASONS)
        return event
