"""Synthesizing: as `python app.py` does, or within the test and without building the functions."""

import fcntl
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_

from stacks import application
from stacks.bridge_stack import BridgeStack
from stacks.config.organization import Organization
from stacks.functions.packaging import PYTHON, Artifact
from tests.stacks.templates import Template

ROOT = Path(__file__).parents[2]
ARCHITECTURE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


def once_a_run(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Give a folder that the first worker which needs it makes for all."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, done = shared / name, shared / f"{name}.done"
    with (shared / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def run_app(*, output: Path, **context: str) -> subprocess.CompletedProcess[str]:
    """Run `python app.py` for this Python, without node on PATH, and with a umask that excludes other users."""
    context = {"python": PYTHON} | context
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=os.environ | {"PATH": "/nowhere", "CDK_OUTDIR": str(output), "CDK_CONTEXT_JSON": json.dumps(context)},
        umask=0o077,
        capture_output=True,
        text=True,
        check=False,
    )


def application_of(organizations: Path, *, output: Path, is_validated: bool = False, **context: str) -> cdk.App:
    """Build the application for a folder of organization files, with an artifact that holds next to nothing.

    CDK's own validation of the templates takes seconds: once is enough.
    """
    context = application.default_context() | {"organizations": str(organizations)} | context
    app = cdk.App(context=context, outdir=str(output), builtin_cloud_formation_validation=is_validated)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "build_artifact", lambda *_args, **_kwargs: stub_artifact())
        application.populate(app)
    return app


def template_of(organization: Organization, *, output: Path) -> Template:
    """Synthesize one stack, without the rule packs."""
    app = cdk.App(context=application.default_context(), outdir=str(output), builtin_cloud_formation_validation=False)
    stack = BridgeStack(app, organization=organization, artifact=stub_artifact())
    template: Template = app.synth().get_stack_by_name(stack.stack_name).template
    return template


def warnings_of(organization: Organization, *, output: Path) -> list[str]:
    """Synthesize one stack, and give what CDK says about it."""
    app = cdk.App(context=application.default_context(), outdir=str(output), builtin_cloud_formation_validation=False)
    stack = BridgeStack(app, organization=organization, artifact=stub_artifact())
    messages = app.synth().get_stack_by_name(stack.stack_name).messages
    return [str(each.entry.data).partition(" [ack:")[0] for each in messages]


def stub_artifact() -> Artifact:
    return Artifact(
        folder=ROOT / "organizations",  # Any folder will do.
        digest="0",
        runtime=lambda_.Runtime.PYTHON_3_11,
        architecture=lambda_.Architecture.ARM_64,
    )
