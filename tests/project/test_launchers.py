"""`./bridge`, `./cdk` and plain `cdk` work in a shell in which nothing is set up."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.stacks.organization_files import MINIMAL
from tests.support.plain_shell import programs_without_node
from tests.support.repository import ROOT

HOSTILE = {"PYTHONHOME": "/nowhere", "PYTHONPATH": "/nowhere", "VIRTUAL_ENV": "/nowhere"}


@pytest.fixture(autouse=True)
def _without_node(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("PATH", programs_without_node(tmp_path_factory.mktemp("machine") / "programs"))


def run(*command: str | Path, directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the variables that any shell has, and no more."""
    return subprocess.run(  # noqa: S603 our own scripts
        command,
        cwd=directory,
        env={"HOME": str(Path.home()), "PATH": os.environ["PATH"]} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_bridge_works_from_anywhere_and_takes_paths_as_the_caller_does(tmp_path: Path) -> None:
    # Given a link, a file beside it, and settings of another Python
    link = tmp_path / "operate"
    link.symlink_to(ROOT / "bridge")
    (tmp_path / "acme.toml").write_text(MINIMAL)
    # When
    checked = run(link, "check", "acme.toml", directory=tmp_path, **HOSTILE)
    # Then
    assert checked.returncode == 0, checked.stderr
    assert "acme.toml: ok" in checked.stdout


def test_cdk_works_from_anywhere_and_is_the_pinned_one(tmp_path: Path) -> None:
    # Given
    link = tmp_path / "synthesize"
    link.symlink_to(ROOT / "cdk")
    pinned = json.loads((ROOT / "package.json").read_text())["dependencies"]["aws-cdk"]
    # When
    ran = run(link, "--version", directory=tmp_path, **HOSTILE)
    # Then
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"{pinned} ")


def test_the_app_of_any_cdk_command_line_finds_its_python_and_its_node(tmp_path: Path) -> None:
    # Given what any CDK command line runs, through a shell, in the project's folder
    app = json.loads((ROOT / "cdk.json").read_text())["app"]
    context = json.dumps({"organizations": str(tmp_path / "none")})
    # When
    ran = run("/bin/sh", "-c", app, directory=ROOT, CDK_CONTEXT_JSON=context, CDK_OUTDIR=str(tmp_path), **HOSTILE)
    # Then it has started, as it says what is wrong with its context
    assert ran.stderr.startswith(f"{tmp_path}/none: is not a folder")


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ("deploy VectorCareBridge-acme", "--context organization=acme "),
        ("--profile p diff VectorCareBridge-acme -c organizations=x", "--context organization=acme "),
        # No such file, several stacks, a pattern: CDK chooses among all.
        ("deploy VectorCareBridge-west", ""),
        ("deploy VectorCareBridge-acme VectorCareBridge-example", ""),
        ("deploy VectorCareBridge-*", ""),
        ("bootstrap aws://000000000000/us-east-1", "--app  "),
        ("bootstrap", ""),
        ("", ""),
    ],
)
def test_cdk_reads_no_more_files_than_it_needs(tmp_path: Path, arguments: str, given: str) -> None:
    # Given the script in a project whose node prints what it is given
    for name in ("organizations/acme.toml", "organizations/example.toml", ".venv/.ready", "node_modules/.bin/cdk"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name, script in ((".venv/bin/python", f"echo '{tmp_path}'"), ("bin/node", 'shift; echo "$*"')):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "cdk").write_bytes((ROOT / "cdk").read_bytes())
    # When
    ran = run("/bin/bash", tmp_path / "cdk", *arguments.split(), directory=tmp_path)
    # Then
    assert (ran.stdout, ran.stderr) == (f"{given}{arguments}\n", "")


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("bootstrap", "./cdk bootstrap --context organization=acme --some=option"),
        ("synth", "./cdk synth --quiet --context organization=acme --some=option"),
        ("diff", "./cdk diff --context organization=acme --some=option"),
        ("deploy", "./bridge deploy acme --some=option"),
        ("destroy", "./bridge destroy acme --some=option"),
    ],
)
def test_make_passes_on_the_organization_and_the_arguments(target: str, command: str) -> None:
    installed = [f"--old-file={file}" for file in (".venv/.ready", "node_modules/.bin/cdk")]
    said = run("make", "--dry-run", *installed, target, "ORGANIZATION=acme", "ARGS=--some=option", directory=ROOT)
    assert said.stdout.splitlines() == [command]
