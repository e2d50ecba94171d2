"""A dispatch system's side of a local environment: what it hears on the bus, what it commands."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.environment import LocalEnvironment
from tests.support import events
from tests.support.wait import wait_until


class Subscriber:
    def __init__(self, local: LocalEnvironment, queue_url: str) -> None:
        self._sqs = local.emulator.aws.sqs
        self._queue_url = queue_url
        self._heard: list[dict[str, Any]] = []

    def hear(self, **fields: str) -> list[dict[str, Any]]:
        """Wait for an event whose details have these fields; return all such events."""
        return wait_until(lambda: self.heard(**fields), what=f"an event with {fields} is heard")

    def heard(self, **fields: str) -> list[dict[str, Any]]:
        """Return the events so far whose details have these fields; each obeys its schema."""
        self._receive()
        return [event for event in self._heard if fields.items() <= event["detail"].items()]

    def _receive(self) -> None:
        while messages := self._sqs.receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                event = json.loads(message["Body"])
                events.check(event["detail-type"], event["detail"])
                self._heard.append(event)
                self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])


@contextmanager
def subscribed(local: LocalEnvironment) -> Iterator[Subscriber]:
    """Subscribe to all that is published, for as long as the block lasts."""
    sqs, bridge = local.emulator.aws.sqs, local.emulator.aws.make("events")
    name, bus = f"subscriber-{uuid.uuid4().hex[:8]}", local.deployment.outputs["EventBus"]
    queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    bridge.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": ["vectorcare-bridge"]}))
    bridge.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": answer["Attributes"]["QueueArn"]}])
    try:
        yield Subscriber(local, queue_url)
    finally:
        bridge.remove_targets(Rule=name, EventBusName=bus, Ids=["queue"])
        bridge.delete_rule(Name=name, EventBusName=bus)
        sqs.delete_queue(QueueUrl=queue_url)


def command(local: LocalEnvironment, body: dict[str, Any] | str) -> None:
    """Put a command, or a text that is no command, on the outbound queue."""
    local.emulator.aws.sqs.send_message(
        QueueUrl=local.deployment.outputs["OutboundQueueUrl"],
        MessageBody=body if isinstance(body, str) else json.dumps(body),
    )
