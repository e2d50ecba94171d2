"""Dead letters sent back by the redrive function, a chunk at a time: so there is progress, and Ctrl-C ends it soon."""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from cli.lib.aws_error import explain
from cli.lib.stack import Stack
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue

MOST_COUNTED = 2000
"""Letters that one rehearsal counts: more would take it longer than a client waits for an answer."""

_CHUNK = 200
_CHUNK_SECONDS = 5.0

Invoke = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters of a queue: None stands for all."""

    source: DeadLetterQueue = DeadLetterQueue.INBOUND
    reason: str | None = None
    service_request_id: str | None = None

    def event(self) -> dict[str, Any]:
        """Write it as the redrive function reads it (`lambdas/redrive/request.py`)."""
        # A function of an earlier deploy knows no queues, and serves the inbound one.
        queue = None if self.source is DeadLetterQueue.INBOUND else self.source
        named = {"queue": queue, "reason": self.reason, "service_request_id": self.service_request_id}
        return {name: str(value) for name, value in named.items() if value is not None}


@dataclass(slots=True)
class Progress:
    """What was done so far.

    Attributes
    ----------
    moved : int
        Letters sent back.
    refused : int
        Letters that queue or bus did not take.
    stopped : str
        Why it ended: the function's own word, `limit`, `interrupted`, or `failed`.
    error : str or None
        What failed then, and what to do.
    """

    moved: int = 0
    refused: int = 0
    stopped: str = ""
    error: str | None = None


def invoker(stack: Stack) -> Invoke:
    """Make the call of a stack's redrive function."""

    def invoke(event: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = stack.client("lambda").invoke(
            FunctionName=stack.outputs["RedriveFunction"], Payload=json.dumps(dict(event)).encode()
        )
        content: Mapping[str, Any] = json.loads(answer["Payload"].read())
        if "error" in content:
            raise click.ClickException(f"The redrive function refuses: {content['error']}. Nothing was moved.")
        if "errorMessage" in content:
            # The text of an error that nobody foresaw could hold anything; its type cannot.
            raise click.ClickException(
                f"The redrive function failed ({content.get('errorType', 'unknown')}). No letter is lost. Its log: "
                f"{stack.outputs['RedriveFunction']}"
            )
        return content

    return invoke


def rehearse(invoke: Invoke, selection: Selection, *, limit: int | None) -> Mapping[str, Any]:
    """Count what would be moved, up to `MOST_COUNTED`; the function's own report."""
    return invoke({**selection.event(), "dry_run": True, "limit": min(limit or MOST_COUNTED, MOST_COUNTED)})


def redrive(
    invoke: Invoke, selection: Selection, *, total: int, rate: float | None, done: Progress, advance: Callable[[], None]
) -> None:
    """Move messages until so many are moved, or there are none left, or a call fails, which `done` says too.

    One that dies again at once is back before the others are done. Only the bound lets this come to an end.

    Parameters
    ----------
    invoke : callable
        Calls the redrive function.
    selection : Selection
        Which letters.
    total : int
        How many at most.
    rate : float or None
        Letters a second at most.
    done : Progress
        Kept up to date, so that it is right whatever interrupts this.
    advance : callable
        Called after each chunk.
    """
    done.stopped = "interrupted"
    try:
        done.stopped = _redrive(invoke, selection, total=total, rate=rate, done=done, advance=advance)
    except click.ClickException as error:
        done.stopped, done.error = "failed", error.message
    except (BotoCoreError, ClientError) as error:
        done.stopped, done.error = "failed", explain(error).message


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
        # Each call meets those again that the last one left.
        done.refused = max(done.refused, answer.get("refused", 0))
        advance()
        if answer["stopped"] != "limit":
            return str(answer["stopped"])
        if rate is not None and done.moved < total:
            time.sleep(max(0.0, started + done.moved / rate - time.monotonic()))
    return "limit"
