"""The command: guided by coverage, it sums up, saves what breaks a rule, and runs it again."""

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.wait import PATIENCE, wait_until
from vectorcare_bridge.webhooks import signature
from verification.fuzzing.__main__ import main
from verification.fuzzing.case import INGEST, Case, Part

COMMAND = [sys.executable, "-m", "verification.fuzzing", "--target", "processor", "--processes", "1"]
needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this Python"
)


@needs_atheris
def test_a_run_ends_with_the_counts_of_all_its_inputs(tmp_path: Path) -> None:
    # When a few inputs are run
    command = [*COMMAND, "--inputs", "20", "--seed", "7", "--corpus", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603 it is ours
    # Then the last line counts them, what reached something new is kept, and the seed was named
    last = ended.stdout.splitlines()[-1]
    assert last.startswith("inputs 20, signed "), ended.stdout + ended.stderr
    assert ended.returncode == (0 if last.endswith("violations 0") else 1)
    assert list((tmp_path / "processor").iterdir())
    assert "seed 7" in ended.stdout


@pytest.mark.nightly
@needs_atheris
def test_an_interrupted_run_ends_with_the_counts_so_far(tmp_path: Path) -> None:
    # Given a run that would take days
    command = [*COMMAND, "--inputs", "1000000000", "--corpus", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running_command:  # noqa: S603 it is ours
        wait_until(lambda: list((tmp_path / "processor").glob("*")), what="an input is kept")
        # When it is interrupted
        running_command.send_signal(signal.SIGINT)
        output, _ = running_command.communicate(timeout=PATIENCE)
    # Then it sums up
    assert "interrupted; so far:" in output
    assert output.splitlines()[-1].startswith("inputs ")


def test_a_saved_input_is_run_again(tmp_path: Path) -> None:
    # Given an input that breaks no rule, in a file
    path = tmp_path / "some.case"
    path.write_bytes(Case(INGEST, [Part({}, b"{}")]).to_bytes())
    # When it is run again
    result = CliRunner().invoke(main, ["--replay", str(path)])
    # Then it says so
    assert result.exit_code == 0, result.output
    assert result.output.endswith("no violation\n")


def test_a_saved_input_that_still_breaks_a_rule_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given functions that accept every signature, and an input in a file that should be refused
    monkeypatch.setattr(signature, "verify", lambda _body, _header, keys: keys[0])
    path = tmp_path / "some.case"
    path.write_bytes(Case(INGEST, [Part({"key": "foreign"}, b"{}")]).to_bytes())
    # When it is run again
    result = CliRunner().invoke(main, ["--replay", str(path)])
    # Then the rule is named
    assert result.exit_code == 1
    assert "violation: accepted without a signature" in result.output


def test_a_file_that_is_not_an_input_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.case"
    path.write_bytes(b"nothing of the kind")
    result = CliRunner().invoke(main, ["--replay", str(path)])
    assert result.exit_code == 1
    assert "holds no input" in result.output


def test_without_atheris_it_says_which_python_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a Python for which there is no atheris
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    # When the command is run
    result = CliRunner().invoke(main, ["--inputs", "1"])
    # Then it says so, and where there is one
    assert result.exit_code == 1
    assert "CPython 3.11 to 3.13" in result.output
