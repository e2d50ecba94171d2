"""The shape of the other direction's part of a plan: commands, and what befalls VectorCare and its secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from verification.simulation.plan import template
from verification.simulation.world.faults import Outage

MAX_RECEIVES = template.figure("outbound/commands", "MAX_RECEIVE_COUNT")
"""Far above what an hour without VectorCare, or without the bus, takes."""


class Expected(Enum):
    """What must come of a command."""

    TAKEN = auto()
    """VectorCare takes it."""
    FORBIDDEN = auto()
    """VectorCare refuses it for good."""
    REFUSED = auto()
    """No call may be spent on it."""
    UNREADABLE = auto()
    """It dies."""
    FOLLOWS = auto()
    """VectorCare takes it once it has the acceptance before it."""


@dataclass(frozen=True, slots=True)
class PlannedCommand:
    """A message that the CAD puts on the queue; `number` is its place in the plan, by which it can be picked.

    Attributes
    ----------
    command_id : str
        Its name; empty if SQS's message id is its name.
    marks : frozenset of str
        What tells its parts from all others in a call: positions, or the one thing that it says.
    reason : str
        Why it cannot be read, of the closed list; empty if it can.
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

    Attributes
    ----------
    statuses : mapping of str to str
        VectorCare's, by service request.
    foreign : frozenset of str
        Service requests that are another company's.
    max_receives : int
        Less than the stack's lets commands die that can be read, wherever they are by then.
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
        """When all of it has happened."""
        times = [
            *(one.at for one in self.commands),
            *(one.at + one.gap for one in self.rotations),
            *(one.ends for one in self.outages),
        ]
        return max(times, default=0.0)
