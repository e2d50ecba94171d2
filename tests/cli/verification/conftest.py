"""Servers on this machine: these tests speak TLS and HTTP."""

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def _network(_no_network: None) -> None:
    """Allow connections again, which the tests of the commands forbid."""
    pytest_socket.enable_socket()
