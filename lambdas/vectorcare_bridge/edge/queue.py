"""The SQS queues: what is sent, received, returned, deleted and counted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vectorcare_bridge.webhooks.message import OutgoingMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

MAX_BATCH = 10
LONG_POLL_SECONDS = 2


class InFlightLimitError(Exception):
    """As many messages of this queue are in flight as SQS allows."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """About how many messages a queue holds, by SQS's own words for where they are.

    Source: GetQueueAttributes, SQS API reference.
    """

    visible: int  # may be received
    in_flight: int  # received, and neither deleted nor returned
    delayed: int  # not to be received yet

    @property
    def total(self) -> int:
        return self.visible + self.in_flight + self.delayed


def queue_depth(client: "SQSClient", url: str) -> QueueDepth:
    """Count a queue's messages."""
    attributes = client.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )["Attributes"]
    return QueueDepth(
        visible=int(attributes["ApproximateNumberOfMessages"]),
        in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        delayed=int(attributes["ApproximateNumberOfMessagesDelayed"]),
    )


class Queue:
    """One SQS queue."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: OutgoingMessage) -> str:
        """Put a message on the queue; return its message id."""
        return self._client.send_message(
            QueueUrl=self._url, MessageBody=message["MessageBody"], MessageAttributes=message["MessageAttributes"]
        )["MessageId"]

    def receive(self, *, maximum: int, visibility_timeout: int) -> list["MessageTypeDef"]:
        """Receive up to `maximum` messages (10 at most), invisible to others for `visibility_timeout` seconds.

        Raises
        ------
        InFlightLimitError
            120,000 messages are in flight already ("Amazon SQS message quotas", SQS developer guide).
        """
        try:
            return self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=maximum,
                WaitTimeSeconds=LONG_POLL_SECONDS,
                VisibilityTimeout=visibility_timeout,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            ).get("Messages", [])
        except self._client.exceptions.OverLimit:
            raise InFlightLimitError from None

    def delete(self, receipt_handle: str) -> None:
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt_handle)

    def change_visibility(self, receipt_handle: str, *, seconds: int) -> None:
        """Return a received message to the queue; it is visible again after this many seconds."""
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
        )

    def depth(self) -> QueueDepth:
        return queue_depth(self._client, self._url)
