"""The artifact of the functions is complete, fits the Python that built it, and holds no more than is needed."""

import importlib.util
import json
import marshal
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import CodeType

import pytest

from local.synthesis import Assembly
from stacks.config.errors import ConfigurationError
from stacks.functions import packaging
from tests.end_to_end import conftest as end_to_end
from tests.stacks import synthesis
from tests.stacks.templates import functions

UNCHECKED_HASH = 0b01
CLIENTS = ("sqs", "s3", "dynamodb", "events", "lambda", "secretsmanager", "cloudformation")
# What Python itself finds without its site-packages, and the artifact: as on Lambda.
IMPORT_ALONE = """
import importlib, json, os, sys
sys.path.insert(0, sys.argv[1])
for name, environment in json.loads(sys.argv[2]).items():
    os.environ.update(environment)
    importlib.import_module(f"{name}.handler")
import boto3
for service in ("sqs", "s3", "dynamodb", "events", "lambda", "secretsmanager", "cloudformation"):
    boto3.client(service)
outside = [
    name for name, module in sys.modules.items()
    if "site-packages" in (getattr(module, "__file__", None) or "")
]
sys.exit(f"from elsewhere: {outside}" if outside else 0)
"""


# The end-to-end tests deploy what is tested here: whichever comes first builds it for both.
(_one_unpacked_jsii, shared_directory, organization, assembly) = (
    end_to_end._one_unpacked_jsii,
    end_to_end.shared_directory,
    end_to_end.organization,
    end_to_end.assembly,
)


@pytest.fixture
def artifact(assembly: Assembly) -> Path:
    """Give the functions' artifact, as `python app.py` has built it."""
    (built,) = assembly.directory.glob("functions-*")
    return built


def modules(artifact: Path) -> list[Path]:
    found = sorted(artifact.rglob("*.py"))
    assert found
    return found


def test_every_module_has_bytecode_that_this_python_takes_unchecked_and_there_is_no_other(artifact: Path) -> None:
    bytecode = {Path(importlib.util.cache_from_source(str(module))): module for module in modules(artifact)}
    assert set(artifact.rglob("*.pyc")) == bytecode.keys()
    for compiled, module in bytecode.items():
        header = compiled.read_bytes()[:16]
        assert header[:4] == importlib.util.MAGIC_NUMBER, module
        assert int.from_bytes(header[4:8], "little") == UNCHECKED_HASH, module
        assert header[8:] == importlib.util.source_hash(module.read_bytes()), module


def test_bytecode_names_its_file_where_lambda_puts_it(artifact: Path) -> None:
    module = artifact / "vectorcare_bridge" / "__init__.py"
    code = marshal.loads(Path(importlib.util.cache_from_source(str(module))).read_bytes()[16:])  # noqa: S302 our own
    assert isinstance(code, CodeType)
    assert code.co_filename == "/var/task/vectorcare_bridge/__init__.py"


def test_the_functions_import_from_the_artifact_alone(artifact: Path, assembly: Assembly, tmp_path: Path) -> None:
    # Given
    environments = {
        name: {
            variable: value if isinstance(value, str) else "https://sqs.test/1/x"
            for variable, value in each["Properties"]["Environment"]["Variables"].items()
        }
        for name, each in functions(assembly.template).items()
    }
    keys = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    # When
    completed = subprocess.run(  # noqa: S603 nothing in it comes from outside
        [sys.executable, "-I", "-S", "-c", IMPORT_ALONE, str(artifact), json.dumps(environments)],
        cwd=tmp_path,
        env=keys,
        capture_output=True,
        text=True,
        check=False,
    )
    # Then
    assert completed.returncode == 0, completed.stderr


def test_it_holds_what_is_needed_and_no_more_and_lambda_may_read_it(artifact: Path) -> None:
    paths = list(artifact.rglob("*"))
    assert {path.name for path in (artifact / "botocore" / "data").iterdir() if path.is_dir()} == set(CLIENTS)
    unneeded = {"requirements.in", "requirements.txt", "tests", "test", "RECORD", "INSTALLER", "examples"}
    assert not {path.name for path in paths} & unneeded
    assert sum(path.stat().st_size for path in paths if path.is_file()) < 30 * 1024 * 1024
    for path in paths:  # whatever the umask of the one who built it
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_it_is_for_the_runtime_and_the_processor_of_the_template(artifact: Path, assembly: Assembly) -> None:
    found = [each["Properties"] for each in functions(assembly.template).values()]
    assert {each["Runtime"] for each in found} == {f"python{packaging.PYTHON}"}
    assert {tuple(each["Architectures"]) for each in found} == {(synthesis.ARCHITECTURE,)}
    assert len({each["Code"]["S3Key"] for each in found}) == 1
    machine = {"x86_64": 62, "arm64": 183}[synthesis.ARCHITECTURE]  # ELF's e_machine
    assert {int.from_bytes(path.read_bytes()[18:20], "little") for path in artifact.rglob("*.so")} == {machine}


