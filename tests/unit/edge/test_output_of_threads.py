"""Threads that count and log at the same time lose no count and mix no lines."""

import importlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from typing import Any, TextIO, cast

import pytest

from vectorcare_bridge import edge
from vectorcare_bridge.edge.metric import Metric

THREADS, TIMES = 8, 20


class Output:
    """Standard output that lets other threads in after each write."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, text: str) -> int:
        self.written.append(text)
        time.sleep(0.0002)
        return len(text)

    def flush(self) -> None:
        pass

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in "".join(self.written).splitlines()]


@pytest.fixture
def output() -> Output:
    return Output()


@pytest.fixture
def observability(output: Output, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import the module again, so that its logger writes to the output."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "threads")
    monkeypatch.setattr(edge, "observability", None, raising=False)
    monkeypatch.delitem(sys.modules, "vectorcare_bridge.edge.observability", raising=False)
    with redirect_stdout(cast("TextIO", output)):
        module = importlib.import_module("vectorcare_bridge.edge.observability")
    monkeypatch.setitem(sys.modules, "vectorcare_bridge.edge.observability", module)
    # Powertools keeps the metrics of all instances in the class, those of other tests included.
    module._metrics.clear_metrics()
    return module


def test_each_line_is_whole(observability: Any, output: Output) -> None:
    # Given
    def work(number: int) -> None:
        observability.log("processing.completed", attempt=number)
        observability.count_by(Metric.FAILED, reason="exhausted")

    # When
    with redirect_stdout(cast("TextIO", output)), ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(THREADS * TIMES)))
    # Then
    assert len(output.lines()) == 2 * THREADS * TIMES


def test_no_count_is_lost(observability: Any, output: Output) -> None:
    # Given counts that all threads begin together
    metrics = list(Metric)[:20]
    switches = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    # When
    try:
        with redirect_stdout(cast("TextIO", output)), ThreadPoolExecutor(THREADS) as threads:
            for _ in range(TIMES):
                for metric in metrics:
                    list(threads.map(observability.count, [metric] * THREADS))
                observability.flush()
    finally:
        sys.setswitchinterval(switches)
    # Then
    counted = [sum(line.get(metric, [])) for line in output.lines() for metric in metrics if metric in line]
    assert sum(counted) == TIMES * len(metrics) * THREADS
