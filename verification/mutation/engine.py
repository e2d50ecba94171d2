"""The engine's side: a copy of the repository, mutmut at work on it, and what became of each mutant."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

ROOT = Path(__file__).parents[2]
SCRATCH = ROOT / ".local" / "mutants"
LOG = SCRATCH / "mutmut.log"

_KILLED = frozenset({"killed", "timeout"})


@dataclass(frozen=True)
class Mutant:
    """One fault that was tried: the lines that it changes, without their indentation.

    It is killed if a test failed, or ran for ever.
    """

    module: str
    function: str
    before: str
    after: str
    is_killed: bool


def prepare(directory: Path = SCRATCH) -> None:
    """Copy what the engine needs, over what it left."""
    shutil.rmtree(directory, ignore_errors=True)
    for name in ("lambdas", "tests", "simulator", "verification"):
        place = directory / ("src" if name == "lambdas" else name)
        shutil.copytree(ROOT / name, place, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(__file__).with_name("mutmut.toml"), directory / "pyproject.toml")


@contextmanager
def running() -> Iterator[subprocess.Popen[bytes]]:
    """Run the engine; it is over when this is left, at the latest."""
    command = [str(Path(sys.executable).with_name("mutmut")), "run", f"--max-children={os.cpu_count() or 1}"]
    with (
        LOG.open("wb") as log,
        subprocess.Popen(command, cwd=SCRATCH, stdout=log, stderr=log) as process,  # noqa: S603 the words above
    ):
        try:
            yield process
        finally:
            # So it ends its workers, too; if it has ended, nothing is sent.
            process.send_signal(signal.SIGINT)
            process.wait()


def progress() -> tuple[int, int]:
    """Count the mutants that are judged, and all that there are; nothing, as long as the engine counts none."""
    counts = re.findall(r"(\d+)/(\d+) ", LOG.read_text(encoding="utf-8", errors="replace"))
    return (int(counts[-1][0]), int(counts[-1][1])) if counts else (0, 0)


def mutants() -> list[Mutant]:
    """Read what became of each."""
    with contextlib.chdir(SCRATCH):
        paths = [path.relative_to("mutants").with_suffix("") for path in sorted(Path("mutants").rglob("*.py.meta"))]
        files = [SourceFileMutationData(path=path) for path in paths]
        for data in files:
            data.load()
        return [_read(name, code, data) for data in files for name, code in data.exit_code_by_key.items()]


def _read(name: str, code: int | None, data: SourceFileMutationData) -> Mutant:
    module = name.rpartition(".")[0]
    function, class_name = orig_function_and_class_names_from_key(name)
    is_killed = status_by_exit_code[code] in _KILLED
    changed = get_diff_for_mutant(name, path=data.path).splitlines()[2:]
    return Mutant(
        module=module,
        function=".".join(filter(None, (class_name, function))),
        before=_lines(changed, "-"),
        after=_lines(changed, "+"),
        is_killed=is_killed,
    )


def _lines(changed: list[str], sign: str) -> str:
    return "\n".join(line[1:].strip() for line in changed if line.startswith(sign))
