"""The result of a command, as subscribers read it."""

import pytest

from sender.command_result import CommandResult, Outcome, end
from vectorcare_bridge.commands.command import Command, Kind


@pytest.mark.parametrize(
    ("outcome", "word", "reason"),
    [
        (Outcome.SUCCEEDED, "succeeded", None),
        (Outcome.FAILED, "failed", "api:not_found"),
        (Outcome.EXPIRED, "expired", "max_age"),
        (Outcome.UNCERTAIN, "uncertain", "no_answer"),
    ],
)
@pytest.mark.parametrize(
    ("command", "created"),
    [
        (Command(Kind.ACCEPT, "c-1", "VC-1", {}), None),
        (Command(Kind.CREATE_REQUEST, "c-1", None, {}), "VC-9"),
        (Command(Kind.CREATE_REQUEST, "c-1", None, {}), None),
    ],
)
def test_a_result_names_command_request_outcome_and_reason(
    command: Command, created: str | None, outcome: Outcome, word: str, reason: str | None
) -> None:
    # Given a command, or a new request that VectorCare may have named, When it ends
    ending = end(command, outcome, attempts=3, lag_seconds=1.23456, reason=reason, service_request_id=created)
    service_request_id = "VC-1" if command.kind is Kind.ACCEPT else created
    # Then all that is known is there, its time to the millisecond
    assert ending == CommandResult(
        outcome, "c-1", str(command.kind), service_request_id, reason, attempts=3, lag_seconds=1.235
    )
    assert ending.detail() == {
        "schema_version": "1.0",
        "command_id": "c-1",
        "command": str(command.kind),
        "service_request_id": service_request_id,
        "outcome": word,
        "reason": reason,
        "attempts": 3,
        "lag_seconds": 1.235,
    }
