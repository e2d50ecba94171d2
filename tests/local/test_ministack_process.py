"""Rule: what a function has logged before it answers is told with its answer, and not with its next one."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from ministack.core.lambda_runtime import Worker  # type: ignore[import-untyped]  # it ships no types

from local import ministack_process

LINES = 1000
_FUNCTION = f"""
import sys
for number in range({LINES}):
    print("line", number, file=sys.stderr)
print("answer", flush=True)
sys.stdin.readline()
print("after it", file=sys.stderr, end="")
"""


@pytest.fixture
def worker() -> Iterator[Worker]:
    """Run a function that logs, answers, and logs once more when it ends."""
    worker = Worker("function", {}, b"")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", _FUNCTION], text=True, **pipes) as process:  # type: ignore[call-overload]  # noqa: S603 the types see no pipes in a mapping; it is our own code
        worker._proc = process
        yield worker
        process.kill()


def test_lines_that_no_thread_has_come_to_read_are_told(worker: Worker) -> None:
    # Given a thread that has no time to read
    worker.log = ministack_process._Log(worker)
    thread = threading.Thread(target=worker._proc.stdout.readline)
    thread.start()
    # When the function has answered
    thread.join()
    # Then
    assert ministack_process._read_all(worker).splitlines() == [f"line {number}" for number in range(LINES)]


def test_the_thread_reads_on_until_the_function_ends(worker: Worker) -> None:
    # Given
    reading = threading.Thread(target=ministack_process._read, args=[worker])
    reading.start()
    worker._proc.stdout.readline()
    told = ministack_process._read_all(worker).splitlines()
    # When
    worker._proc.stdin.write("end\n")
    worker._proc.stdin.flush()
    reading.join()
    # Then
    assert told == [f"line {number}" for number in range(LINES)]
    assert worker._drain_stderr() == "after it"
