"""The dispatch system to start from, on the local: from a broadcast of VectorCare to the last outcome."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.environment import LocalEnvironment, announced
from tests.support.wait import PATIENCE, wait_until

ROOT = Path(__file__).parent.parent.parent
STATES = ["en_route", "arrived", "on_board", "arrived_at_destination", "completed"]


@pytest.fixture
def dispatch(local: LocalEnvironment, tmp_path: Path) -> Iterator[Path]:
    """Run the example as its README line says; give the file with what it prints."""
    printed = tmp_path / "printed"
    with announced(local, tmp_path) as file, printed.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 nothing in it comes from outside
            [sys.executable, "docs/examples/dispatch.py", "--stand", str(file)], cwd=ROOT, stdout=output, stderr=output
        )
        try:
            wait_until(
                printed.read_text, lambda text: "Waiting for service requests" in text, what="the example is ready"
            )
            yield printed
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=PATIENCE) == 0, printed.read_text()


def test_a_broadcast_is_accepted_carried_out_and_every_outcome_heard(local: LocalEnvironment, dispatch: Path) -> None:
    # When
    name = _ask(local, "POST", "/requester/broadcast")["service_request_ids"][0]

    # Then VectorCare has every state, in order, and the positions
    def request() -> dict[str, Any]:
        return _ask(local, "GET", f"/requester/{name}")

    wait_until(request, lambda it: it["states"] == STATES, what="VectorCare has every state")
    wait_until(request, lambda it: it["positions"] == 6, what="VectorCare has all positions")
    # And the state here is the one of its last webhook
    wait_until(lambda: _status(local, name), lambda status: status == "COMPLETED", what="the state is COMPLETED")
    # And the example hears of each change, and how each command ended
    heard = {
        "is AVAILABLE (BROADCAST_RECEIVED)": 1,
        "is ASSIGNED (BROADCAST_ACCEPTED)": 1,
        "CommandSucceeded: accept": 1,
        "CommandSucceeded: state_update": len(STATES),
        "CommandSucceeded: location_update": 2,
    }

    def lines() -> Counter[str]:
        own = (line for line in dispatch.read_text().splitlines() if name in line)
        return Counter(line.split(maxsplit=2)[2] for line in own)

    wait_until(lines, lambda found: found >= Counter(heard), what="the example hears of everything")
    assert {line: count for line, count in lines().items() if line in heard} == heard


def test_it_is_short_enough_to_start_from() -> None:
    assert len((ROOT / "docs" / "examples" / "dispatch.py").read_text().splitlines()) < 150


def _status(local: LocalEnvironment, name: str) -> Any:
    return (local.stack.service_request(name) or {}).get("request_status")


def _ask(local: LocalEnvironment, method: str, path: str) -> dict[str, Any]:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, f"{local.vectorcare_url}{path}", json={}, timeout=PATIENCE)
    assert answer.ok, answer.text
    content: dict[str, Any] = answer.json()
    return content
