"""The dashboards that the stand deployed become pictures."""

import json
from pathlib import Path

from click.testing import CliRunner

from dashboards.__main__ import main
from local.stand import Stand

PNG = b"\x89PNG\r\n\x1a\n"


def test_the_command_draws_both_dashboards_of_a_stand(stand: Stand, tmp_path: Path) -> None:
    # Given
    file = tmp_path / "stand.json"
    file.write_text(json.dumps(stand.describe()))
    # When
    result = CliRunner().invoke(main, ["--stand", str(file), "--output", str(tmp_path / "pictures")])
    # Then
    assert result.exit_code == 0, result.output
    names = {stand.deployment.outputs[f"{name}Dashboard"] for name in ("Business", "Engineer")}
    pictures = {path.stem: path.read_bytes() for path in (tmp_path / "pictures").iterdir()}
    assert pictures.keys() == names
    assert all(content.startswith(PNG) for content in pictures.values())


def test_without_a_stand_the_command_says_how_to_start_one(tmp_path: Path) -> None:
    # When
    result = CliRunner().invoke(main, ["--stand", str(tmp_path / "stand.json")])
    # Then
    assert result.exit_code == 1
    assert "make run" in result.output
