"""What has not changed is not synthesized again; any doubt, and it is."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local import synthesis
from local.organization import LocalOrganization
from local.synthesis import PROJECT, SOURCES


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project whose synthesis writes one file."""
    for name in ("lambdas/ingest.py", "stacks/bridge_stack.py", "requirements.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    (tmp_path / "app.py").write_text("import os, pathlib\npathlib.Path(os.environ['CDK_OUTDIR'], 'out').write_text('')")
    (tmp_path / "cdk.out").mkdir()
    monkeypatch.setattr(synthesis, "PROJECT", tmp_path)
    return tmp_path


@pytest.fixture
def organization(tmp_path: Path) -> LocalOrganization:
    (tmp_path / "organizations").mkdir()
    (tmp_path / "organizations" / "acme.toml").write_text("text")
    return LocalOrganization(name="acme", directory=tmp_path / "organizations", private_key_file=None)


def test_the_assembly_of_the_last_run_is_used_again(project: Path, organization: LocalOrganization) -> None:
    # Given
    assert synthesis.unchanged(organization, directory=project) is None
    # When
    made = synthesis.synthesize(organization, directory=project)
    # Then
    assert synthesis.unchanged(organization, directory=project) == made


@pytest.mark.parametrize(
    "change",
    [
        lambda project: (project / "lambdas/ingest.py").write_text("other"),
        lambda project: (project / "stacks/new.py").write_text(""),
        lambda project: (project / "requirements.txt").unlink(),
        lambda project: (project / "organizations/acme.toml").write_text("other"),
        lambda project: (project / "cdk.out/out").write_text("damaged"),
        lambda project: (project / "cdk.out/out").unlink(),
        lambda project: (project / "synthesis.json").write_text("{"),
    ],
)
def test_whatever_changes_it_is_synthesized_again(
    project: Path, organization: LocalOrganization, change: Callable[[Path], object]
) -> None:
    # Given
    synthesis.synthesize(organization, directory=project)
    # When
    change(project)
    # Then
    assert synthesis.unchanged(organization, directory=project) is None


def test_all_that_the_synthesis_imports_is_compared() -> None:
    # Given
    code = "import sys, app; print(*(getattr(m, '__file__', '') for m in [*sys.modules.values()]))"
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=PROJECT, text=True)  # noqa: S603 our own code
    # When
    imported = {Path(name) for name in printed.split() if name.startswith(f"{PROJECT}/") and ".venv" not in name}
    # Then
    assert imported <= {path for pattern in SOURCES for path in PROJECT.glob(pattern)}
    assert imported
