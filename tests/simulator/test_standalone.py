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


class Standalone:
    """The command in a folder of its own."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        self._file = (directory / "output.txt").open("w")
        self.process = subprocess.Popen(  # noqa: S603 - this project's own command
            [sys.executable, "-m", "local", "vectorcare", "--port", "0", *arguments],
            cwd=directory,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT)},
            stdout=self._file,
            stderr=subprocess.STDOUT,
        )

    def output(self) -> str:
        return (self.directory / "output.txt").read_text()

    def fact(self, name: str) -> str:
        """Read a fact that it prints, once it has."""
        wait_until(self._output_of_living, lambda output: "Ctrl-C ends it." in output, what="it serves")
        [line] = [line for line in self.output().splitlines() if line.startswith(f"  {name} ")]
        return line.removeprefix(f"  {name} ").strip()

    def _output_of_living(self) -> str:
        assert self.process.poll() is None, self.output()
        return self.output()

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=PATIENCE)


@contextmanager
def running(directory: Path, *arguments: str) -> Iterator[Standalone]:
    alone = Standalone(directory, *arguments)
    try:
        yield alone
    finally:
        alone.process.kill()
        alone.process.wait()


def test_it_serves_another_receiver_and_lists_what_it_leaves(tmp_path: Path, receiver: Receiver) -> None:
    # Given
    receiver.statuses.extend([200, 500])
    with running(tmp_path, "--webhook-url", receiver.url, "--speed", str(STILL)) as alone:
        broadcast = alone.fact("broadcast").split()[-1]
        # When two requests are broadcast, of which the receiver takes the first
        with requests.Session() as session:
            session.trust_env = False
            first = session.post(broadcast, timeout=PATIENCE).json()["service_request_ids"]
            receiver.await_count(1)
            [second] = session.post(broadcast, timeout=PATIENCE).json()["service_request_ids"]
            receiver.await_count(2)
            token = session.post(
                alone.fact("token URL"),
                data={
                    "grant_type": "client_credentials",
                    "client_id": alone.fact("client_id"),
                    "client_secret": alone.fact("client_secret"),
                },
                timeout=PATIENCE,
            ).json()["access_token"]
            accepted = session.put(
                f"{alone.fact('API')}/requests/{first[0]}/accept/",
                json={},
                headers={"Authorization": f"Bearer {token}"},
                timeout=PATIENCE,
            )
            receiver.await_count(3)
            wait_until(
                lambda: session.get(alone.fact("calls made").split()[-1], timeout=PATIENCE).json()["counts"],
                lambda counts: counts["acknowledged"] == 2,
                what="the third answer is taken in",
            )
        code = alone.end()
        key = load_pem_public_key((tmp_path / ".local/vectorcare/public_key.pem").read_bytes())
    # Then webhooks and API are as documented
    assert isinstance(key, rsa.RSAPublicKey)
    for received in receiver.received:
        key.verify(b64decode(received.signature), received.body, PKCS1v15(), SHA256())
    assert accepted.status_code == 201
    assert receiver.received[2].content["action"] == "BROADCAST_ACCEPTED"
    # And what is still on its way is listed
    assert code == 0
    [pending] = [line for line in alone.output().splitlines() if line.startswith("Not delivered:")]
    assert second in pending
    assert (tmp_path / ".local/vectorcare/private_key.pem").stat().st_mode & 0o077 == 0


def test_a_url_that_vectorcare_would_not_take_is_refused(tmp_path: Path) -> None:
    with running(tmp_path, "--webhook-url", "http://a.example") as alone:
        assert alone.process.wait(timeout=PATIENCE) == 1
    assert alone.output().startswith("Error: ")
    assert "Traceback" not in alone.output()
