"""The real ingest and processor functions behind the simulation's models, in one thread and without waiting."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, nullcontext, redirect_stdout
from io import StringIO
from random import Random
from typing import Any, ParamSpec, TypeVar, cast
from unittest import mock

from verification.simulation.models import errors
from verification.simulation.models.dynamodb import DynamoDB, Table
from verification.simulation.models.queue import QueueModel
from verification.simulation.models.s3 import S3, Bucket
from verification.simulation.models.sqs import SQS
from verification.simulation.plan import keys
from verification.simulation.plan.plan import Settings
from verification.simulation.world.client import Paginator
from verification.simulation.world.container import Context
from verification.simulation.world.functions import EVENTS, QUEUE, SERVICE_REQUESTS, SPOOL, environment
from verification.simulation.world.loader import Loader
from verification.simulation.world.runtime import SimulatedRuntime
from verification.simulation.world.scheduler import START_EPOCH_SECONDS, timestamp_at

_FUNCTIONS = ("ingest", "processor")
KNOWN_KEYS = (keys.OLD, keys.NEW)
_TICK_SECONDS = 0.001

_P = ParamSpec("_P")
_T = TypeVar("_T")


class _Clock:
    """A clock that ticks at each look, so that an input takes the same course each time it is run."""

    now = 0.0

    def tick(self) -> float:
        self.now += _TICK_SECONDS
        return self.now


class _InlineExecutor(Executor):
    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        future: Future[_T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 it belongs to the caller, who waits for the result
            future.set_exception(error)
        return future


class _Client:
    exceptions = errors.Exceptions

    def __init__(self, model: object) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def get_paginator(self, operation: str) -> Paginator:
        return Paginator(getattr(self._model, operation))


class _Runtime(SimulatedRuntime):
    """The simulation's runtime without its turns and faults."""

    def __init__(self, models: dict[str, Any], clock: _Clock) -> None:  # the base's parts are what is left out
        self._models = models
        self._clock = clock

    def client(self, service: str, **_timeouts: Any) -> Any:
        return _Client(self._models[service])

    def lock(self) -> Any:
        return nullcontext()

    def executor(self, threads: int) -> Executor:  # noqa: ARG002 the base names it
        return _InlineExecutor()

    def now(self) -> str:
        return timestamp_at(self._clock.tick())

    def monotonic(self) -> float:
        return self._clock.tick()

    def sleep(self, seconds: float) -> None:
        self._clock.now += seconds

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


class Functions:
    """The two functions' handlers in `modules`, and models of the services they use; `output` is standard output."""

    def __init__(self, loader: Loader, output: StringIO) -> None:
        self._output = output
        self.journal = Table(keys=("service_request_id", "event_id"))
        self.state = Table(keys=("service_request_id",), index_keys=("request_status", "last_updated"))
        self.bucket = Bucket()
        self._clock = _Clock()
        self._random = Random()  # noqa: S311 it keeps no secret
        self.sqs = SQS({}, clock=lambda: self._clock.now, epoch=START_EPOCH_SECONDS, random=self._random)
        self.reset()
        dynamodb = DynamoDB({EVENTS: self.journal, SERVICE_REQUESTS: self.state})
        runtime = _Runtime({"sqs": self.sqs, "dynamodb": dynamodb, "s3": S3({SPOOL: self.bucket})}, self._clock)
        variables = environment(Settings(), KNOWN_KEYS)
        self.modules = {
            name: loader.load(
                f"{name}.handler",
                environment=variables | {"POWERTOOLS_SERVICE_NAME": self._logger_of(name)},
                loaded=runtime.replace,
            )
            for name in _FUNCTIONS
        }

    def reset(self) -> None:
        """Empty everything, and reset the clock."""
        self._clock.now = 0.0
        self._random.seed(0)
        # Without a redrive policy: the processor must see receive counts beyond thirty, too.
        self.queue = QueueModel(visibility_timeout=360)
        self.sqs.queues[QUEUE] = self.queue
        self.bucket.objects.clear()
        self.journal.items.clear()
        self.state.items.clear()
        self.printed()

    def ingest(self, event: Any) -> Any:
        return self.modules["ingest"].handler(event, self._context())

    def process(self, event: Any) -> Any:
        return self.modules["processor"].handler(event, self._context())

    def now(self) -> float:
        """Seconds on the clock of the services."""
        return self._clock.now

    def printed(self) -> list[str]:
        """Take the lines that the functions have printed since the last look."""
        lines = self._output.getvalue().split("\n")
        self._output.seek(0)
        self._output.truncate()
        return lines

    def close(self) -> None:
        """Remove the functions' loggers from Python's registry, which would keep them and their output for ever."""
        for name in _FUNCTIONS:
            logging.Logger.manager.loggerDict.pop(self._logger_of(name), None)

    def _logger_of(self, function: str) -> str:
        return f"{function}-{id(self)}"

    def _context(self) -> Context:
        return Context("request-1", cast("Any", self._clock), self._clock.now + 60.0)


@contextmanager
def loaded(loader: Loader | None = None) -> Iterator[Functions]:
    """Load the functions and take standard output."""
    output = StringIO()
    with mock.patch.dict(os.environ, environment(Settings(), KNOWN_KEYS)), redirect_stdout(output):
        functions = Functions(loader or Loader(), output)
        try:
            yield functions
        finally:
            functions.close()
