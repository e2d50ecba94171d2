"""No network; the functions behind the simulation's models."""

from collections.abc import Iterator

import pytest
import pytest_socket

from verification.fuzzing.functions import Functions, loaded


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture(scope="package")
def functions() -> Iterator[Functions]:
    with loaded() as functions:
        yield functions
