"""`python -m local vectorcare`, run as a person runs it."""

import os
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.simulator.post import STILL, Receiver
from tests.support.wait import PATIENCE, wait_until

PROJECT = Path(__file__).parents[2]
OUTPUT = "output.txt"
NAME_WIDTH = 18  # of a fact: two spaces, a name, a space


@contextmanager
def running(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command in a folder of its own."""
    with (
        (directory / OUTPUT).open("w") as output,
        subprocess.Popen(  # noqa: S603 - this project's own command
            [sys.executable, "-m", "local", "vectorcare", "--port", "0", *arguments],
            cwd=directory,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT)},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def facts(directory: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    """Read the facts that it prints, once it serves."""

    def output() -> str:
        text = (directory / OUTPUT).read_text()
        assert process.poll() is None, text
        return text

    text = wait_until(output, lambda text: "Ctrl-C ends it." in text, what="it serves")
    lines = [line for line in text.splitlines() if line.startswith("  ")]
    return {line[:NAME_WIDTH].strip(): line[NAME_WIDTH:] for line in lines}


def test_it_serves_another_receiver_and_lists_what_it_leaves(tmp_path: Path, receiver: Receiver) -> None:
    # Given
    receiver.statuses.extend([200, 500])
    with (
        running(tmp_path, "--webhook-url", receiver.url, "--speed", str(STILL)) as process,
        requests.Session() as session,
    ):
        session.trust_env = False
        fact = facts(tmp_path, process)
        broadcast, history = fact["broadcast"].split()[-1], fact["calls made"].split()[-1]
        # When two requests are broadcast, and the receiver takes the first
        [first] = session.post(broadcast, timeout=PATIENCE).json()["service_request_ids"]
        receiver.await_count(1)
        [second] = session.post(broadcast, timeout=PATIENCE).json()["service_request_ids"]
        receiver.await_count(2)
        form = {"grant_type": "client_credentials", **{name: fact[name] for name in ("client_id", "client_secret")}}
        token = session.post(fact["token URL"], data=form, timeout=PATIENCE).json()["access_token"]
        accepted = session.put(
            f"{fact['API']}/requests/{first}/accept/",
            json={},
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE,
        )
        receiver.await_count(3)
        wait_until(
            lambda: session.get(history, timeout=PATIENCE).json()["counts"],
            lambda counts: counts["acknowledged"] == 2,
            what="the third answer is taken in",
        )
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=PATIENCE)
    # Then webhooks and API are as documented
    key = load_pem_public_key((tmp_path / ".local/vectorcare/public_key.pem").read_bytes())
    assert isinstance(key, rsa.RSAPublicKey)
    for received in receiver.received:
        key.verify(b64decode(received.signature), received.body, PKCS1v15(), SHA256())
    assert accepted.status_code == 201
    assert receiver.received[2].content["action"] == "BROADCAST_ACCEPTED"
    # And what is still on its way is listed
    assert code == 0
    [pending] = [line for line in (tmp_path / OUTPUT).read_text().splitlines() if line.startswith("Not delivered:")]
    assert second in pending
    assert (tmp_path / ".local/vectorcare/private_key.pem").stat().st_mode & 0o077 == 0


def test_a_url_that_vectorcare_would_not_take_is_refused(tmp_path: Path) -> None:
    with running(tmp_path, "--webhook-url", "http://a.example") as process:
        assert process.wait(timeout=PATIENCE) == 1
    output = (tmp_path / OUTPUT).read_text()
    assert output.startswith("Error: ")
    assert "Traceback" not in output
