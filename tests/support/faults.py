"""Calls to AWS that fail, for real clients: before they take effect, or after."""

import itertools
from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager, contextmanager
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
def around_calls(answer: Callable[[str, dict[str, Any], Callable[[], Any]], Any]) -> Iterator[None]:
    """Answer all calls of real clients by `answer(operation, parameters, call)`, in which `call()` makes the call."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]  # the one place that all calls pass

    def call(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        return answer(operation, parameters, lambda: original(self, operation, parameters))

    with mock.patch.object(BaseClient, "_make_api_call", call):
        yield


@contextmanager
def on_call(decide: Callable[[str, bool], Exception | None]) -> Iterator[None]:
    """Ask `decide(operation, has_taken_effect)` before and after each call; what it answers is raised."""

    def answer(operation: str, _parameters: dict[str, Any], call: Callable[[], Any]) -> Any:
        if before := decide(operation, False):
            raise before
        answered = call()
        if after := decide(operation, True):
            raise after
        return answered

    with around_calls(answer):
        yield


@contextmanager
def failing(
    *operations: str, error: Callable[[], Exception] = unreachable, numbers: Container[int] | None = None
) -> Iterator[None]:
    """Let calls of these operations fail before they take effect; all, or those of these numbers, from 1."""
    count = itertools.count(1)

    def decide(operation: str, after: bool) -> Exception | None:
        if operation not in operations or after:
            return None
        return error() if numbers is None or next(count) in numbers else None

    with on_call(decide):
        yield


def losing_one_answer(operation: str) -> AbstractContextManager[None]:
    """Let one call of an operation take effect without an answer, and be tried again as botocore does."""
    lost: list[bool] = []

    def answer(called: str, _parameters: dict[str, Any], call: Callable[[], Any]) -> Any:
        if called == operation and not lost:
            lost.append(True)
            call()
        return call()

    return around_calls(answer)


def lagging_replicas() -> AbstractContextManager[None]:
    """Let a read of a table that does not ask to be strongly consistent see nothing of what was written.

    That is the longest that a replica may lag: DynamoDB gives no bound. Source: "Read consistency", DynamoDB developer
    guide. An index is left alone: it cannot be read consistently.
    """
    nothing: dict[str, Any] = {"GetItem": {}, "Query": {"Items": []}, "Scan": {"Items": []}}

    def answer(operation: str, parameters: dict[str, Any], call: Callable[[], Any]) -> Any:
        is_lagging = "IndexName" not in parameters and not parameters.get("ConsistentRead")
        return nothing[operation] if operation in nothing and is_lagging else call()

    return around_calls(answer)


def short_polls_that_find_nothing() -> AbstractContextManager[None]:
    """Let a receive that does not wait find nothing: SQS then asks only some of its servers.

    Source: "Amazon SQS short and long polling", SQS developer guide.
    """

    def answer(operation: str, parameters: dict[str, Any], call: Callable[[], Any]) -> Any:
        return {} if operation == "ReceiveMessage" and not parameters.get("WaitTimeSeconds") else call()

    return around_calls(answer)
