"""Two independent emulators of AWS, to compare with each other, with AWS's documentation, and with our models."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from moto import mock_aws

from local import emulator
from tests.support.cloud import CREDENTIALS


@dataclass(frozen=True)
class Emulator:
    """An emulator, and how to let time pass in it; None if time is the machine's own."""

    name: str
    client: Callable[[str], Any]
    advance: Callable[[float], None] | None = None


@contextmanager
def moto() -> Iterator[Emulator]:
    """Run moto with a stopped clock."""
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
    """Run ministack as the local environment does."""
    with emulator.Emulator(directory=directory / "ministack", port=0) as running:
        yield Emulator("ministack", running.aws.make)
