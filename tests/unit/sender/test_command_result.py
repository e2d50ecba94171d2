"""How a command ends, as subscribers are told."""

import pytest

from sender.command_result import CommandResult, Ending, end
from vectorcare_bridge.commands.command import Command, Kind

ACCEPT = Command(Kind.ACCEPT, "c-1", "VC-1", {})
NEW = Command(Kind.CREATE_REQUEST, "c-2", None, {})


def test_an_end_says_which_command_and_how_and_why() -> None:
    # Given a command, When it ends
    ending = end(ACCEPT, CommandResult.FAILED, attempts=3, lag_seconds=1.23456, reason="api:not_found")
    # Then all is told that is known, its time to the millisecond
    assert ending == Ending(
        outcome=CommandResult.FAILED,
        command_id="c-1",
        command="accept",
        service_request_id="VC-1",
        reason="api:not_found",
        attempts=3,
        lag_seconds=1.235,
    )
    assert ending.detail() == {
        "schema_version": "1.0",
        "command_id": "c-1",
        "command": "accept",
        "service_request_id": "VC-1",
        "outcome": "failed",
        "reason": "api:not_found",
        "attempts": 3,
        "lag_seconds": 1.235,
    }


def test_success_has_no_reason() -> None:
    assert end(ACCEPT, CommandResult.SUCCEEDED, attempts=1, lag_seconds=0).reason is None


@pytest.mark.parametrize(("named", "expected"), [("VC-9", "VC-9"), (None, None)])
def test_a_new_request_belongs_to_the_one_that_vectorcare_names(named: str | None, expected: str | None) -> None:
    ending = end(NEW, CommandResult.SUCCEEDED, attempts=1, lag_seconds=0, service_request_id=named)
    assert ending.service_request_id == expected


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (CommandResult.SUCCEEDED, "succeeded"),
        (CommandResult.FAILED, "failed"),
        (CommandResult.EXPIRED, "expired"),
        (CommandResult.UNCERTAIN, "uncertain"),
    ],
)
def test_each_outcome_has_its_word(outcome: CommandResult, word: str) -> None:
    assert end(ACCEPT, outcome, attempts=1, lag_seconds=0).detail()["outcome"] == word
