"""How a command ended, as subscribers of the bus read it."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

SCHEMA_VERSION = "1.0"


class Outcome(StrEnum):
    """How a command ends; these are the bus's detail types."""

    SUCCEEDED = "CommandSucceeded"
    FAILED = "CommandFailed"
    EXPIRED = "CommandExpired"
    UNCERTAIN = "CommandUncertain"
    """VectorCare may or may not have it: the next webhook says which."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The end of a command."""

    outcome: Outcome
    command_id: str
    command: str  # its kind
    service_request_id: str | None  # for `create_request` the new one's, if VectorCare has named it
    reason: str | None  # why it did not succeed: a code, never a text
    attempts: int  # how often SQS delivered it
    lag_seconds: float  # from its arrival on the queue to its end

    def detail(self) -> dict[str, Any]:
        outcome = self.outcome.removeprefix("Command").lower()
        return {"schema_version": SCHEMA_VERSION, **asdict(self), "outcome": outcome}
