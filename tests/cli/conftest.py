"""A stack in moto, and the command that looks at it, in this process and without network."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from cli.__main__ import bridge
from cli.lib.everywhere import Found
from cli.lib.stack import Stack
from tests.support import signing
from tests.support.cloud import Cloud
from tests.unit.conftest import _cloud, _no_network, cloud

__all__ = ["Functions", "_cloud", "_no_network", "cloud"]

Run = Callable[..., Result]

TOPIC = "arn:aws:sns:us-east-1:123456789012:VectorCareBridge-acme-Topic"


@dataclass
class Functions:
    """Lambda, which runs the functions in this process: moto would run them in Docker.

    `events` are the events that they were invoked with.
    """

    cloud: Cloud
    events: list[dict[str, Any]] = field(default_factory=list)
    environment: dict[str, str] = field(
        default_factory=lambda: {
            "ORDER_BY": "event_timestamp",
            "STATE_RETENTION_DAYS": "365",
            "JOURNAL_RETENTION_DAYS": "2555",
            "PUBLIC_KEYS": signing.encoded_public_key(),
        }
    )

    def get_function_configuration(self, *, FunctionName: str) -> dict[str, Any]:  # noqa: N803 boto3's name
        """Describe a function."""
        return {
            "Environment": {"Variables": self.environment},
            "LoggingConfig": {"LogGroup": f"/functions/{FunctionName}"},
        }

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 boto3's names
        """Call a function."""
        event = json.loads(Payload)
        self.events.append(event)
        with redirect_stdout(io.StringIO()):  # a function's log is not the command's output
            answer = self.cloud.invoke(FunctionName, event)
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def stack(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Give the one stack that `bridge` finds."""
    made = {"lambda": Functions(cloud)}

    @cache
    def connect(service: Any) -> Any:
        return made.get(service) or boto3.client(service)

    stack = Stack(
        "acme",
        {
            "WebhookUrl": "https://example.invalid/prod/webhook?customer_id=acme-7Jw2",
            "HealthUrl": "https://example.invalid/prod/health",
            "ServiceRequestsTable": "service_requests",
            "EventsTable": "events",
            "QueueUrl": cloud.queue_url,
            "DeadLetterQueueUrl": cloud.dead_letter_queue_url,
            "OutboundQueueUrl": cloud.outbound_queue_url,
            "OutboundDeadLetterQueueUrl": cloud.outbound_dead_letter_queue_url,
            "UnpublishedQueueUrl": cloud.unpublished_queue_url,
            "CommandsTable": "commands",
            "SenderFunction": "sender",
            "SpoolBucket": "spool",
            "IngestFunction": "ingest",
            "RedriveFunction": "redrive",
            "ProcessorFunction": "processor",
            "AlarmTopicArn": TOPIC,
        },
        connect,
    )
    monkeypatch.setattr("cli.lib.stack.find", lambda *_, **__: stack)
    monkeypatch.setattr("cli.lib.everywhere.find", lambda **_: [Found("acme", stack=stack)])
    return stack


@pytest.fixture
def run() -> Run:
    """Give what runs `bridge` with arguments; `.output` is standard output and standard error together."""

    def run(*arguments: str, **more: Any) -> Result:
        return CliRunner().invoke(bridge, arguments, **more)

    return run


def parsed(result: Result) -> Any:
    """Read what `--json` printed."""
    return json.loads(result.stdout)


def receive(cloud: Cloud, raw: bytes) -> None:
    """Have a webhook accepted and processed."""
    assert cloud.post(raw)[0] == 200
    cloud.process()
