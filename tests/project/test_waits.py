"""Rule: no test depends on how fast the machine is. Each waits for a condition in the one way, or moves a clock."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import patience
from tests.support.wait import wait_until

TESTS = Path(__file__).parents[1]
CLOCKS = {"time.sleep", "time.monotonic", "time.perf_counter", "time.process_time", "WebDriverWait", "get_waiter"}
TIMEOUTS = {"timeout", "within", "WaitTimeSeconds", "deadline"}
LETS_THREADS_IN = {("test_output_of_threads.py", "time.sleep")}


def bounds(path: Path) -> Iterator[str]:
    """Name what a file measures, waits for or gives up by its own seconds."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if {name, name.rpartition(".")[2]} & CLOCKS and (path.name, name) not in LETS_THREADS_IN:
                yield f"{path.name}:{node.lineno} {name}"
            for argument in node.keywords:
                if argument.arg in TIMEOUTS and isinstance(argument.value, ast.Constant) and argument.value.value:
                    yield f"{path.name}:{node.lineno} {ast.unparse(argument)}"


def test_nothing_is_bounded_by_seconds_of_its_own() -> None:
    assert [found for path in sorted(TESTS.rglob("*.py")) for found in bounds(path)] == []


def test_a_failed_wait_names_its_condition_and_what_it_saw_last(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given no patience
    monkeypatch.setattr(patience, "SECONDS", -1)
    # When something does not come, Then the failure says what, and what there was
    with pytest.raises(pytest.fail.Exception, match=r"still not: three are there. Seen last: 2"):
        wait_until(lambda: 2, lambda count: count == 3, what="three are there")


def test_a_wait_returns_what_it_saw() -> None:
    # Given something that changes at each look
    looks = iter([1, 2, 3])
    # When it is waited for, Then nothing is looked at again behind it
    assert wait_until(lambda: next(looks), lambda count: count == 2, what="two are there") == 2
    assert next(looks) == 3
