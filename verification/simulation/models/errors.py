"""Errors as botocore raises them, because the functions look into them."""

from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

_ENDPOINT = "https://service.invalid"

# What botocore's standard mode tries again ("Retries", boto3 guide), beside connection errors and 5xx.
_THROTTLING = frozenset(
    {
        "ThrottlingException",
        "RequestThrottled",
        "ProvisionedThroughputExceededException",
        "SlowDown",
        "TransactionInProgressException",
    }
)
_SERVER_ERROR = 500
_CONNECTION_ERRORS = (EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError, ConnectionClosedError)


class Exceptions:
    """The modeled exceptions that a client carries as `client.exceptions`, each under its code."""

    ConditionalCheckFailedException: type[ClientError] = type("ConditionalCheckFailedException", (ClientError,), {})
    OverLimit: type[ClientError] = type("OverLimit", (ClientError,), {})
    NoSuchKey: type[ClientError] = type("NoSuchKey", (ClientError,), {})


def refusal(code: str, operation: str, message: str = "", *, status: int = 400, **more: Any) -> ClientError:
    """Make an answer of AWS that is an error; `more` is what it carries beside the error, such as `Item`."""
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    kind: type[ClientError] = getattr(Exceptions, code, ClientError)
    return kind(response, operation)


def without_answer(kind: type[Exception]) -> Exception:
    """Make the error of a call that is not answered: one of botocore's that name the endpoint."""
    return kind(endpoint_url=_ENDPOINT)  # type: ignore[call-arg]  # all of these take it


def is_tried_again(error: Exception) -> bool:
    """Whether botocore's standard retry mode tries again after this error."""
    if isinstance(error, _CONNECTION_ERRORS):
        return True
    if not isinstance(error, ClientError):
        return False
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= _SERVER_ERROR or error.response["Error"]["Code"] in _THROTTLING
