"""Read DynamoDB's refusal of a conditional write."""

from typing import Any

from botocore.exceptions import ClientError

from vectorcare_bridge.edge.dynamodb_item import Item, to_item
from vectorcare_bridge.webhooks.failure import FailureReason, PermanentError


def stored_item(error: ClientError) -> Item | None:
    """Return the item that was there instead; None if there was no item.

    Raises
    ------
    PermanentError
        `unstorable`: DynamoDB finds the write itself invalid.
    ClientError
        Any other error.
    """
    code = error.response["Error"]["Code"]
    if code == "ValidationException":
        raise PermanentError(FailureReason.UNSTORABLE) from None
    if code != "ConditionalCheckFailedException":
        raise error
    stored: Any = error.response.get("Item")
    return to_item(stored) if stored else None
