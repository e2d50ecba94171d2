"""`bridge tail`."""

import json
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result

from cli.lib.stack import Stack
from cli.verbs import tail
from tests.cli.conftest import Run

NOW = 1_772_366_400.0  # 2026-03-01T12:00:00Z


class Clock:
    """Time that passes in `sleep` alone; after so many looks somebody presses Ctrl-C."""

    def __init__(self, looks: int) -> None:
        self.now = NOW
        self.looks = looks

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.looks -= 1
        if not self.looks:
            raise KeyboardInterrupt


class Log:
    """The log group of the processor, as FilterLogEvents shows it: what has been written by the clock's time."""

    def __init__(self, clock: Clock) -> None:
        self.asked: list[dict[str, Any]] = []
        self._clock = clock
        self._events: list[tuple[float, float, str]] = []

    def put(self, *lines: Any, at: float = 0, shown_at: float | None = None) -> None:
        for line in lines:
            text = line if isinstance(line, str) else json.dumps(line)
            self._events.append((NOW + at, NOW + (at if shown_at is None else shown_at), text))

    def get_paginator(self, operation: str) -> "Log":
        assert operation == "filter_log_events"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(request)
        for at, shown_at, text in self._events:
            if at * 1000 >= request["startTime"] and shown_at <= self._clock.now:
                yield {"events": [{"timestamp": int(at * 1000), "message": text}]}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(looks=1)
    monkeypatch.setattr(tail, "time", SimpleNamespace(sleep=clock.sleep, time=lambda: clock.now))
    return clock


@pytest.fixture
def log(stack: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Log:
    log = Log(clock)
    found = replace(stack, connect=lambda service: log if service == "logs" else stack.client(service))
    monkeypatch.setattr("cli.lib.stack.find", lambda *_, **__: found)
    return log


def completed(number: int, outcome: str = "applied") -> dict[str, Any]:
    return {
        "message": "processing.completed",
        "timestamp": "2026-03-01 12:00:00,123+0000",
        "service_request_id": "VC-TEST0001",
        "event_id": f"{number:032x}",
        "message_id": f"message-{number}",
        "outcome": outcome,
    }


def failed(number: int, *, attempt: int, **more: Any) -> dict[str, Any]:
    return {
        "message": "processing.failed",
        "timestamp": "2026-03-01 12:00:00,123+0000",
        "message_id": f"message-{number}",
        "attempt": attempt,
        "retry_in_seconds": 10,
        "error": "ClientError: Throttling",
        **more,
    }


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_event_is_told_with_its_outcome(run: Run, log: Log) -> None:
    # Given
    log.put(completed(1), completed(2, "stale"))
    # When
    result = run("tail", "--json")
    # Then
    assert result.exit_code == 0, result.output
    assert [(line["event_id"][-1], line["outcome"]) for line in lines(result)] == [("1", "applied"), ("2", "stale")]
    assert lines(result)[0]["time"] == "2026-03-01T12:00:00.123000Z"
    assert log.asked[0]["logGroupName"] == "/functions/processor"


def test_an_event_is_told_once_however_often_it_is_read(run: Run, log: Log, clock: Clock) -> None:
    # Given
    clock.looks = 5
    log.put(completed(1))
    log.put(completed(2), at=2)
    # When
    result = run("tail", "--json")
    # Then
    assert [line["message_id"] for line in lines(result)] == ["message-1", "message-2"]


def test_a_line_that_cloudwatch_shows_late_is_told(run: Run, log: Log, clock: Clock) -> None:
    # Given
    clock.looks = 30
    log.put(completed(1), at=1, shown_at=20)
    log.put(completed(2), at=10)
    # When
    result = run("tail", "--json")
    # Then
    assert [line["message_id"] for line in lines(result)] == ["message-2", "message-1"]


def test_what_was_before_is_told_with_since_alone(run: Run, log: Log, clock: Clock) -> None:
    # Given
    log.put(completed(1), at=-700)
    log.put(completed(2), at=-500)
    # When
    now = lines(run("tail", "--json"))
    clock.looks = 1
    since = lines(run("tail", "--json", "--since", "10m"))
    # Then
    assert now == []
    assert [line["message_id"] for line in since] == ["message-2"]


def test_a_message_that_can_never_be_applied_is_told_once(run: Run, log: Log) -> None:
    # Given
    log.put(*(failed(1, attempt=attempt, reason="not_json", error="PermanentError") for attempt in range(1, 31)))
    # When
    result = run("tail")
    # Then
    assert result.stdout.count("not_json") == 1


def test_each_attempt_that_will_be_repeated_is_told(run: Run, log: Log) -> None:
    # Given
    log.put(failed(1, attempt=1), failed(1, attempt=2))
    # When
    result = run("tail")
    # Then
    assert "ClientError: Throttling; attempt 1, again in 10 s; message message-1" in result.stdout
    assert "attempt 2" in result.stdout


def test_other_lines_of_the_log_are_left_out(run: Run, log: Log) -> None:
    # Given
    log.put("START RequestId: 1", {"message": "processing.started", "timestamp": "2026-03-01 12:00:00"}, "[1]", "{}")
    # When
    result = run("tail", "--json")
    # Then
    assert result.stdout == ""


def test_a_span_is_a_number_and_a_unit(run: Run) -> None:
    # When
    result = run("tail", "--since", "ten minutes")
    # Then
    assert result.exit_code == 2
    assert "such as 10m" in result.stderr
