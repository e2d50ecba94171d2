"""`bridge check`."""

from pathlib import Path

import pytest

from stacks.config.errors import ConfigurationError
from stacks.config.organization import load_organization
from tests.cli.conftest import Run, parsed

EXAMPLE = Path(__file__).parents[2] / "organizations" / "example.toml"


def test_a_file_that_can_be_deployed_is_ok(run: Run) -> None:
    # When
    result = run("check", str(EXAMPLE))
    # Then
    assert result.exit_code == 0, result.output
    assert "ok, VectorCareBridge-example, uat" in result.stdout


def test_a_mistake_is_told_in_the_words_of_deploying(run: Run, tmp_path: Path) -> None:
    # Given
    path = tmp_path / "acme.toml"
    path.write_text(EXAMPLE.read_text().replace('environment = "uat"', 'environment = "sandbox"'))
    with pytest.raises(ConfigurationError) as refused:
        load_organization(path)
    # When
    result = run("check", str(path), "--json")
    # Then
    assert result.exit_code == 1
    assert parsed(result)[0]["error"] == str(refused.value)


def test_one_wrong_file_among_several_fails_and_hides_no_other(run: Run, tmp_path: Path) -> None:
    # When
    result = run("check", str(tmp_path / "missing.toml"), str(EXAMPLE), "--json")
    # Then
    assert result.exit_code == 1
    assert [bool(checked["error"]) for checked in parsed(result)] == [True, False]


def test_without_a_file_it_is_called_wrongly(run: Run) -> None:
    # When
    result = run("check")
    # Then
    assert result.exit_code == 2
