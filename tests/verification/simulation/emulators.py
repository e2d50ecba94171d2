"""Two independent likenesses of AWS to hold the models against."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from moto import mock_aws

from tests.support.wait import wait_until

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
}
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Emulator:
    """An emulator, and how to let time pass in it; None if time is the machine's own."""

    name: str
    client: Callable[[str], Any]
    advance: Callable[[float], None] | None = None


@contextmanager
def moto() -> Iterator[Emulator]:
    """Run moto, with a clock that stands still."""
    clock = [1_772_366_400.0]

    def advance(seconds: float) -> None:
        clock[0] += seconds

    with (
        mock.patch.dict(os.environ, CREDENTIALS),
        mock_aws(),
        mock.patch("moto.sqs.models.unix_time", side_effect=lambda *_: clock[0]),
        mock.patch("moto.sqs.models.unix_time_millis", side_effect=lambda *_: clock[0] * 1000),
    ):
        yield Emulator("moto", boto3.client, advance)


@contextmanager
def ministack(directory: Path) -> Iterator[Emulator]:
    """Run ministack on a free port of loopback."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.defpath,
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": _HOST,
        "MINISTACK_HOST": _HOST,
        "IOT_MTLS_ENABLED": "0",
        "DOCKER_HOST": f"unix://{directory}/no-docker",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with (directory / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=environment, cwd=directory, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: _answers(port, process), what=f"ministack answers; its log: {directory}/ministack.log")
        with mock.patch.dict(os.environ, CREDENTIALS):
            yield Emulator("ministack", lambda name: boto3.client(name, endpoint_url=f"http://{_HOST}:{port}"))
    finally:
        process.kill()
        process.wait()


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "ministack has ended"
    with socket.socket() as probe:
        return probe.connect_ex((_HOST, port)) == 0
