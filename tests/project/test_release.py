"""`make release` tags a version only if it is committed and the changelog says what is new in it."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ("Makefile", "VERSION", "CHANGELOG.md")


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 the commands are below


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    run(tmp_path, "git", "init", "--quiet")
    run(tmp_path, "git", "config", "user.name", "nobody")
    run(tmp_path, "git", "config", "user.email", "nobody@example.com")
    run(tmp_path, "git", "add", ".")
    run(tmp_path, "git", "commit", "--quiet", "--message", "all")
    return tmp_path


def test_a_committed_version_with_its_section_is_tagged(repository: Path) -> None:
    released = run(repository, "make", "release")
    assert released.returncode == 0, released.stderr
    assert run(repository, "git", "tag").stdout == f"v{(ROOT / 'VERSION').read_text().strip()}\n"


@pytest.mark.parametrize(
    ("is_committed", "reason"), [(True, "CHANGELOG.md has no section [9.9.9]"), (False, "Uncommitted changes")]
)
def test_anything_else_is_refused(repository: Path, is_committed: bool, reason: str) -> None:
    # Given another version
    (repository / "VERSION").write_text("9.9.9\n")
    if is_committed:
        run(repository, "git", "commit", "--quiet", "--all", "--message", "version")
    # When, Then
    refused = run(repository, "make", "release")
    assert refused.returncode != 0
    assert reason in refused.stderr
    assert run(repository, "git", "tag").stdout == ""
