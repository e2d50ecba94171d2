"""The SQS queues: what is sent, received, given back and deleted."""

from typing import TYPE_CHECKING

from vectorcare_bridge.webhooks.message import OutgoingMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

MAX_BATCH = 10
LONG_POLL_SECONDS = 2


class InFlightLimitError(Exception):
    """SQS hides no more messages of this queue at once."""


class Queue:
    """One SQS queue."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: OutgoingMessage) -> str:
        """Put a message on the queue; answer its message id."""
        return self._client.send_message(
            QueueUrl=self._url,
            MessageBody=message["MessageBody"],
            MessageAttributes=message["MessageAttributes"],
        )["MessageId"]

    def receive(self, *, maximum: int, visibility_timeout: int) -> list["MessageTypeDef"]:
        """Receive up to `maximum` messages (10 at most), and hide them for `visibility_timeout` seconds.

        Raises
        ------
        InFlightLimitError
            120,000 messages are hidden already ("Amazon SQS message quotas", SQS developer guide).
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
        """Delete a received message."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt_handle)

    def change_visibility(self, receipt_handle: str, *, seconds: int) -> None:
        """Give a received message back, to be seen again after so many seconds."""
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
        )

    def count(self) -> int:
        """About how many messages the queue holds, visible or not."""
        attributes = self._client.get_queue_attributes(
            QueueUrl=self._url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return sum(int(value) for value in attributes.values())
