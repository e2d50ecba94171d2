"""What every invocation begins and ends with."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast

from vectorcare_bridge.edge import observability, runtime, start_check

Answer = TypeVar("Answer")
Handler = Callable[[Any, Any], Answer]


def _raise(_event: object, error: Exception) -> NoReturn:
    raise error


def lambda_handler(
    *, on_error: Callable[[Any, Exception], Any] = _raise
) -> Callable[[Handler[Answer]], Handler[Answer]]:
    """Make a function's handler: its log lines carry the request id, and its metrics are written at the end.

    `on_error` gets the event and the exception, and answers in the handler's place: Lambda would log the exception's
    text, which may hold a payload. The start check is answered before anything of the handler's own runs.
    """

    def decorate(handle: Handler[Answer]) -> Handler[Answer]:
        @wraps(handle)
        def invocation(event: Any, context: Any) -> Answer:
            if event == start_check.EVENT:
                started: Any = start_check.ANSWER
                return cast("Answer", started)
            observability.begin(context)
            try:
                return handle(event, context)
            except Exception as error:  # noqa: BLE001 which errors leave a handler, and how, is the function's choice
                answer: Answer = on_error(event, error)
                return answer
            finally:
                observability.flush()

        return invocation

    return decorate


def deadline(context: Any, *, reserve_seconds: float) -> float:
    """Name the time on `runtime.monotonic`'s clock at which an invocation has only its reserve left."""
    seconds_left: float = context.get_remaining_time_in_millis() / 1000
    return runtime.monotonic() + seconds_left - reserve_seconds


def kept(message_ids: list[str]) -> dict[str, list[dict[str, str]]]:
    """Answer which messages of a batch SQS must keep ("Implementing partial batch responses", Lambda guide)."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]}
