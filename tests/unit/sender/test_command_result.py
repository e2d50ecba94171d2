"""The result of a command, as subscribers read it."""

import pytest

from sender.command_result import CommandResult, Outcome


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Outcome.SUCCEEDED, "succeeded"),
        (Outcome.FAILED, "failed"),
        (Outcome.EXPIRED, "expired"),
        (Outcome.UNCERTAIN, "uncertain"),
    ],
)
def test_a_result_names_command_request_outcome_and_reason(outcome: Outcome, word: str) -> None:
    result = CommandResult(outcome, "c-1", "accept", "VC-1", reason="api:not_found", attempts=3, lag_seconds=1.235)
    assert result.detail() == {
        "schema_version": "1.0",
        "command_id": "c-1",
        "command": "accept",
        "service_request_id": "VC-1",
        "outcome": word,
        "reason": "api:not_found",
        "attempts": 3,
        "lag_seconds": 1.235,
    }
