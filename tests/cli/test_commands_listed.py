"""`bridge commands`."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cli.lib.stack import Stack
from tests.cli.conftest import Run, parsed

TRIP = "VC-TEST0001"


class Log:
    """The log group of the sender, as FilterLogEvents shows it."""

    def __init__(self) -> None:
        self.events: list[tuple[float, str]] = []
        self.asked: list[dict[str, Any]] = []

    def put(self, message: str, *, ago: float = 60, **fields: Any) -> None:
        at = time.time() - ago
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3] + "+0000"
        line = {"message": message, "timestamp": stamp, "service_request_id": TRIP, **fields}
        self.events.append((at, json.dumps(line)))

    def get_paginator(self, operation: str) -> "Log":
        assert operation == "filter_log_events"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        self.asked.append(request)
        return [{"events": [{"message": text} for at, text in self.events if at * 1000 >= request["startTime"]]}]


@pytest.fixture
def log(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Log:
    log = Log()
    found = replace(stack, connect=lambda service: log if service == "logs" else stack.client(service))
    monkeypatch.setattr("cli.lib.stack.find", lambda *_, **__: found)
    return log


def test_how_commands_ended_is_told_newest_last(run: Run, log: Log) -> None:
    # Given
    log.put("sending.completed", ago=10, command="accept", command_id="c2", outcome="CommandSucceeded", attempt=1)
    log.put(
        "sending.completed",
        ago=20,
        command="decline",
        command_id="c1",
        outcome="CommandFailed",
        reason="members:permission_denied",
        attempt=2,
    )
    # When
    result = run("commands", "--json")
    # Then
    assert result.exit_code == 0, result.output
    assert [(one["command_id"], one["outcome"], one.get("reason")) for one in parsed(result)] == [
        ("c1", "failed", "members:permission_denied"),
        ("c2", "succeeded", None),
    ]
    assert log.asked[0]["logGroupName"] == "/functions/sender"


def test_a_command_that_is_tried_again_is_one_and_waits(run: Run, log: Log) -> None:
    # Given
    for attempt in (1, 2, 3):
        log.put(
            "sending.postponed", ago=100 - attempt, command="accept", command_id="c1", reason="server", attempt=attempt
        )
    # When
    waiting = parsed(run("commands", "--json"))
    log.put("sending.completed", ago=1, command="accept", command_id="c1", outcome="CommandSucceeded", attempt=4)
    ended = parsed(run("commands", "--json"))
    # Then
    assert [(one["outcome"], one["attempt"]) for one in waiting] == [("waiting", 3)]
    assert [(one["outcome"], one["attempt"]) for one in ended] == [("succeeded", 4)]


def test_what_cannot_be_read_is_told_by_its_message(run: Run, log: Log) -> None:
    # Given
    log.put("sending.unreadable", service_request_id=None, message_id="m1", reason="not_json")
    # When
    [one] = parsed(run("commands", "--json"))
    # Then
    assert (one["outcome"], one["reason"], one["message_id"]) == ("unreadable", "not_json", "m1")


def test_one_service_request_and_a_span_of_time_can_be_asked_for(run: Run, log: Log) -> None:
    # Given
    ended: dict[str, Any] = {"command": "accept", "outcome": "CommandSucceeded"}
    log.put("sending.completed", command_id="old", ago=7200, **ended)
    log.put("sending.completed", command_id="other", service_request_id="VC-OTHER001", **ended)
    log.put("sending.completed", command_id="own", **ended)
    # When
    recent, all_day = (parsed(run("commands", TRIP, "--json", *since)) for since in ((), ("--since", "1d")))
    # Then
    assert [one["command_id"] for one in recent] == ["own"]
    assert [one["command_id"] for one in all_day] == ["old", "own"]


def test_a_person_reads_a_table_or_that_there_was_none(run: Run, log: Log) -> None:
    # When
    none = run("commands")
    log.put("sending.completed", command="accept", command_id="c1", outcome="CommandSucceeded", attempt=1)
    some = run("commands")
    # Then
    assert "No command in the last 1 h" in none.output
    assert "succeeded" in some.output
    assert TRIP in some.output
