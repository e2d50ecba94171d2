"""What DynamoDB's refusal of a conditional write says."""

from typing import Any

from botocore.exceptions import ClientError

from vectorcare_bridge.edge.dynamodb_item import Item, to_item
from vectorcare_bridge.webhooks.failure import FailureReason, PermanentError


def stored_item(error: ClientError) -> Item | None:
    """Take the item that refused the write out of the error; None if there was none.

    Raises
    ------
    PermanentError
        `unstorable`: DynamoDB refuses what was to be written.
    ClientError
        It is no refusal of a condition.
    """
    code = error.response["Error"]["Code"]
    if code == "ValidationException":
        raise PermanentError(FailureReason.UNSTORABLE) from None
    if code != "ConditionalCheckFailedException":
        raise error
    stored: Any = error.response.get("Item")
    return to_item(stored) if stored else None
