"""Which versions of the functions have to be checked, and whether one starts."""

import json
import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 botocore's own, the base class of failed connections
)

from vectorcare_bridge.edge import runtime, start_check

# A version that was published a moment ago, a role that is seconds old, and an account that runs all the functions that
# it may: each of these passes.
_PASSING = frozenset(
    {"AccessDeniedException", "ResourceConflictException", "ServiceException", "TooManyRequestsException"}
)
_PAUSE_SECONDS = 2
_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")


def new(request: Mapping[str, Any]) -> list[str]:
    """Name the ARNs of the versions that have not been in service yet.

    A version's number grows, so a lower one than before means that CloudFormation rolls back, to what ran until now.
    That is not checked: to refuse it would leave the stack between two releases.
    """
    before = dict(map(_split, request.get("OldResourceProperties", {}).get("Versions", ())))
    versions: list[str] = request["ResourceProperties"]["Versions"]
    return [arn for arn in versions if _split(arn)[1] > before.get(_split(arn)[0], 0)]


def name(version: str) -> str:
    """Return the function's name, given the ARN of a version of it."""
    return version.split(":")[-2]


def failure(version: str, *, client: Any, deadline: float) -> str | None:
    """Run a version once; return the type of the error with which it fails, or None if it starts.

    The type is an exception's, AWS's, or that of Lambda's runtime (``Runtime.ImportModuleError``), and holds no value.
    `deadline` is a time of `runtime.monotonic`, until which a refusal that passes is tried again.
    """
    while True:
        try:
            answer = client.invoke(FunctionName=version, Payload=json.dumps(start_check.EVENT))
        except ClientError as error:
            problem = str(error.response["Error"]["Code"])
            is_passing = problem in _PASSING
        except BotoCoreError as error:
            # One that was not reached has not been run; one that does not answer may never.
            problem, is_passing = type(error).__name__, isinstance(error, ConnectionError)
        else:
            return _judge(answer)
        if not is_passing or runtime.monotonic() + _PAUSE_SECONDS > deadline:
            return problem
        runtime.sleep(_PAUSE_SECONDS)


def _judge(answer: Mapping[str, Any]) -> str | None:
    content = json.loads(answer["Payload"].read())
    if "FunctionError" not in answer:
        return None if content == start_check.ANSWER else "UnexpectedAnswer"
    kind = str(content.get("errorType", ""))
    return kind if _TYPE.fullmatch(kind) else str(answer["FunctionError"])


def _split(version: str) -> tuple[str, int]:
    function, _, number = version.rpartition(":")
    return function, int(number)
