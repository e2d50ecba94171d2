"""`python -m local run`, as a person or a script uses it: four runs in one folder, one after the other."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from local.organization import load_private_key
from local.synthesis import Assembly
from simulator import VectorCare
from tests.end_to_end.support import webhook
from tests.support.wait import PATIENCE, wait_until

PROJECT = Path(__file__).parents[2]
KEYS = set(
    re.findall(
        r"\w+",
        """webhook_url health_url reading_url endpoint_url region access_key_id secret_access_key service_requests_table
        events_table queue_url dead_letter_queue_url spool_bucket redrive_function drain_function event_bus
        unpublished_queue_url publisher_function outbound_queue_url outbound_dead_letter_queue_url commands_table
        sender_function console_url vectorcare_url vectorcare_api_url organization private_key_file pid""",
    )
)
"""What scripts read of stand.json."""


class Command:
    """The command with a temporary folder of its own, so that what it leaves behind can be seen."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory / "work"
        self._temporary = directory / "temporary"
        self._output = directory / "output"
        for folder in (self.directory, self._temporary):
            folder.mkdir(exist_ok=True)
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - the command under test
                [sys.executable, "-m", "local", "run", "--port", "0", *arguments],
                cwd=self.directory,
                env=os.environ | {"PYTHONPATH": str(PROJECT), "TMPDIR": str(self._temporary), "AWS_PROFILE": "nobody"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def printed(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def wait_for(self, text: str) -> None:
        def printed_by_living() -> str:
            assert self.process.poll() is None, self.printed()
            return self.printed()

        wait_until(printed_by_living, lambda printed: text in printed, what=f"the command prints {text!r}")

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)

    def leftovers(self) -> list[str]:
        """Name what it has left behind: processes, temporary files, files outside `.local/`."""
        return [
            *(f"process {number}" for number in self._processes()),
            *(str(path) for path in self._temporary.rglob("*")),
            *(str(path) for path in self.directory.iterdir() if path.name != ".local"),
            *(str(self.directory / ".local" / name) for name in self._own() & {"emulator", "page.json", "stand.json"}),
        ]

    def _own(self) -> set[str]:
        return {path.name for path in (self.directory / ".local").glob("*")}

    def _processes(self) -> Iterator[str]:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if str(self.directory).encode() in (process / "environ").read_bytes():
                    yield process.name
            except OSError:  # gone meanwhile, or another user's
                continue


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, assembly: Assembly) -> Path:
    """Give a folder that has the functions' packages already, as after an earlier run."""
    directory = tmp_path_factory.mktemp("command")
    for build in assembly.directory.glob("functions-*"):
        shutil.copytree(build, directory / "work/.local/cdk.out" / build.name)
    return directory


@contextmanager
def _running(directory: Path, *arguments: str) -> Iterator[Command]:
    command = Command(directory, *arguments)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.end(signal.SIGTERM)


def _get(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=PATIENCE)


def test_interrupted_while_it_synthesizes_it_ends_all_that_it_started(directory: Path) -> None:
    # Given a run that already serves its page
    with _running(directory) as command:
        command.wait_for("Synthesizing")
        url = command.printed().removeprefix("Page: ").split()[0]
        assert "starting" in _get(url).text
        # When
        code = command.end(signal.SIGINT)
    # Then
    assert code == 128 + signal.SIGINT
    assert "Traceback" not in command.printed()
    assert command.leftovers() == []


def test_once_plays_the_scenario_stops_and_leaves_nothing_behind(directory: Path) -> None:
    # When
    with _running(directory, "--once", "--verbose") as command:
        code = command.process.wait(timeout=PATIENCE)
    # Then
    printed = command.printed()
    assert code == 0, printed
    assert "WRONG" not in printed
    for part in ("Completed", "Duplicate", "Out of order", "Re-stamped", "Forged", "Dead letter", "Redrive"):
        assert f". {part}: " in printed
    assert "service_requests, VC-" in printed
    assert "Everything came out as it must" in printed
    assert command.leftovers() == []
    key = command.directory / ".local" / "private_key.pem"
    assert key.stat().st_mode & 0o077 == 0


def test_interrupted_in_the_scenario_it_ends_all_that_it_started(directory: Path) -> None:
    # Given a second run, which prints a line for each step
    with _running(directory) as command:
        command.wait_for("  ok  1. Broadcast: ")
        # When
        code = command.end(signal.SIGTERM)
    # Then
    assert code == 128 + signal.SIGTERM
    assert "Traceback" not in command.printed()
    assert "Synthesizing" not in command.printed()
    assert command.leftovers() == []


def test_without_the_organizations_key_it_skips_the_scenario_and_serves(directory: Path) -> None:
    # Given
    with _running(directory, "--organizations", ".local/organizations") as command:
        # When
        command.wait_for("Ctrl-C ends it.")
        local = command.directory / ".local"
        described: dict[str, Any] = json.loads((local / "stand.json").read_text(encoding="utf-8"))
        key = load_private_key(local / "private_key.pem")
        answer = VectorCare(webhook_url=described["webhook_url"], private_key=key, gives_up_after=PATIENCE).send(
            webhook().body
        )
        health, page = _get(described["health_url"]), _get(described["console_url"])
        second_code = Command(directory, "--once").process.wait(timeout=PATIENCE)
        code = command.end(signal.SIGTERM)
    # Then
    assert set(described) == KEYS
    assert (described["organization"], described["private_key_file"]) == ("local", None)
    assert described["pid"] == command.process.pid
    assert (answer.status, health.status_code, page.status_code) == (200, 200, 200)
    assert second_code == 1
    assert code == 0
    assert command.leftovers() == []
