"""SQS: standard queues, which deliver at least once and in any order.

Facts: SQS developer guide, "Visibility timeout", "Dead-letter queues", "Message quotas"; API reference, SendMessage.
"""

import re
from collections.abc import Callable
from random import Random
from typing import Any

from verification.simulation.models.errors import refusal
from verification.simulation.models.queue import QueuedMessage, QueueModel

MAX_MESSAGE_BYTES = 1024 * 1024
MAX_ATTRIBUTES = 10
MAX_RECEIVED = 10
MAX_VISIBILITY_SECONDS = 12 * 3600

_REFUSED = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class SQS:
    """The operations, by boto3's names for them and their parameters; `queues` are known by their URLs.

    `random` decides what SQS leaves open: which messages are received, and whether an old receipt handle still works.
    """

    def __init__(
        self, queues: dict[str, QueueModel], *, clock: Callable[[], float], random: Random, epoch: float = 0.0
    ) -> None:
        self.queues = queues
        self._epoch = epoch
        self._clock = clock
        self._random = random
        self._serial = 0

    def send_message(
        self, *, QueueUrl: str, MessageBody: str, MessageAttributes: dict[str, dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        queue = self._queue(QueueUrl, "SendMessage")
        attributes = MessageAttributes or {}
        _check_message(MessageBody, attributes)
        self._serial += 1
        message = QueuedMessage(f"message-{self._serial}", MessageBody, attributes, sent_at=self._clock())
        queue.add(message, now=self._clock())
        return {"MessageId": message.id}

    def receive_message(
        self,
        *,
        QueueUrl: str,
        MaxNumberOfMessages: int = 1,
        VisibilityTimeout: int | None = None,
        WaitTimeSeconds: int = 0,  # noqa: ARG002 who calls waits and asks again
        MessageAttributeNames: list[str] | None = None,
        AttributeNames: list[str] | None = None,  # noqa: ARG002 all are given, asked for or not
        MessageSystemAttributeNames: list[str] | None = None,  # noqa: ARG002 likewise
    ) -> dict[str, Any]:
        """Receive what is visible, in any order, and hide it."""
        queue = self._queue(QueueUrl, "ReceiveMessage")
        if not 1 <= MaxNumberOfMessages <= MAX_RECEIVED:
            raise _invalid("ReceiveMessage", "MaxNumberOfMessages")
        if queue.is_full(self._clock()):
            raise refusal("OverLimit", "ReceiveMessage", "Too many messages are in flight", status=403)
        timeout = queue.visibility_timeout if VisibilityTimeout is None else VisibilityTimeout
        received = queue.receive(MaxNumberOfMessages, timeout, now=self._clock(), random=self._random)
        if not received:
            return {}
        with_attributes = bool(MessageAttributeNames)
        return {"Messages": [self._as_received(message, with_attributes=with_attributes) for message in received]}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:
        """Delete a received message; deleting it again is no error."""
        queue = self._queue(QueueUrl, "DeleteMessage")
        message = queue.received_as(ReceiptHandle)
        if message is None:
            raise refusal("ReceiptHandleIsInvalid", "DeleteMessage", "The input receipt handle is invalid.")
        if ReceiptHandle == message.receipt_handle or self._random.random() < queue.old_handles_work:
            queue.remove(message)
        return {}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> dict[str, Any]:
        queue = self._queue(QueueUrl, "ChangeMessageVisibility")
        if not 0 <= VisibilityTimeout <= MAX_VISIBILITY_SECONDS:
            raise _invalid("ChangeMessageVisibility", "VisibilityTimeout")
        message = queue.received_as(ReceiptHandle)
        if message is None:
            raise refusal("ReceiptHandleIsInvalid", "ChangeMessageVisibility", "The input receipt handle is invalid.")
        now = self._clock()
        if message not in queue or (message.visible_at <= now and ReceiptHandle != message.receipt_handle):
            raise _invalid("ChangeMessageVisibility", "ReceiptHandle: the message does not exist or is not in flight")
        if ReceiptHandle == message.receipt_handle or self._random.random() < queue.old_handles_work:
            queue.hide(message, VisibilityTimeout, now=now)
        return {}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        """Count messages; exactly, while AWS says about how many."""
        queue = self._queue(QueueUrl, "GetQueueAttributes")
        visible = queue.count_visible(self._clock())
        counts = {
            "ApproximateNumberOfMessages": visible,
            "ApproximateNumberOfMessagesNotVisible": len(queue) - visible,
            "ApproximateNumberOfMessagesDelayed": 0,
        }
        return {"Attributes": {name: str(counts[name]) for name in AttributeNames}}

    def _queue(self, url: str, operation: str) -> QueueModel:
        if url not in self.queues:
            raise refusal("AWS.SimpleQueueService.NonExistentQueue", operation, "The specified queue does not exist.")
        return self.queues[url]

    def _as_received(self, message: QueuedMessage, *, with_attributes: bool) -> dict[str, Any]:
        received: dict[str, Any] = {
            "MessageId": message.id,
            "ReceiptHandle": message.receipt_handle,
            "Body": message.body,
            "Attributes": {
                "ApproximateReceiveCount": str(message.receives),
                "SentTimestamp": str(int((message.sent_at + self._epoch) * 1000)),
            },
        }
        if with_attributes and message.attributes:
            received["MessageAttributes"] = message.attributes
        return received


def _check_message(body: str, attributes: dict[str, dict[str, Any]]) -> None:
    if not body:
        raise refusal("MissingParameter", "SendMessage", "The request must contain the parameter MessageBody.")
    if len(attributes) > MAX_ATTRIBUTES:
        raise _invalid("SendMessage", "MessageAttributes")
    size = len(body.encode())
    texts = [body]
    for name, attribute in attributes.items():
        if not attribute.get("StringValue"):
            raise _invalid("SendMessage", f"MessageAttributes: {name} must contain a value")
        size += sum(len(text.encode()) for text in (name, attribute["DataType"], attribute["StringValue"]))
        texts.append(attribute["StringValue"])
    if size > MAX_MESSAGE_BYTES:
        raise _invalid("SendMessage", f"the message must be shorter than {MAX_MESSAGE_BYTES} bytes")
    if any(map(_REFUSED.search, texts)):
        raise refusal("InvalidMessageContents", "SendMessage", f"Invalid characters in {body}")


def _invalid(operation: str, parameter: str) -> Exception:
    return refusal("InvalidParameterValue", operation, f"One or more parameters are invalid. Reason: {parameter}")
