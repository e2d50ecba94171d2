"""A fixed share of the mutants, those that the engine does not make: the unit tests notice each."""

import shutil
from pathlib import Path

import pytest

from tests.verification.mutation import trial
from tests.verification.mutation.constants import WRONG_CONSTANTS, WrongConstant
from verification.simulation.world.loader import LAMBDAS


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    """Give a copy of the functions."""
    return Path(shutil.copytree(LAMBDAS, tmp_path / "functions", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.mark.nightly
def test_as_they_are_the_functions_pass(functions: Path) -> None:
    assert trial.run(functions, sorted({wrong.noticed_by for wrong in WRONG_CONSTANTS})) == pytest.ExitCode.OK


@pytest.mark.nightly
@pytest.mark.parametrize("wrong", WRONG_CONSTANTS, ids=lambda wrong: wrong.name)
def test_a_wrong_constant_is_noticed(functions: Path, wrong: WrongConstant) -> None:
    # Given the functions with one number or name made wrong
    module = functions.joinpath(*wrong.flaw.module.split(".")).with_suffix(".py")
    module.write_text(wrong.flaw.apply(module.read_text(encoding="utf-8")), encoding="utf-8")
    # When the tests of that rule are run, Then one of them fails
    assert trial.run(functions, [wrong.noticed_by]) == pytest.ExitCode.TESTS_FAILED
