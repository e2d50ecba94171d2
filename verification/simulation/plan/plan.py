"""The shape of a plan; tests/stacks compares the template's figures that stand here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

from verification.simulation.plan.content import Content, PlannedEvent
from verification.simulation.world.faults import Outage

MAX_RECEIVES = 300
"""Far above what an hour without VectorCare, or without the bus, takes."""
VISIBILITY_TIMEOUT = 360


@dataclass(frozen=True, slots=True)
class Settings:
    """How the stack, and the world around it, are in one run; times in seconds, retention in days."""

    order_by: str = "event_timestamp"
    retention_days: int = 30
    visibility_timeout: int = VISIBILITY_TIMEOUT
    """Less than the stack's lets it run out while batches are worked on."""
    max_receives: int = 30
    in_flight_limit: int = 120_000
    """Of the dead-letter queue."""
    max_concurrency: int = 2
    latency: float = 0.02
    """Longest half of a call."""
    skew: float = 0.0
    """How far clocks may be ahead or behind."""
    expiry_delay: float = 600.0
    """Longest time after which DynamoDB deletes an expired item."""
    restamps: bool = False
    """VectorCare stamps its retries with their own time."""
    span: float = 600.0
    """How long webhooks come in."""
    publish_data: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """One webhook that somebody sends, with its retries; `number` is its place in the plan, by which it can be picked.

    `event` is what VectorCare would write for a retry with another time, `forgery` what is wrong with the request.
    """

    number: int
    at: float
    content: Content
    event: PlannedEvent | None = None
    forgery: str = ""


@dataclass(frozen=True, slots=True)
class PlannedRedrive:
    """An operator runs the redrive function, or presses the SQS console's own button for it.

    If `killed_after` is given, the function's container crashes so many seconds after it has begun.
    """

    at: float
    event: dict[str, Any]
    by_console: bool = False
    killed_after: float | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """An operator rebuilds some states from the journal."""

    at: float


@dataclass(frozen=True, slots=True)
class Loss:
    """An operator, or a fault, removes an item of the state, or only its data register."""

    at: float
    only_data: bool


@dataclass(frozen=True, slots=True)
class Deploy:
    """Every function gets a new version; ingest's knows these keys."""

    at: float
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rotation:
    """VectorCare signs with its new key from now on."""

    at: float


@dataclass(frozen=True, slots=True)
class ByHand:
    """An operator puts a webhook's body on the queue, and nothing else of it."""

    at: float
    content: Content


@dataclass(frozen=True, slots=True)
class Stray:
    """An operator puts something on the queue of unpublished events that is no event."""

    at: float
    body: str


Operation = ByHand | PlannedRedrive | Replay | Loss | Deploy | Rotation | Stray | Outage


class Expected(Enum):
    """What must come of a command."""

    TAKEN = auto()
    """VectorCare takes it."""
    FORBIDDEN = auto()
    """VectorCare refuses it permanently."""
    REFUSED = auto()
    """No call may be spent on it."""
    UNREADABLE = auto()
    """It dies."""
    FOLLOWS = auto()
    """VectorCare takes it once it has the acceptance before it."""


@dataclass(frozen=True, slots=True)
class PlannedCommand:
    """A message that the CAD puts on the queue; `number` is its place in the plan, by which it can be picked.

    `command_id` is empty if SQS's message id is its name. `marks` distinguish its parts from all others in a call:
    positions, or the one thing that it says. `reason` says why it cannot be read, and is empty if it can.
    """

    number: int
    at: float
    body: str
    kind: str
    command_id: str
    service_request_id: str
    marks: frozenset[str]
    expected: Expected
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SecretRotation:
    """Another client secret: in force at VectorCare from `at` on, and in the secret so many seconds later.

    `revokes` takes all tokens back, too.
    """

    at: float
    gap: float
    revokes: bool


@dataclass(frozen=True, slots=True)
class OutboundPlan:
    """All that is decided about commands before a run.

    `statuses` are VectorCare's, by service request; `foreign` are those of another company. With fewer `max_receives`
    than the stack's even readable commands may die.
    """

    commands: tuple[PlannedCommand, ...] = ()
    rotations: tuple[SecretRotation, ...] = ()
    outages: tuple[Outage, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    max_receives: int = MAX_RECEIVES

    @property
    def ends(self) -> float:
        times = [
            *(one.at for one in self.commands),
            *(one.at + one.gap for one in self.rotations),
            *(one.ends for one in self.outages),
        ]
        return max(times, default=0.0)


@dataclass(frozen=True)
class SimulationPlan:
    """Everything that is decided before a run."""

    seed: int
    settings: Settings
    rates: dict[str, float]
    sendings: list[Sending]
    operations: list[Operation]
    variation: int = 0
    outbound: OutboundPlan = field(default_factory=OutboundPlan)

    @property
    def begins(self) -> float:
        """When the first webhook is sent, or 0; seconds on the simulation's clock."""
        return min((sending.at for sending in self.sendings), default=0.0)

    def is_untroubled(self) -> bool:
        """Whether nothing can keep a webhook from being accepted: no fault, no outage, no change of keys."""
        return not self.rates and not any(isinstance(one, Outage | Rotation) for one in self.operations)

    def parts(self) -> tuple[str, ...]:
        """Name what can be left out: webhooks, operations and commands by their numbers, and kinds of faults."""
        return (
            *(f"webhook {one.number}" for one in self.sendings),
            *(f"operation {number}" for number in range(len(self.operations))),
            *(f"command {one.number}" for one in self.outbound.commands),
            *self.rates,
            *self.outbound.rates,
        )

    def only(self, parts: Collection[str], variation: int) -> "SimulationPlan":
        """Leave out all other parts; `variation` is another course of chance under the same plan."""
        outbound = replace(
            self.outbound,
            commands=tuple(one for one in self.outbound.commands if f"command {one.number}" in parts),
            rates={kind: rate for kind, rate in self.outbound.rates.items() if kind in parts},
        )
        return replace(
            self,
            sendings=[one for one in self.sendings if f"webhook {one.number}" in parts],
            operations=[one for number, one in enumerate(self.operations) if f"operation {number}" in parts],
            rates={kind: rate for kind, rate in self.rates.items() if kind in parts},
            variation=variation,
            outbound=outbound,
        )
