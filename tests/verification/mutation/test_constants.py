"""A fixed share of the mutants, those that the engine does not make: the unit tests notice each."""

import pytest

from tests.verification.mutation import trial
from tests.verification.mutation.constants import WRONG_CONSTANTS
from verification.simulation.world.loader import compiled


def test_each_constant_is_there() -> None:
    for flaw, _noticed_by in WRONG_CONSTANTS:
        assert compiled(flaw.module, (flaw,))


@pytest.mark.nightly
def test_as_they_are_the_functions_pass() -> None:
    assert trial.run(sorted({_file(noticed_by) for _flaw, noticed_by in WRONG_CONSTANTS})) == pytest.ExitCode.OK


@pytest.mark.nightly
@pytest.mark.parametrize("number", range(len(WRONG_CONSTANTS)), ids=lambda number: str(WRONG_CONSTANTS[number][0]))
def test_a_wrong_constant_is_noticed(number: int) -> None:
    assert trial.run([_file(WRONG_CONSTANTS[number][1])], wrong=number) == pytest.ExitCode.TESTS_FAILED


def _file(name: str) -> str:
    return f"tests/unit/{name}.py"
