"""What `cdk synth` does, for one organization and this machine; what has not changed is not synthesized again."""

import hashlib
import json
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import processes
from local.errors import LocalError
from local.organization import LocalOrganization
from stacks.config.organization import STACK_PREFIX

PROJECT = Path(__file__).resolve().parent.parent
SOURCES = (
    *("app.py", "cdk.json", "VERSION", "requirements*.txt", "package-lock.json"),
    *("cli/**/*", "lambdas/**/*", "stacks/**/*"),
)
"""All files of the project that the synthesis reads or imports."""

_VARIABLES = ("AWS_", "CDK_", "JSII_", "NODE_", "PIP_", "PYTHON")
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """What the synthesis wrote for one stack: its template, and the files that the template refers to."""

    directory: Path  # the cloud assembly (`cdk.out`)
    stack_name: str  # `VectorCareBridge-<organization>`
    stack_id: str | None = None  # its name in the assembly, if that is another: in a second region

    @property
    def template_file(self) -> str:
        return f"{self.stack_id or self.stack_name}.template.json"

    @property
    def template(self) -> dict[str, Any]:
        return _read_json(self.directory / self.template_file)

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        """The assets by their hash, as `<stack>.assets.json` lists them."""
        files: Mapping[str, Mapping[str, Any]] = _read_json(
            self.directory / f"{self.stack_id or self.stack_name}.assets.json"
        )["files"]
        return files


def unchanged(organization: LocalOrganization, *, directory: Path) -> Assembly | None:
    """Return the assembly of the last run, if its inputs and its own files have not changed."""
    assembly = _assembly(organization, directory)
    try:
        recorded = _read_json(_record(directory))
        if recorded == {"inputs": _inputs(organization), "outputs": _outputs(assembly)}:
            return assembly
    except (OSError, ValueError):  # any doubt: synthesize
        pass
    return None


def synthesize(organization: LocalOrganization, *, directory: Path) -> Assembly:
    """Run `python app.py` for one organization, for the processor of this machine.

    `cdk.out`, the log and all temporary files are in `directory`.

    Raises
    ------
    LocalError
        The synthesis failed; the text has the end of its log.
    """
    assembly, inputs = _assembly(organization, directory), _inputs(organization)
    _record(directory).unlink(missing_ok=True)
    _clear(assembly.directory)
    _run_app(organization, assembly, directory)
    if _inputs(organization) == inputs:  # no source was edited meanwhile
        record = {"inputs": inputs, "outputs": _outputs(assembly)}
        _record(directory).write_text(json.dumps(record), encoding="utf-8")
    return assembly


def _run_app(organization: LocalOrganization, assembly: Assembly, directory: Path) -> None:
    temporary, log_file = directory / "synthesis", directory / "synthesis.log"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    context = {
        "organizations": str(organization.directory.resolve()),
        "organization": organization.name,
        "architecture": _architecture(),
        # Here the functions run on this very Python.
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }
    cache = directory.resolve() / "cache"
    environment = {
        # jsii unpacks 200 MB, and pip keeps what it downloads; the user's own settings for them come first
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(cache / "jsii"),
        "PIP_CACHE_DIR": str(cache / "pip"),
        "CDK_VALIDATION": "false",  # takes seconds, and `make synth` and `make deploy` do it
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),  # node
        "TMPDIR": str(temporary.resolve()),
        "CDK_OUTDIR": str(assembly.directory.resolve()),
        "CDK_CONTEXT_JSON": json.dumps(context),
    }
    process = processes.start([sys.executable, "app.py"], environment=environment, directory=PROJECT, log_file=log_file)
    try:
        code = process.wait()
    finally:
        processes.end(process)
        shutil.rmtree(temporary, ignore_errors=True)
    if code != 0:
        last_lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        raise LocalError(
            "\n".join([f"The synthesis (python app.py) ended with code {code}. The end of {log_file}:", *last_lines])
        )


def _assembly(organization: LocalOrganization, directory: Path) -> Assembly:
    return Assembly(directory=directory / "cdk.out", stack_name=f"{STACK_PREFIX}{organization.name}")


def _record(directory: Path) -> Path:
    return directory / "synthesis.json"


def _inputs(organization: LocalOrganization) -> str:
    """Digest everything that decides the outcome: sources, organization files, packages, Python, variables."""
    sources = (path for pattern in SOURCES for path in PROJECT.glob(pattern))
    files = [path for path in (*sources, *organization.directory.glob("*.toml")) if "__pycache__" not in path.parts]
    facts = [
        organization.name,
        str(organization.directory.resolve()),
        sys.version,
        _architecture(),
        *sorted(path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info")),
        *sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(_VARIABLES)),
    ]
    return _digest([repr(facts).encode(), *_contents(files)])


def _outputs(assembly: Assembly) -> str:
    builds = f"{assembly.directory}/functions-"  # the assets are copies of these
    return _digest(_contents(path for path in assembly.directory.rglob("*") if not str(path).startswith(builds)))


def _contents(paths: Iterable[Path]) -> Iterator[bytes]:
    for path in sorted(paths):
        if path.is_file():
            yield str(path).encode()
            yield path.read_bytes()


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _clear(output: Path) -> None:
    """Empty a cloud assembly except for the last build of the functions, which is used again if they are unchanged."""
    builds = sorted(output.glob("functions-*"), key=lambda path: path.stat().st_mtime)
    for path in set(output.glob("*")) - set(builds[-1:]):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _architecture() -> str:
    machine = platform.machine().lower()
    if machine not in _ARCHITECTURES:
        raise LocalError(f"The functions' packages come for x86_64 and arm64, not for this machine's {machine}.")
    return _ARCHITECTURES[machine]


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
