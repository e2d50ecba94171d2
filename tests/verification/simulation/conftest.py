"""The emulators that the models are compared with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import emulators
from tests.support.emulators import Emulator


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Give ministack, one for all tests of a worker."""
    with emulators.ministack(Path(tmp_path_factory.mktemp("ministack"))) as emulator:
        yield emulator


# ministack takes seconds to start, and the models rarely change.
@pytest.fixture(params=["moto", pytest.param("ministack", marks=pytest.mark.nightly)])
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """Give each of the emulators in turn."""
    if request.param == "ministack":
        yield request.getfixturevalue("ministack")
        return
    with emulators.moto() as emulator:
        yield emulator
