"""`bridge tail` and `bridge commands`, which read the functions' logs."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result

from cli.lib.stack import Stack
from cli.verbs import tail
from tests.cli.conftest import Run, parsed

TRIP = "VC-TEST0001"
ENDED: dict[str, Any] = {"command": "accept", "outcome": "CommandSucceeded"}


class Clock:
    """Time that passes only in `sleep`; after so many looks somebody presses Ctrl-C."""

    def __init__(self) -> None:
        self.begin = self.now = time.time()
        self.looks = 1

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.looks -= 1
        if not self.looks:
            raise KeyboardInterrupt


class Log:
    """A function's log group, as FilterLogEvents shows it: what has been written by the clock's time."""

    def __init__(self, clock: Clock) -> None:
        self.groups: set[str] = set()
        self._clock = clock
        self._events: list[tuple[float, float, str]] = []

    def put(self, message: str, *, at: float = 0, shown_at: float | None = None, **fields: Any) -> None:
        """Write a line, at a time in seconds after the clock's begin."""
        moment = datetime.fromtimestamp(self._clock.begin + at, UTC)
        line = {
            "message": message,
            "timestamp": moment.strftime("%Y-%m-%d %H:%M:%S,%f")[:-3] + "+0000",
            "service_request_id": TRIP,
            **fields,
        }
        self.put_text(json.dumps(line), at=at, shown_at=at if shown_at is None else shown_at)

    def put_text(self, text: str, *, at: float = 0, shown_at: float = 0) -> None:
        self._events.append((self._clock.begin + at, self._clock.begin + shown_at, text))

    def get_paginator(self, operation: str) -> "Log":
        assert operation == "filter_log_events"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.groups.add(request["logGroupName"])
        for at, shown_at, text in self._events:
            if at * 1000 >= request["startTime"] and shown_at <= self._clock.now:
                yield {"events": [{"timestamp": int(at * 1000), "message": text}]}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(tail, "time", SimpleNamespace(sleep=clock.sleep, time=clock.time))
    return clock


@pytest.fixture
def log(stack: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Log:
    log = Log(clock)
    found = replace(stack, client=lambda service: log if service == "logs" else stack.client(service))
    monkeypatch.setattr("cli.lib.stack.find", lambda *_, **__: found)
    return log


def completed(number: int, outcome: str = "applied") -> dict[str, Any]:
    return {
        "message": "processing.completed",
        "event_id": f"{number:032x}",
        "message_id": f"message-{number}",
        "outcome": outcome,
    }


def shown(result: Result) -> list[str]:
    """Name the messages of `tail --json`."""
    assert result.exit_code == 0, result.output
    return [json.loads(line)["message_id"] for line in result.stdout.splitlines()]


def test_tail_shows_each_event_with_its_outcome_and_no_other_line(run: Run, log: Log) -> None:
    # Given
    log.put(**completed(1), attempt=float("inf"))  # a number that JSON does not have
    log.put(**completed(2, "stale"))
    log.put("processing.started")
    for text in ("START RequestId: 1", "[1]", "{}"):
        log.put_text(text)
    # When
    result = run("tail", "--json")
    # Then
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["event_id"][-1], line["outcome"]) for line in lines] == [("1", "applied"), ("2", "stale")]
    assert lines[0]["time"].endswith("000Z")
    assert log.groups == {"/functions/processor"}


def test_tail_shows_an_event_once_and_also_one_that_cloudwatch_shows_late(run: Run, log: Log, clock: Clock) -> None:
    # Given
    clock.looks = 30
    log.put(**completed(1), at=1, shown_at=20)
    log.put(**completed(2), at=10)
    # When / Then
    assert shown(run("tail", "--json")) == ["message-2", "message-1"]


def test_tail_begins_now_or_with_since(run: Run, log: Log, clock: Clock) -> None:
    # Given
    log.put(**completed(1), at=-700)
    log.put(**completed(2), at=-500)
    # When
    now = shown(run("tail", "--json"))
    clock.looks = 1
    since = shown(run("tail", "--json", "--since", "10m"))
    # Then
    assert (now, since) == ([], ["message-2"])


def test_tail_shows_each_attempt_unless_the_message_can_never_be_applied(run: Run, log: Log) -> None:
    # Given
    for attempt in range(1, 31):
        log.put("processing.failed", message_id="message-1", attempt=attempt, reason="not_json", error="PermanentError")
    for attempt in (1, 2):
        failed: dict[str, Any] = {"attempt": attempt, "retry_in_seconds": 10, "error": "ClientError: Throttling"}
        log.put("processing.failed", message_id="message-2", **failed)
    # When
    result = run("tail")
    # Then
    assert result.stdout.count("not_json") == 1
    assert "ClientError: Throttling; attempt 1, again in 10 s; message message-2" in result.stdout
    assert "attempt 2" in result.stdout


def test_commands_shows_how_each_ended_the_newest_last(run: Run, log: Log) -> None:
    # Given
    failed: dict[str, Any] = {
        "command": "decline",
        "command_id": "c1",
        "outcome": "CommandFailed",
        "reason": "members:denied",
    }
    log.put("sending.completed", at=-10, command_id="c2", attempt=1, **ENDED)
    log.put("sending.completed", at=-20, attempt=2, **failed)
    log.put("sending.unreadable", at=-5, service_request_id=None, message_id="m1", reason="not_json")
    # When
    result = run("commands", "--json")
    # Then
    assert result.exit_code == 0, result.output
    assert [(one.get("command_id"), one["outcome"], one.get("reason")) for one in parsed(result)] == [
        ("c1", "failed", "members:denied"),
        ("c2", "succeeded", None),
        (None, "unreadable", "not_json"),
    ]
    assert log.groups == {"/functions/sender"}


def test_a_command_that_is_tried_again_is_one_and_waits(run: Run, log: Log) -> None:
    # Given
    for attempt in (1, 2, 3):
        postponed: dict[str, Any] = {"command": "accept", "command_id": "c1", "reason": "server", "attempt": attempt}
        log.put("sending.postponed", at=attempt - 100, **postponed)
    # When
    waiting = parsed(run("commands", "--json"))
    log.put("sending.completed", at=-1, command_id="c1", attempt=4, **ENDED)
    ended = parsed(run("commands", "--json"))
    # Then
    assert [(one["outcome"], one["attempt"]) for one in waiting] == [("waiting", 3)]
    assert [(one["outcome"], one["attempt"]) for one in ended] == [("succeeded", 4)]


def test_commands_of_one_service_request_and_a_span_of_time(run: Run, log: Log) -> None:
    # Given
    log.put("sending.completed", command_id="old", at=-7200, **ENDED)
    log.put("sending.completed", command_id="other", at=-60, service_request_id="VC-OTHER001", **ENDED)
    log.put("sending.completed", command_id="own", at=-60, **ENDED)
    # When
    recent, all_day = (parsed(run("commands", TRIP, "--json", *since)) for since in ((), ("--since", "1d")))
    # Then
    assert [one["command_id"] for one in recent] == ["own"]
    assert [one["command_id"] for one in all_day] == ["old", "own"]


def test_commands_are_a_table_or_a_line_that_says_that_there_was_none(run: Run, log: Log) -> None:
    # When
    none = run("commands")
    log.put("sending.completed", at=-60, command_id="c1", **ENDED)
    some = run("commands")
    # Then
    assert "No command in the last 1 h" in none.output
    assert "succeeded" in some.output
    assert TRIP in some.output
