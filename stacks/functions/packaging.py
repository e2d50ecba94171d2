"""The artifact that all functions share: pip's wheels for Lambda's processor and the sources, without Docker."""

import hashlib
import logging
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import aws_lambda as lambda_

from stacks.config.errors import ConfigurationError
from stacks.functions import clean_pip

_log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "lambdas"
REQUIREMENTS = SOURCES / "requirements.txt"

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PIN = ROOT / ".python-version"
RUNTIMES = {
    "3.11": lambda_.Runtime.PYTHON_3_11,
    "3.12": lambda_.Runtime.PYTHON_3_12,
    "3.13": lambda_.Runtime.PYTHON_3_13,
    "3.14": lambda_.Runtime.PYTHON_3_14,
}
ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}
# manylinux2014 needs glibc 2.17; the oldest runtime, Python 3.11's, has 2.26 (Lambda Developer Guide, "Runtimes").
PLATFORMS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}

# The services that the functions call; botocore's descriptions of some 400 others are left out.
SERVICES = ("cloudformation", "dynamodb", "events", "lambda", "s3", "secretsmanager", "sqs")
# What comes with a package, but no import of the functions reaches.
UNUSED = (
    "*.dist-info/[!M]*",  # Only METADATA stays, by which a scanner knows the versions.
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/utilities/[!_jt]*",  # Logger imports jmespath_utils and typing.
    "bin",
    "boto3/data",
    "boto3/examples",
    "botocore/data/*/*/examples-1.json*",
    "certifi/tests",
    "cffi",
    "pycparser",
)


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """The functions' code, with the runtime and the processor that it was built for.

    Attributes
    ----------
    digest : str
        SHA-256 of its sources and requirements, not of its files: the bytecode differs between machines, and a
        deployment would replace functions without need.
    """

    folder: Path
    digest: str
    runtime: lambda_.Runtime
    architecture: lambda_.Architecture

    def code(self) -> lambda_.Code:
        """Make the code of one function: CDK ties each to one stack."""
        return lambda_.Code.from_asset(str(self.folder), asset_hash=self.digest)


def build_artifact(folder: Path, *, architecture: str, python: str | None) -> Artifact:
    """Build the artifact for this Python, unless an earlier build had the same sources and requirements.

    Builds are kept in the folder, one for each digest. The architecture is ``arm64`` or ``x86_64``; `python` is the
    required version, such as ``3.13``, or None for the pinned one: what is built for one does not run on another, so
    the deployed functions do not follow the Python that happens to run this.

    Raises
    ------
    ConfigurationError
        If this is another Python, Lambda does not run it, or the build fails.
    """
    if python is None:
        _check_pin()
    elif python != PYTHON:
        raise ConfigurationError(f"python={python}: this is Python {PYTHON}; run it with Python {python}")
    if PYTHON not in RUNTIMES:
        raise ConfigurationError(f"Python {PYTHON}: is not a Lambda runtime; run it with Python {', '.join(RUNTIMES)}")
    if architecture not in ARCHITECTURES:
        raise ConfigurationError(
            f"architecture={architecture}: Lambda has no such processor; use {' or '.join(ARCHITECTURES)}"
        )
    digest = _digest(architecture)
    built = folder / f"functions-{digest}"
    if not built.is_dir():
        _build_atomically(built, architecture=architecture)
    return Artifact(folder=built, digest=digest, runtime=RUNTIMES[PYTHON], architecture=ARCHITECTURES[architecture])


def _check_pin() -> None:
    pinned = PIN.read_text(encoding="utf-8").strip()
    if pinned != PYTHON:
        raise ConfigurationError(
            f"{PIN.name}: the functions run on Python {pinned}, and this is Python {PYTHON}. Install Python {pinned}, "
            f"run make clean, and then make PYTHON=python{pinned} synth; all commands use it from then on. Or write "
            f"{PYTHON} into {PIN.name}: the next deployment of each organization then moves its functions to it"
        )


def build(folder: Path, *, architecture: str) -> None:
    """Build the artifact's files into an empty folder.

    Raises
    ------
    ConfigurationError
        If pip cannot install the requirements.
    """
    _install(folder, architecture=architecture)
    for source in _sources():
        target = folder / source.relative_to(SOURCES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    _prune(folder)
    _compile(folder)
    for path in folder.rglob("*"):
        # Lambda runs as another user, and the builder's umask may have excluded others.
        path.chmod(0o755 if path.is_dir() else 0o644)


def _sources() -> list[Path]:
    return sorted(SOURCES.rglob("*.py"))


def _digest(architecture: str) -> str:
    digest = hashlib.sha256(f"{PYTHON} {architecture}\0".encode())
    for path in [Path(__file__), REQUIREMENTS, *_sources()]:
        digest.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()


def _build_atomically(built: Path, *, architecture: str) -> None:
    """Build in a temporary folder and rename it, so that a folder in its place is always complete."""
    _log.info("Building the functions for Python %s on %s ...", PYTHON, architecture)
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built.parent, prefix="building.") as aside:
        folder = Path(aside) / built.name
        folder.mkdir()
        build(folder, architecture=architecture)
        try:
            folder.rename(built)
        except OSError:
            # A parallel build was faster.
            if not built.is_dir():
                raise


def _install(folder: Path, *, architecture: str) -> None:
    try:
        environment = clean_pip.environment()
    except clean_pip.PipError as error:
        raise ConfigurationError(
            f"pip: its settings cannot be read ({error}); find the file with: pip config debug"
        ) from None
    pip = subprocess.run(  # noqa: S603 nothing in it comes from outside
        clean_pip.command(
            *("install", "--disable-pip-version-check", "--no-input", "--quiet"),
            *("--require-hashes", "--requirement", str(REQUIREMENTS)),
            *("--platform", PLATFORMS[architecture], "--implementation", "cp", "--python-version", PYTHON),
            *("--only-binary=:all:", "--no-compile", "--target", str(folder)),
        ),
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if pip.returncode:
        errors = [line for line in pip.stderr.splitlines() if line.startswith("ERROR")] or pip.stderr.splitlines()
        raise ConfigurationError(
            f"{REQUIREMENTS.relative_to(ROOT)}: pip could not install it for Python {PYTHON} on {architecture} "
            f"({errors[-1] if errors else f'exit status {pip.returncode}'}); check the network, then the file"
        )


def _prune(folder: Path) -> None:
    unused = [path for pattern in UNUSED for path in folder.glob(pattern)]
    unused += [path for path in (folder / "botocore" / "data").iterdir() if path.is_dir() and path.name not in SERVICES]
    for path in unused:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _compile(folder: Path) -> None:
    """Compile every module to unchecked bytecode: a zip changes the times that checked bytecode depends on."""
    subprocess.run(  # noqa: S603 nothing in it comes from outside
        [
            # Isolated: the environment may ask for optimized bytecode, or for another place for it.
            *(sys.executable, "-I", "-m", "compileall", "-q", "-j", "0"),
            *("--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", "/var/task", str(folder)),
        ],
        check=True,
    )
