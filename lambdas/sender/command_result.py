"""How a command ends, as it is told on the bus."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vectorcare_bridge.commands.command import Command

SCHEMA_VERSION = "1.0"


class Outcome(StrEnum):
    """How a command ends; the bus's detail types."""

    SUCCEEDED = "CommandSucceeded"
    FAILED = "CommandFailed"
    EXPIRED = "CommandExpired"
    UNCERTAIN = "CommandUncertain"
    """VectorCare may have it, and may not: the next webhook says which."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The end of a command.

    Attributes
    ----------
    outcome : Outcome
        How it ended.
    command_id, command : str
        Which command, and its kind.
    service_request_id : str or None
        Whose; of `create_request` the new one's, where VectorCare has named it.
    reason : str or None
        Why it did not succeed: a code, never a text.
    attempts : int
        How often SQS delivered it.
    lag_seconds : float
        From its arrival on the queue to its end.
    """

    outcome: Outcome
    command_id: str
    command: str
    service_request_id: str | None
    reason: str | None
    attempts: int
    lag_seconds: float

    def detail(self) -> dict[str, Any]:
        """Write what subscribers are told."""
        return {
            "schema_version": SCHEMA_VERSION,
            "command_id": self.command_id,
            "command": self.command,
            "service_request_id": self.service_request_id,
            "outcome": self.outcome.removeprefix("Command").lower(),
            "reason": self.reason,
            "attempts": self.attempts,
            "lag_seconds": self.lag_seconds,
        }


def end(
    command: Command,
    outcome: Outcome,
    *,
    attempts: int,
    lag_seconds: float,
    reason: str | None = None,
    service_request_id: str | None = None,
) -> CommandResult:
    """End a command; `service_request_id` names the one that it created."""
    return CommandResult(
        outcome=outcome,
        command_id=command.command_id,
        command=command.kind,
        service_request_id=service_request_id or command.service_request_id,
        reason=reason,
        attempts=attempts,
        lag_seconds=round(lag_seconds, 3),
    )
