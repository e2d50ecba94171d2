"""Calls to AWS that fail, for real clients: before they take effect, or after."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError


def unreachable() -> Exception:
    """Make the error of a service that cannot be reached."""
    return EndpointConnectionError(endpoint_url="https://service.invalid")


def refusal(code: str) -> Exception:
    """Make an AWS error of that code, whose text repeats what it was given, as some do."""
    return ClientError({"Error": {"Code": code, "Message": "the value Zebulon-Quillfeather is not allowed"}}, "Call")


@contextmanager
def on_call(decide: Callable[[str, bool], Exception | None]) -> Iterator[None]:
    """Ask `decide(operation, has_taken_effect)` before and after each call; what it answers is raised."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]  # the one place all calls pass

    def call(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        before = decide(operation, False)
        if before:
            raise before
        answer = original(self, operation, parameters)
        after = decide(operation, True)
        if after:
            raise after
        return answer

    with mock.patch.object(BaseClient, "_make_api_call", call):
        yield


@contextmanager
def failing(*operations: str, error: Callable[[], Exception] = unreachable) -> Iterator[None]:
    """Let calls of these operations fail before they take effect."""
    with on_call(lambda operation, after: error() if operation in operations and not after else None):
        yield


@contextmanager
def losing_one_answer(operation: str) -> Iterator[None]:
    """Let one call of an operation take effect without an answer, and be tried again as botocore does."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]  # the one place all calls pass
    lost: list[bool] = []

    def call(self: BaseClient, called: str, parameters: dict[str, Any]) -> Any:
        if called == operation and not lost:
            lost.append(True)
            original(self, called, parameters)
        return original(self, called, parameters)

    with mock.patch.object(BaseClient, "_make_api_call", call):
        yield


@contextmanager
def lagging_replicas() -> Iterator[None]:
    """Let a read of a table that does not ask to be strongly consistent see nothing of what was written.

    That is the longest that a replica may lag: DynamoDB gives no bound. Source: "Read consistency", DynamoDB developer
    guide. An index is left alone: it cannot be read consistently.
    """
    original = BaseClient._make_api_call  # type: ignore[attr-defined]  # the one place all calls pass
    nothing: dict[str, Any] = {"GetItem": {}, "Query": {"Items": []}, "Scan": {"Items": []}}

    def call(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if operation in nothing and "IndexName" not in parameters and not parameters.get("ConsistentRead"):
            return nothing[operation]
        return original(self, operation, parameters)

    with mock.patch.object(BaseClient, "_make_api_call", call):
        yield


@contextmanager
def short_polls_that_find_nothing() -> Iterator[None]:
    """Let a receive that does not wait find nothing: SQS then asks only some of its servers.

    Source: "Amazon SQS short and long polling", SQS developer guide.
    """
    original = BaseClient._make_api_call  # type: ignore[attr-defined]  # the one place all calls pass

    def call(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "ReceiveMessage" and not parameters.get("WaitTimeSeconds"):
            return {}
        return original(self, operation, parameters)

    with mock.patch.object(BaseClient, "_make_api_call", call):
        yield
