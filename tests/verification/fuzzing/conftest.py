"""No network; the functions behind the simulation's models."""

from collections.abc import Iterator

import pytest

from tests.unit.conftest import _no_network
from verification.fuzzing.functions import Functions, loaded

__all__ = ["_no_network", "functions"]


@pytest.fixture(scope="package")
def functions() -> Iterator[Functions]:
    with loaded() as functions:
        yield functions
