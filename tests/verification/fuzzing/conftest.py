"""No network; the functions behind the simulation's models."""

from collections.abc import Iterator

import pytest
import pytest_socket

from verification.fuzzing.stand import Stand, running


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """Give the functions as they are."""
    with running() as stand:
        yield stand
