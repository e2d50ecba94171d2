"""`python -m local run`, as a person or a script uses it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from local.organization import LocalOrganization
from simulator import VectorCare
from tests.end_to_end.support import webhook
from tests.support.wait import PATIENCE, wait_until

PROJECT = Path(__file__).parents[2]


class Command:
    """The command in a folder of its own, with a temporary folder of its own, so that what it leaves can be seen."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory / "work"
        self._temporary = directory / "temporary"
        self._output = directory / "output"
        for folder in (self.directory, self._temporary):
            folder.mkdir(exist_ok=True)
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - the command under test
                [sys.executable, "-m", "local", "run", *arguments],
                cwd=self.directory,
                env=os.environ | {"PYTHONPATH": str(PROJECT), "TMPDIR": str(self._temporary), "AWS_PROFILE": "nobody"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def announcement(self) -> Path:
        """Where it tells scripts how to use it."""
        return self.directory / ".local" / "stand.json"

    def said(self) -> str:
        """Return what it has printed."""
        return self._output.read_text(encoding="utf-8")

    def wait_for(self, text: str) -> None:
        """Wait until it has printed something."""
        wait_until(self._said_by_living, lambda said: text in said, what=f"the command says {text!r}")

    def wait_until_up(self) -> dict[str, Any]:
        """Wait until it serves."""
        wait_until(self._said_by_living, lambda _: self.announcement.exists(), what="the command serves")
        content: dict[str, Any] = json.loads(self.announcement.read_text(encoding="utf-8"))
        return content

    def end(self, number: signal.Signals) -> int:
        """Send it a signal; return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)

    def leftovers(self) -> list[str]:
        """Name what it has left behind: processes, temporary files, files outside `.local/`."""
        return [
            *(f"process {number}" for number in self._processes()),
            *(str(path) for path in self._temporary.rglob("*")),
            *(str(path) for path in self.directory.iterdir() if path.name != ".local"),
            *(str(path) for path in (self.directory / ".local").glob("*") if path.name in {"emulator", "stand.json"}),
        ]

    def _processes(self) -> Iterator[str]:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if str(self.directory).encode() in (process / "environ").read_bytes():
                    yield process.name
            except OSError:  # gone meanwhile, or another user's
                continue

    def _said_by_living(self) -> str:
        assert self.process.poll() is None, self.said()
        return self.said()


@contextmanager
def _running(directory: Path, *arguments: str) -> Iterator[Command]:
    command = Command(directory, *arguments)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.end(signal.SIGTERM)


def test_once_plays_the_scenario_stops_and_leaves_nothing_behind(tmp_path: Path) -> None:
    # When
    with _running(tmp_path, "--once", "--port", "0") as command:
        code = command.process.wait(timeout=PATIENCE)

    # Then
    said = command.said()
    assert code == 0, said
    assert "WRONG" not in said
    for part in ("Completed", "duplicate", "Out of order", "Re-stamped", "Forged", "Poisonous", "Redriven"):
        assert part in said
    assert "Everything came out as it should." in said
    assert command.leftovers() == []
    key = command.directory / ".local" / "private_key.pem"
    assert key.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        pytest.param("Synthesizing", signal.SIGINT, id="while synthesizing"),
        pytest.param("2. Assigned", signal.SIGTERM, id="in the scenario"),
    ],
)
def test_interrupted_anywhere_it_ends_all_that_it_started(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    # Given
    with _running(tmp_path, "--port", "0") as command:
        command.wait_for(moment)

        # When
        code = command.end(number)

    # Then
    assert code == 128 + number
    assert "Traceback" not in command.said()
    assert command.leftovers() == []


def test_for_an_organization_whose_key_it_does_not_have_it_skips_the_scenario_and_serves(
    tmp_path: Path, organization: LocalOrganization, old_key: rsa.RSAPrivateKey
) -> None:
    # Given
    with _running(tmp_path, "--port", "0", "--organizations", str(organization.directory)) as command:
        # When
        described = command.wait_until_up()
        vectorcare = VectorCare(webhook_url=described["webhook_url"], private_key=old_key, gives_up_after=PATIENCE)
        answer = vectorcare.send(webhook().body)
        with requests.Session() as session:
            session.trust_env = False
            health = session.get(described["health_url"], timeout=PATIENCE)
            page = session.get(described["console_url"], timeout=PATIENCE)
        second = Command(tmp_path, "--port", "0")
        second_code = second.process.wait(timeout=PATIENCE)
        code = command.end(signal.SIGTERM)

    # Then
    assert set(described) == {
        "webhook_url",
        "health_url",
        "reading_url",
        "endpoint_url",
        "region",
        "access_key_id",
        "secret_access_key",
        "service_requests_table",
        "events_table",
        "queue_url",
        "dead_letter_queue_url",
        "spool_bucket",
        "redrive_function",
        "drain_function",
        "event_bus",
        "unpublished_queue_url",
        "publisher_function",
        "outbound_queue_url",
        "outbound_dead_letter_queue_url",
        "commands_table",
        "sender_function",
        "console_url",
        "vectorcare_url",
        "vectorcare_api_url",
        "organization",
        "private_key_file",
        "pid",
    }
    assert (described["organization"], described["private_key_file"]) == ("rehearsal", None)
    assert described["pid"] == command.process.pid
    assert (answer.status, health.status_code, page.status_code) == (200, 200, 200)
    assert second_code == 1
    assert code == 0
    assert command.leftovers() == []
