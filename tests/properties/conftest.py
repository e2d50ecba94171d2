"""No network, as in the unit tests."""

from tests.unit.conftest import _no_network

__all__ = ["_no_network"]
