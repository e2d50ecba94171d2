"""Calls the redrive function chunk by chunk: so there is progress, and Ctrl-C ends it soon."""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.lib.aws_error import explain
from cli.lib.errors import BridgeError
from cli.lib.stack import Stack
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue

MOST_COUNTED = 2000  # messages; a dry run that counts more takes longer than a client waits

_CHUNK = 200
_CHUNK_SECONDS = 5.0

Invoke = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which messages of a queue; None selects all."""

    queue: DeadLetterQueue = DeadLetterQueue.INBOUND
    reason: str | None = None
    service_request_id: str | None = None

    def event(self) -> dict[str, Any]:
        """Write it as the redrive function reads it (`lambdas/redrive/request.py`)."""
        # A function of an earlier version has only the inbound queue, and refuses the key.
        queue = None if self.queue is DeadLetterQueue.INBOUND else self.queue
        named = {"queue": queue, "reason": self.reason, "service_request_id": self.service_request_id}
        return {name: str(value) for name, value in named.items() if value is not None}


@dataclass(slots=True)
class Progress:
    """What was done so far."""

    moved: int = 0
    refused: int = 0  # messages that the queue or the event bus did not take
    stopped: str = ""  # the function's own reason, `limit`, `interrupted`, or `failed`
    error: str | None = None  # what failed, and what to do


def invoker(stack: Stack) -> Invoke:
    """Return a function that calls a stack's redrive function."""

    def invoke(event: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = stack.client("lambda").invoke(
            FunctionName=stack.outputs["RedriveFunction"], Payload=json.dumps(dict(event)).encode()
        )
        content: Mapping[str, Any] = json.loads(answer["Payload"].read())
        if "error" in content:
            raise BridgeError(f"The redrive function refused the request: {content['error']}. Nothing was moved.")
        if "errorMessage" in content:
            # The text of an unexpected error may hold PHI; its type cannot.
            raise BridgeError(
                f"The redrive function failed ({content.get('errorType', 'unknown')}). No message is lost. Read "
                f"the log of {stack.outputs['RedriveFunction']}"
            )
        return content

    return invoke


def dry_run(invoke: Invoke, selection: Selection, *, limit: int | None) -> Mapping[str, Any]:
    """Count what would be moved, up to `MOST_COUNTED`; return the function's report."""
    return invoke({**selection.event(), "dry_run": True, "limit": min(limit or MOST_COUNTED, MOST_COUNTED)})


def redrive(
    invoke: Invoke, selection: Selection, *, total: int, rate: float | None, done: Progress, advance: Callable[[], None]
) -> None:
    """Move messages until `total` are moved, none is left, or a call fails; `done` says which.

    A message that dies again immediately is back before the others are moved. Only `total` makes this end.
    `done` is kept up to date, so that it is right after any interruption. `rate` is in messages a second; `advance` is
    called after each chunk.
    """
    done.stopped = "interrupted"
    try:
        done.stopped = _redrive(invoke, selection, total=total, rate=rate, done=done, advance=advance)
    except BridgeError as error:
        done.stopped, done.error = "failed", str(error)
    except (BotoCoreError, ClientError) as error:
        done.stopped, done.error = "failed", explain(error)


def _redrive(
    invoke: Invoke, selection: Selection, *, total: int, rate: float | None, done: Progress, advance: Callable[[], None]
) -> str:
    started = time.monotonic()
    while done.moved < total:
        chunk = min(_CHUNK, total - done.moved)
        event = selection.event()
        if rate is not None:
            chunk = min(chunk, max(1, math.floor(rate * _CHUNK_SECONDS)))
            event["rate"] = rate
        answer = invoke({**event, "limit": chunk})
        done.moved += answer["moved"]
        # Each call also counts what the last one left.
        done.refused = max(done.refused, answer.get("refused", 0))
        advance()
        if answer["stopped"] != "limit":
            return str(answer["stopped"])
        if rate is not None and done.moved < total:
            time.sleep(max(0.0, started + done.moved / rate - time.monotonic()))
    return "limit"
