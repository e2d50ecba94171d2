"""The functions' metrics are counted once each, however often the log is read."""

import json
from collections import defaultdict
from typing import Any

import pytest

from cli.lib.stack import Stack
from local.page import reads
from local.page.reads import MetricsLog


class Logs:
    """CloudWatch Logs and Lambda, as far as the page asks them."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self.most = 10_000

    def get_function_configuration(self, FunctionName: str) -> Any:  # noqa: N803 - boto3's name
        return {"LoggingConfig": {"LogGroup": FunctionName}}

    def filter_log_events(self, **request: Any) -> Any:
        if request["logGroupName"] != "IngestFunction":
            return {"events": []}
        found = [line for line in sorted(self.lines) if line[0] >= request["startTime"]]
        return {"events": [{"timestamp": at, "message": text} for at, text in found[: self.most]]}


class _Outputs(defaultdict[str, str]):
    def __missing__(self, key: str) -> str:
        return key


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture
def log(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> MetricsLog:
    """Begin at second 1; look at second 20."""
    clock = iter([1.0])
    monkeypatch.setattr("local.page.reads.time.time", lambda: next(clock, 20.0))
    return MetricsLog(Stack("acme", _Outputs(), lambda _service: logs))


def line(at: int, value: float = 1) -> tuple[int, str]:
    about = {"Timestamp": at, "CloudWatchMetrics": [_DIRECTIVE]}
    return at, json.dumps({"_aws": about, "organization": "acme", "Accepted": [value]})


_DIRECTIVE = {"Namespace": "VectorCareBridge", "Dimensions": [["organization"]], "Metrics": [{"Name": "Accepted"}]}


def test_each_line_counts_once_and_those_alike_each_for_themselves(logs: Logs, log: MetricsLog) -> None:
    # Given two lines of one millisecond that are the same
    logs.lines = [line(1000), line(1000), line(2000)]
    assert len(log.new()) == 3
    # When
    logs.lines.append(line(2000))
    # Then
    assert len(log.new()) == 1
    assert log.new() == []


def test_what_was_before_the_page_was_served_does_not_count(logs: Logs, log: MetricsLog) -> None:
    # Given
    logs.lines = [line(999), line(1000)]
    # Then
    assert len(log.new()) == 1


def test_a_line_that_shows_late_is_counted(logs: Logs, log: MetricsLog, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    monkeypatch.setattr("local.page.reads.time.time", lambda: 100.0)
    logs.lines = [line(99_000)]
    assert len(log.new()) == 1
    # When
    logs.lines.append(line(75_000))
    # Then
    assert len(log.new()) == 1


def test_a_line_counts_once_though_a_look_begins_within_its_millisecond(
    logs: Logs, log: MetricsLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a line of half a minute ago, which the next look begins with
    logs.lines = [line(70_000)]
    assert len(log.new()) == 1
    monkeypatch.setattr("local.page.reads.time.time", lambda: 100.0007)
    # Then
    assert [log.new(), log.new()] == [[], []]


def test_an_answer_that_was_cut_off_is_gone_on_with(
    logs: Logs, log: MetricsLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr(reads, "_MOST_LINES", 4)
    logs.most = 4
    logs.lines = [line(at) for at in range(1000, 11_000, 1000)]
    # When
    counted = [len(log.new()) for _ in range(4)]
    # Then
    assert counted == [4, 3, 3, 0]


def test_lines_that_are_no_metrics_are_none(logs: Logs, log: MetricsLog) -> None:
    # Given
    logs.lines = [(1000, "START RequestId: 1"), (1000, "{"), (1000, '{"message": "CloudWatchMetrics"}')]
    # Then
    assert log.new() == []
