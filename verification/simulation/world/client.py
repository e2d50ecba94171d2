"""A client as a function holds it: a model behind a connection that is slow, breaks and loses answers."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from verification.simulation.models import errors
from verification.simulation.models.vectorcare_api import API, TOKENS
from verification.simulation.world import faults
from verification.simulation.world.run_context import RunContext
from verification.simulation.world.scheduler import CrashedError

# Errors of operations that carry a payload may repeat it, as some of AWS's do: that text must not be logged.
_TALKATIVE = "the value Zebulon-Quillfeather is not allowed"
_CARRY_A_PAYLOAD = frozenset({"send_message", "put_item", "update_item", "put_object", "put_events", "request"})
_THROTTLING_CODES = {
    "sqs": "RequestThrottled",
    "dynamodb": "ProvisionedThroughputExceededException",
    "s3": "SlowDown",
    "events": "ThrottlingException",
    "secretsmanager": "ThrottlingException",
    API: "TooManyRequests",
    TOKENS: "TooManyRequests",
}
_UNANSWERED = (EndpointConnectionError, ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError)
_LATEST_SECONDS = 90.0
_LONGEST_HANG_SECONDS = 60.0
_MAX_BACKOFF_SECONDS = 20.0


class Wire:
    """What all clients of a run share: the models, by boto3's names of the services."""

    def __init__(self, context: RunContext, models: Mapping[str, Any]) -> None:
        self.context = context
        self.scheduler = context.scheduler
        self.faults = context.faults
        self.random = context.random
        self.say = context.say
        self.models = models
        self.on_the_way = 0

    def pause(self) -> None:
        self.scheduler.pause(self.context.chance(self.context.settings.latency))


