"""Reads a running stack's tables, queues and spool with the AWS APIs that an operator has."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cli.lib.journal import JournalReader
from local import patience
from local.deployment import Deployment
from local.emulator import Emulator
from vectorcare_bridge.edge.dynamodb_item import Item, to_item
from vectorcare_bridge.edge.queue import queue_depth

UNREADABLE = "unreadable"
"""The journal's name for webhooks that cannot be read or applied, in place of a service request's id."""


class StackReader:
    """Tables, queues and spool of one stack."""

    def __init__(self, emulator: Emulator, deployment: Deployment) -> None:
        self._emulator = emulator
        self._outputs = deployment.outputs

    def service_request(self, service_request_id: str) -> Item | None:
        """Return the state of a service request, or None if there is none."""
        return self._item("ServiceRequestsTable", service_request_id=service_request_id)

    def journal(self, service_request_id: str) -> list[Item]:
        """Return the journal's entries of a service request, oldest arrival first."""
        entries = JournalReader(self._emulator.aws.dynamodb, self._outputs["EventsTable"]).entries(service_request_id)
        return sorted(entries, key=lambda entry: str(entry["received_at"]))

    def everything(self, table_output: str) -> Iterator[Item]:
        """Read a whole table, given the stack output that names it."""
        pages = self._emulator.aws.dynamodb.get_paginator("scan").paginate(
            TableName=self._outputs[table_output], ConsistentRead=True
        )
        return (to_item(item) for page in pages for item in page["Items"])

    def unreadable(self, body: bytes) -> Item | None:
        """Return the journal's entry of a webhook that could not be read or applied, or None if there is none."""
        return self._item("EventsTable", service_request_id=UNREADABLE, event_id=hashlib.sha256(body).hexdigest())

    def waiting(self) -> int:
        """Count the messages on the queue, including those that are being processed."""
        return self._count(self._outputs["QueueUrl"])

    def dead(self) -> int:
        """Count the dead letters, including those that are being redriven."""
        return self._count(self._outputs["DeadLetterQueueUrl"])

    def spooled(self) -> int:
        """Count the webhooks in the spool."""
        return self._emulator.aws.s3.list_objects_v2(Bucket=self._outputs["SpoolBucket"])["KeyCount"]

    def settle(self) -> None:
        """Wait until the queue is empty: all that was accepted has been applied or is dead.

        Raises
        ------
        GaveUpError
            It does not become empty.
        """
        patience.wait_until(self.waiting, lambda count: not count, what="no message waits on the queue")

    def invoke(self, function_output: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Run the function that a stack output names; its answer has `errorMessage` if it failed."""
        answer = self._emulator.aws.functions.invoke(
            FunctionName=self._outputs[function_output], Payload=json.dumps(dict(event)).encode()
        )
        content: dict[str, Any] = json.loads(answer["Payload"].read())
        return content

    def _item(self, table_output: str, **key: str) -> Item | None:
        answer = self._emulator.aws.dynamodb.get_item(
            TableName=self._outputs[table_output],
            Key={name: {"S": value} for name, value in key.items()},
            ConsistentRead=True,
        )
        return to_item(answer["Item"]) if "Item" in answer else None

    def _count(self, queue_url: str) -> int:
        return queue_depth(self._emulator.aws.sqs, queue_url).total