def test_an_unchanged_tree_is_not_built_again(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaging, "build", lambda *_args, **_kwargs: pytest.fail("built again"))
    again = packaging.build_artifact(artifact.parent, architecture=synthesis.ARCHITECTURE, python=packaging.PYTHON)
    assert again.folder == artifact


def test_changed_code_changed_requirements_and_another_processor_make_another_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    shutil.copytree(packaging.SOURCES, tmp_path / "lambdas")
    packaging_file = tmp_path / "packaging.py"
    packaging_file.touch()
    built: set[str] = set()
    monkeypatch.setattr(packaging, "ROOT", tmp_path)
    monkeypatch.setattr(packaging, "SOURCES", tmp_path / "lambdas")
    monkeypatch.setattr(packaging, "REQUIREMENTS", tmp_path / "lambdas" / "requirements.txt")
    monkeypatch.setattr(packaging, "__file__", str(packaging_file))
    monkeypatch.setattr(packaging, "build", lambda folder, **_kwargs: built.add(folder.name))
    packaging.build_artifact(tmp_path / "out", architecture="arm64", python=packaging.PYTHON)
    # When
    packaging.build_artifact(tmp_path / "out", architecture="x86_64", python=packaging.PYTHON)
    for changed in ("ingest/handler.py", "requirements.txt"):
        with (tmp_path / "lambdas" / changed).open("a") as file:
            file.write("# changed\n")
        packaging.build_artifact(tmp_path / "out", architecture="arm64", python=packaging.PYTHON)
    # Then
    assert len(built) == 4


def test_a_build_that_fails_leaves_nothing_that_looks_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    def fail(folder: Path, **_kwargs: object) -> None:
        (folder / "half.py").touch()
        raise ConfigurationError("no network")

    monkeypatch.setattr(packaging, "build", fail)
    # When
    with pytest.raises(ConfigurationError):
        packaging.build_artifact(tmp_path, architecture="arm64", python=packaging.PYTHON)
    # Then
    assert not list(tmp_path.iterdir())


def test_a_failed_installation_says_why_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"no-such-package==1.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(packaging, "ROOT", tmp_path)
    monkeypatch.setattr(packaging, "REQUIREMENTS", requirements)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    # When
    with pytest.raises(ConfigurationError) as failed:
        packaging.build(tmp_path / "out", architecture="arm64")
    # Then
    line = str(failed.value)
    assert line.startswith(f"requirements.txt: pip could not install it for Python {packaging.PYTHON} on arm64 (ERROR:")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("running", "architecture", "python", "message"),
    [
        (packaging.PYTHON, "arm64", "3.99", r"python=3\.99: this is Python .*; run it with Python 3\.99$"),
        (
            packaging.PYTHON,
            "mips",
            packaging.PYTHON,
            "architecture=mips: Lambda has no such processor; use arm64 or x86_64$",
        ),
        ("3.15", "arm64", "3.15", r"Python 3\.15: is not a Lambda runtime; run it with Python 3\.11, "),
    ],
)
def test_what_lambda_does_not_run_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    running: str,
    architecture: str,
    python: str | None,
    message: str,
) -> None:
    monkeypatch.setattr(packaging, "PYTHON", running)
    with pytest.raises(ConfigurationError, match=f"^{message}"):
        packaging.build_artifact(tmp_path, architecture=architecture, python=python)


def test_what_is_deployed_is_built_by_the_pinned_python_and_another_is_refused_with_both_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a machine with another Python
    assert packaging.PIN.read_text().strip() in packaging.RUNTIMES
    monkeypatch.setattr(packaging, "PIN", tmp_path / ".python-version")
    packaging.PIN.write_text("3.11\n")
    monkeypatch.setattr(packaging, "PYTHON", "3.12")
    monkeypatch.setattr(packaging, "build", lambda *_args, **_kwargs: pytest.fail("built"))
    # When it synthesizes without being asked for that Python, as for AWS
    with pytest.raises(ConfigurationError) as refused:
        packaging.build_artifact(tmp_path / "out", architecture="arm64", python=None)
    # Then
    for part in ("Python 3.11", "Python 3.12", "make clean", "make PYTHON=python3.11 synth", "write 3.12 into"):
        assert part in str(refused.value)