class Client:
    """A client of one service in a container; its methods are boto3's, its time-outs are for each attempt."""

    exceptions = errors.Exceptions

    def __init__(
        self, wire: Wire, process: Any, service: str, *, connect_timeout: float, read_timeout: float, attempts: int
    ) -> None:
        self._wire = wire
        self._process = process
        self._service = service
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._attempts = attempts

    def __getattr__(self, name: str) -> Any:
        operation = partial(self._call, name, getattr(self._wire.models[self._service], name))
        setattr(self, name, operation)
        return operation

    def get_paginator(self, operation: str) -> "Paginator":
        return Paginator(getattr(self, operation))

    def _call(self, name: str, operation: Callable[..., Any], /, **parameters: Any) -> Any:
        for attempt in range(1, self._attempts + 1):
            try:
                answer = self._attempt(name, partial(operation, **parameters))
            except Exception as error:
                if attempt == self._attempts or not errors.is_tried_again(error):
                    raise
                backoff = self._wire.random.random() * 2 ** (attempt - 1)
                self._wire.scheduler.pause(min(backoff, _MAX_BACKOFF_SECONDS))
            else:
                if name == "get_object":
                    answer["Body"] = SimpleNamespace(
                        read=partial(self._attempt, "read", partial(bytes, answer["Body"]))
                    )
                return answer
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, name: str, operation: Callable[[], Any]) -> Any:
        if self._process.is_dead:
            raise CrashedError
        wire = self._wire
        wire.pause()
        outage = wire.faults.outages.get(self._service)
        if outage:
            self._process.is_troubled |= self._service not in (API, TOKENS)
            self._suffer(outage, name)
        fault = wire.faults.of_call()
        if fault:
            self._process.is_troubled |= self._service not in (API, TOKENS) or fault == faults.HANGS
            self._strike_before(fault, name, operation)
        answer, error = self._take_effect(name, operation)
        if answer == {} and name == "receive_message":
            answer, error = self._poll_again(operation)
        if fault:
            self._strike_after(fault, name)
        wire.pause()
        if error:
            raise error
        return answer

    def _take_effect(self, name: str, operation: Callable[[], Any]) -> tuple[Any, Exception | None]:
        try:
            answer = operation()
        except Exception as error:  # noqa: BLE001 it goes back over the wire
            self._wire.say(self._process.name, f"{self._service}.{name}: {type(error).__name__} {error}")
            return None, error
        self._wire.say(self._process.name, f"{self._service}.{name}")
        return answer, None

    def _poll_again(self, operation: Callable[[], Any]) -> tuple[Any, Exception | None]:
        """Ask an empty queue once more when its long poll ends."""
        self._wire.scheduler.pause(operation.keywords.get("WaitTimeSeconds", 0))  # type: ignore[attr-defined]
        return self._take_effect("receive_message", operation)

    def _suffer(self, outage: faults.Outage, name: str) -> None:
        wire = self._wire
        if outage.refusal == faults.HANGING:
            wire.faults.count(faults.HANGING_OUTAGE)
            wire.scheduler.pause(self._read_timeout)
            raise errors.without_answer(ReadTimeoutError)
        if outage.refusal:
            wire.faults.count(faults.REFUSING_OUTAGE)
            raise errors.refusal(outage.refusal, name, _text(name))
        wire.faults.count(faults.OUTAGE)
        self._fail(name)

    def _fail(self, name: str) -> None:
        """Fail without any effect, in one of the ways in which calls do."""
        wire = self._wire
        way = wire.random.randrange(len(_UNANSWERED) + 1)
        wire.say(self._process.name, f"{self._service}.{name} fails")
        if way == len(_UNANSWERED):
            raise errors.refusal("InternalError", name, _text(name), status=500)
        if _UNANSWERED[way] is ConnectTimeoutError:
            wire.scheduler.pause(self._connect_timeout)
        if _UNANSWERED[way] is ReadTimeoutError:
            wire.scheduler.pause(self._read_timeout)
        raise errors.without_answer(_UNANSWERED[way])

    def _strike_before(self, fault: str, name: str, operation: Callable[[], Any]) -> None:
        wire = self._wire
        if fault == faults.CRASH_BEFORE:
            wire.say(self._process.name, f"crashes before {self._service}.{name}")
            self._process.crash()
            raise CrashedError
        if fault == faults.FAILS:
            self._fail(name)
        if fault == faults.THROTTLED:
            wire.say(self._process.name, f"{self._service}.{name} throttled")
            raise errors.refusal(_THROTTLING_CODES[self._service], name, _text(name))
        if fault == faults.DONE_LATE:
            self._take_effect_late(name, operation)
            wire.scheduler.pause(self._read_timeout)
            raise errors.without_answer(ReadTimeoutError)
        if fault == faults.HANGS:
            wire.scheduler.pause(wire.random.random() * _LONGEST_HANG_SECONDS)
            if wire.random.randrange(2):
                raise errors.without_answer(EndpointConnectionError)
        if fault == faults.SLOW:
            wire.scheduler.pause(wire.random.random() * self._read_timeout)

    def _take_effect_late(self, name: str, operation: Callable[[], Any]) -> None:
        wire = self._wire
        wire.on_the_way += 1

        def arrive() -> None:
            wire.on_the_way -= 1
            self._take_effect(f"{name} (late)", operation)

        wire.scheduler.after(self._read_timeout + wire.random.random() * _LATEST_SECONDS, arrive)

    def _strike_after(self, fault: str, name: str) -> None:
        if fault == faults.CRASH_AFTER:
            self._wire.say(self._process.name, f"crashes after {self._service}.{name}")
            self._process.crash()
            raise CrashedError
        if fault == faults.TIMES_OUT_DONE:
            self._wire.scheduler.pause(self._read_timeout)
            raise errors.without_answer(ReadTimeoutError)


def _text(operation: str) -> str:
    return _TALKATIVE if operation in _CARRY_A_PAYLOAD else "not now"


class Paginator:
    """Pages of a listing or a query, each a call."""

    def __init__(self, operation: Callable[..., dict[str, Any]]) -> None:
        self._operation = operation

    def paginate(self, *, PaginationConfig: dict[str, int] | None = None, **asked: Any) -> Iterator[dict[str, Any]]:  # noqa: N803 boto3's name
        if PaginationConfig:
            asked["MaxKeys"] = PaginationConfig["PageSize"]
        while True:
            page = self._operation(**asked)
            yield page
            if "LastEvaluatedKey" in page:
                asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]
            elif page.get("IsTruncated"):
                asked["ContinuationToken"] = page["NextContinuationToken"]
            else:
                return
