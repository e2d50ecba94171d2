"""Cold start is a feature: functions import little."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import signing
from tests.support.cloud import CREDENTIALS

LAMBDAS = Path(__file__).parents[3] / "lambdas"
# Each costs as much as all that a function needs of itself, or more.
HEAVY = {"requests", "pydantic", "jsonschema", "aws_xray_sdk", "email.mime", "asyncio"}
ENVIRONMENT = {
    "ORGANIZATION": "acme",
    "QUEUE_URL": "https://queue.invalid",
    "DEAD_LETTER_QUEUE_URL": "https://queue.invalid",
    "OUTBOUND_QUEUE_URL": "https://queue.invalid",
    "OUTBOUND_DEAD_LETTER_QUEUE_URL": "https://queue.invalid",
    "UNPUBLISHED_QUEUE_URL": "https://queue.invalid",
    "EVENT_BUS": "bus",
    "SPOOL_BUCKET": "spool",
    "CUSTOMER_ID": "acme",
    "EVENTS_TABLE": "events",
    "SERVICE_REQUESTS_TABLE": "service_requests",
    "STATUS_INDEX": "by_status",
    "ORDER_BY": "event_timestamp",
    "STATE_RETENTION_DAYS": "365",
    "JOURNAL_RETENTION_DAYS": "2555",
    "PUBLISH_ACTIONS": "*",
    "PUBLISH_DATA": "false",
    "COMMANDS_TABLE": "commands",
    "CREDENTIALS_SECRET": "vectorcare",
    "VECTORCARE_API_URL": "https://vectorcare.invalid",
    "VECTORCARE_TOKEN_URL": "https://vectorcare.invalid/token",
    "POWERTOOLS_SERVICE_NAME": "tests",
    "POWERTOOLS_METRICS_NAMESPACE": "VectorCareBridge",
}


def loaded_by(function: str) -> set[str]:
    """Import a handler in a process of its own, and name all modules that came along."""
    script = f"import sys, {function}.handler; print(*sys.modules, sep='\\n')"
    environment = ENVIRONMENT | CREDENTIALS | {"PUBLIC_KEYS": signing.encoded_public_key(), "PATH": os.environ["PATH"]}
    answer = subprocess.run(  # noqa: S603 a function of this project
        [sys.executable, "-c", script], cwd=LAMBDAS, env=environment, capture_output=True, text=True, check=True
    )
    return set(answer.stdout.split())


@pytest.mark.parametrize("function", ["ingest", "processor", "drain", "redrive", "publisher", "reader"])
def test_no_function_loads_anything_heavy(function: str) -> None:
    loaded = loaded_by(function)
    assert f"{function}.handler" in loaded
    assert not loaded & HEAVY


def test_of_what_is_heavy_the_sender_loads_its_http_alone() -> None:
    assert loaded_by("sender") & HEAVY <= {"requests", "email.mime"}


@pytest.mark.parametrize("function", ["processor", "drain", "redrive", "publisher", "sender", "reader"])
def test_only_ingest_loads_the_cryptography(function: str) -> None:
    assert "cryptography" not in loaded_by(function)
