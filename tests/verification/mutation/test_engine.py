"""What the engine works on."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from verification.mutation import engine, equivalents
from verification.mutation.equivalents import Equivalent
from verification.simulation.flaw import Flaw
from verification.simulation.world.loader import LAMBDAS, compiled


def test_the_copy_holds_all_that_its_tests_import(tmp_path: Path) -> None:
    # Given
    engine.prepare(tmp_path / "copy")
    selection = tomllib.loads((tmp_path / "copy" / "pyproject.toml").read_text())["tool"]["mutmut"]
    folders = {path.name for path in (tmp_path / "copy").iterdir() if path.is_dir()}
    tests = selection["pytest_add_cli_args_test_selection"]
    # When its tests are looked for, with nothing but the copy on the path
    ended = subprocess.run(  # noqa: S603 our own code
        [sys.executable, "-P", "-m", "pytest", "--collect-only", "--quiet", "-p", "no:cacheprovider", *tests],
        cwd=tmp_path / "copy",
        env={name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTEST_ADDOPTS"}},
        capture_output=True,
        text=True,
        check=False,
    )
    # Then they and all that is mutated are there, and the engine takes each folder along into the copy of its own
    assert folders == {*selection["source_paths"], *selection["also_copy"], "tests"}
    assert [name for name in selection["only_mutate"] if not (tmp_path / "copy" / name).is_file()] == []
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]


@pytest.mark.parametrize("entry", equivalents.load(), ids=lambda entry: entry.function)
def test_an_equivalent_mutant_is_of_a_function_that_is_there(entry: Equivalent) -> None:
    parts = entry.function.split(".")
    modules = [place for place in range(1, len(parts)) if LAMBDAS.joinpath(*parts[:place]).with_suffix(".py").is_file()]
    assert modules
    module, name = ".".join(parts[: modules[0]]), ".".join(parts[modules[0] :])
    assert compiled(module, (Flaw(module, name, lambda function: function),))
