"""The files of this repository."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_OURS = {".git", ".hypothesis", ".local", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", "__pycache__"}
NOT_OURS |= {"cdk.out", "node_modules"}


def repository_files() -> Iterator[str]:
    """Name the files of the repository, those included that git does not know yet; without git, of the tree."""
    if (ROOT / ".git").exists():
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 the user's own git
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        yield from (name for name in listing.split("\0") if name and (ROOT / name).is_file())
        return
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        yield from (str((Path(folder) / name).relative_to(ROOT)) for name in names)
