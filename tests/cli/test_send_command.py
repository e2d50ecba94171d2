"""`bridge send-command`."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from cli.lib.stack import Stack
from tests.cli.conftest import Run, parsed
from tests.support.cloud import Cloud, create_command_log

TRIP = "VC-TEST0001"
LOCATION = {"lat": 34.1, "lng": -118.2, "alt": 90, "timestamp": 1772366400}

Queued = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def queued(stack: Stack, cloud: Cloud) -> Queued:
    """Give what reads the outbound queue; the table of outcomes is there, and empty."""
    create_command_log(boto3.client("dynamodb"))
    assert stack.outputs["CommandsTable"] == "commands"

    def read() -> list[dict[str, Any]]:
        messages = cloud.sqs.receive_message(QueueUrl=cloud.outbound_queue_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in messages.get("Messages", [])]

    return read


def ended(command_id: str, outcome: str, **more: str) -> None:
    """Note how a command ended, as the sender does."""
    item = {"command_id": command_id, "progress": "ended", "outcome": outcome, **more}
    boto3.client("dynamodb").put_item(TableName="commands", Item={name: {"S": value} for name, value in item.items()})


def test_a_command_comes_on_the_queue_as_the_dispatch_system_would_write_it(run: Run, queued: Queued) -> None:
    # When
    run("send-command", "decline", TRIP, "response_notes=no vehicle", "--command-id", "c1", "--wait", "0", "--yes")
    run("send-command", "location_update", TRIP, f"locations={json.dumps([LOCATION])}", "--wait", "0", "--yes")
    run("send-command", "create_request", "service_id=bls", 'request={"note": "invented"}', "--wait", "0", "--yes")
    # Then
    messages = {message["command"]: message for message in queued()}
    declined, located, created = (messages[name] for name in ("decline", "location_update", "create_request"))
    assert declined == {
        "command": "decline",
        "command_id": "c1",
        "service_request_id": TRIP,
        "response_notes": "no vehicle",
    }
    assert located["locations"] == [LOCATION]
    assert (created["request"], "service_request_id" in created) == ({"note": "invented"}, False)
    assert located["command_id"] != created["command_id"]


def test_a_state_is_of_now_unless_it_says_otherwise(run: Run, queued: Queued) -> None:
    # When
    result = run("send-command", "state_update", TRIP, "name=en_route", "--wait", "0", "--yes")
    # Then
    assert result.exit_code == 0, result.output
    assert queued()[0]["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("outcome", "reason", "exit_code"),
    [("CommandSucceeded", None, 0), ("CommandFailed", "members:permission_denied", 1), ("CommandExpired", None, 1)],
)
def test_its_outcome_is_reported(run: Run, queued: Queued, outcome: str, reason: str | None, exit_code: int) -> None:
    # Given a command that had ended
    ended("c1", outcome, **({"reason": reason} if reason else {}))
    # When
    result = run("send-command", "accept", TRIP, "--command-id", "c1", "--yes", "--json")
    # Then
    assert result.exit_code == exit_code, result.output
    assert parsed(result) == {"command_id": "c1", "outcome": outcome.removeprefix("Command").lower(), "reason": reason}
    assert len(queued()) == 1


def test_what_has_not_ended_in_time_is_waiting(run: Run, queued: Queued) -> None:
    # When
    result = run("send-command", "accept", TRIP, "--wait", "1", "--yes", "--json")
    # Then
    assert (result.exit_code, parsed(result)["outcome"]) == (1, "waiting")
    assert len(queued()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("accept",), "bad_service_request_id"),
        (("accept", "VC/../other"), "bad_service_request_id"),
        (("accept", TRIP, "--command-id", "a b"), "bad_command_id"),
        (("accept", TRIP, "response_nots=x"), "unknown_field"),
        (("accept", TRIP, "response_notes=" + "x" * 451), "too_long"),
        (("state_update", TRIP, "name=asleep"), "unknown_state"),
        (("state_update", TRIP, "name=en_route", "timestamp=2020-01-01T00:00:00Z"), "timestamp_too_old"),
        (("state_update", TRIP, "name=en_route", "timestamp=2999-01-01T00:00:00Z"), "timestamp_in_future"),
        (("accept", TRIP, "notes"), "NAME=VALUE"),
        (("decline", TRIP, "response_notes= "), "NAME=VALUE"),
        (("teleport", TRIP), "state_update"),
    ],
)
def test_what_the_sender_or_vectorcare_would_refuse_is_not_sent(
    run: Run, queued: Queued, arguments: tuple[str, ...], message: str
) -> None:
    # When
    result = run("send-command", *arguments, "--yes")
    # Then
    assert result.exit_code == 2
    assert message in result.output
    assert queued() == []


def test_on_aws_it_asks_first(run: Run, queued: Queued) -> None:
    # When
    result = run("send-command", "accept", TRIP)
    # Then
    assert (result.exit_code, queued()) == (1, [])
    assert "--yes" in result.output
