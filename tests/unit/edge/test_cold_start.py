"""Cold start is a feature: functions import little."""

import importlib
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from tests.support import signing
from tests.support.cloud import CREDENTIALS

LAMBDAS = Path(__file__).parents[3] / "lambdas"
# Each costs as much as all that a function needs of itself, or more.
HEAVY = {"requests", "pydantic", "jsonschema", "aws_xray_sdk", "email.mime", "asyncio"}
VALUES = {
    "ORDER_BY": "event_timestamp",
    "PUBLISH_DATA": "false",
    "PUBLIC_KEYS": signing.encoded_public_key(),
    "OTHER_REGION": "us-west-2",
}
POWERTOOLS = {"POWERTOOLS_SERVICE_NAME": "tests", "POWERTOOLS_METRICS_NAMESPACE": "VectorCareBridge"}


def environment_of(function: str) -> dict[str, str]:
    settings = importlib.import_module(f"{function}.settings")
    variables = [field.name.upper() for field in fields(getattr(settings, f"{function.capitalize()}Settings"))]
    return {"ORGANIZATION": "acme", **{name: VALUES.get(name, "365") for name in variables}}


def loaded_by(function: str) -> set[str]:
    """Import a handler in a process of its own, and name all modules that came along."""
    script = f"import sys, {function}.handler; print(*sys.modules, sep='\\n')"
    environment = environment_of(function) | POWERTOOLS | CREDENTIALS | {"PATH": os.environ["PATH"]}
    answer = subprocess.run(  # noqa: S603 a function of this project
        [sys.executable, "-c", script], cwd=LAMBDAS, env=environment, capture_output=True, text=True, check=True
    )
    return set(answer.stdout.split())


@pytest.mark.parametrize("function", ["ingest", "processor", "drain", "reconcile", "redrive", "publisher", "reader"])
def test_no_function_loads_anything_heavy(function: str) -> None:
    loaded = loaded_by(function)
    assert f"{function}.handler" in loaded
    assert not loaded & HEAVY


def test_the_sender_loads_no_heavy_module_but_its_http_client() -> None:
    assert loaded_by("sender") & HEAVY <= {"requests", "email.mime"}


@pytest.mark.parametrize("function", ["processor", "drain", "redrive", "publisher", "sender", "reader"])
def test_only_ingest_loads_the_cryptography(function: str) -> None:
    assert "cryptography" not in loaded_by(function)
