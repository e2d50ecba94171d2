"""Both emulators with the functions' resources."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws import function_calls, functions
from tests.aws.function_calls import Answer
from tests.aws.functions import Resources
from tests.support import emulators

EMULATORS = ("ministack", "moto")


@pytest.fixture(scope="module", params=EMULATORS)
def emulated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resources]:
    folder = Path(tmp_path_factory.mktemp("emulator"))
    running = emulators.moto() if request.param == "moto" else emulators.ministack(folder)
    with running as emulator:
        yield Resources(emulator)


@pytest.fixture(scope="module")
def answers(emulated: Resources) -> list[Answer]:
    """Give the answers to every call that the functions make."""
    with function_calls.recording() as recorded:
        functions.use(emulated)
    return recorded
