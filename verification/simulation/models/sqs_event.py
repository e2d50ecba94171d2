"""The event in which Lambda hands SQS's messages to a function ("Using Lambda with Amazon SQS", Lambda guide)."""

from collections.abc import Mapping
from typing import Any


def record(message: Mapping[str, Any]) -> dict[str, Any]:
    """Write a message, as ReceiveMessage gives it with all its attributes, as a record of the event."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {
                "stringValue": attribute["StringValue"],
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": attribute["DataType"],
            }
            for name, attribute in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:queue",
        "awsRegion": "us-east-1",
    }
