"""The prelude of a function's process: its clock can be moved, and its time-outs can be longer."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.emulator import Emulator
from vectorcare_bridge import utc_timestamp

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def emulator(tmp_path: Path) -> Emulator:
    """Give one that is not started: the clock is a file."""
    (tmp_path / "emulator").mkdir()
    return Emulator(directory=tmp_path / "emulator", port=0, timeouts_times=60)


def said_by(emulator: Emulator, code: str) -> str:
    """Run code as a function's process does, behind the prelude."""
    prelude = PROJECT / "local" / "function_prelude.py"
    environment = emulator._environment() | {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT / "lambdas")}
    return subprocess.run(  # noqa: S603 this project's own code
        [sys.executable, "-c", f"import runpy; runpy.run_path({str(prelude)!r})['install']()\n{code}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


NOW = "from vectorcare_bridge.edge import runtime; print(runtime.now())"


def test_a_clock_that_was_never_moved_is_the_machines(emulator: Emulator) -> None:
    before = utc_timestamp.of(datetime.now(UTC))
    assert before <= said_by(emulator, NOW) <= utc_timestamp.of(datetime.now(UTC))


def test_a_moved_clock_goes_on(emulator: Emulator) -> None:
    # Given
    before = utc_timestamp.of(datetime.now(UTC) - timedelta(hours=1))
    # When
    emulator.move_clock(seconds_ahead=-3600)
    # Then
    assert before <= said_by(emulator, NOW) <= utc_timestamp.of(datetime.now(UTC) - timedelta(hours=1))


def test_a_stopped_clock_does_not_move_until_it_is_set(emulator: Emulator) -> None:
    # Given
    emulator.stop_clock(at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    # Then
    assert said_by(emulator, NOW) == said_by(emulator, NOW) == "2026-03-01T12:00:00.000000Z"
    # When it is put right
    before = utc_timestamp.of(datetime.now(UTC))
    emulator.move_clock(seconds_ahead=0)
    # Then
    assert before <= said_by(emulator, NOW)


def test_a_silent_peer_is_waited_for_as_much_longer(emulator: Emulator) -> None:
    code = "import socket; one, other = socket.socketpair(); one.settimeout(2); print(one.gettimeout())"
    assert float(said_by(emulator, code)) == 2 * 60


def test_a_deadline_from_outside_is_as_much_later(emulator: Emulator) -> None:
    # Given work that lasts longer than its deadline says
    code = (
        "import threading\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor() as threads: print(threads.submit(threading.Event().wait, 0.2).result(timeout=0.1))"
    )
    # When, Then it is waited for
    assert said_by(emulator, code) == "False"
