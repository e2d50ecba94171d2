"""The real ingest and processor functions behind the simulation's models, in one thread and without waiting."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from random import Random
from typing import Any, ParamSpec, TextIO, TypeVar, cast
from unittest import mock

from verification.simulation.models import errors
from verification.simulation.models.dynamodb import DynamoDB, Table
from verification.simulation.models.queue import QueueModel
from verification.simulation.models.s3 import S3, Bucket
from verification.simulation.models.sqs import SQS
from verification.simulation.plan import keys
from verification.simulation.plan.plan import Settings
from verification.simulation.world.client import QueryPaginator
from verification.simulation.world.container import Context
from verification.simulation.world.functions import EVENTS, QUEUE, SERVICE_REQUESTS, SPOOL, environment
from verification.simulation.world.loader import Loader
from verification.simulation.world.runtime import SimulatedRuntime
from verification.simulation.world.scheduler import START_EPOCH_SECONDS, instant

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
        except Exception as error:  # noqa: BLE001 it belongs to whoever waits for the result
            future.set_exception(error)
        return future


class _Client:
    exceptions = errors.Exceptions

    def __init__(self, model: object) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def get_paginator(self, operation: str) -> QueryPaginator:
        return QueryPaginator(getattr(self._model, operation))


class _FuzzDoor(SimulatedRuntime):
    """The simulation's door, with nothing behind it that takes turns or breaks."""

    def __init__(self, models: dict[str, Any], clock: _Clock) -> None:  # the base's parts are what is left out
        self._models = models
        self._clock = clock

    def client(self, service: str, **_timeouts: Any) -> Any:
        return _Client(self._models[service])

    def lock(self) -> Any:
        return nullcontext()

    def executor(self, threads: int) -> Executor:  # noqa: ARG002 it is the door's
        return _InlineExecutor()

    def now(self) -> str:
        return instant(self._clock.tick())

    def monotonic(self) -> float:
        return self._clock.tick()

    def sleep(self, seconds: float) -> None:
        self._clock.now += seconds

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


@dataclass(slots=True)
class Output:
    """Takes what the functions print."""

    lines: list[str] = field(default_factory=list)

    def write(self, text: str) -> int:
        """Take it."""
        self.lines.append(text)
        return len(text)

    def flush(self) -> None:
        """Have nothing to flush."""


class Stand:
    """The two functions, and the services they use.

    Parameters
    ----------
    loader : Loader
        Makes the functions' modules.
    output : Output
        Where standard output goes by now.
    """

    def __init__(self, loader: Loader, output: Output) -> None:
        self.output = output
        self.journal = Table(keys=("service_request_id", "event_id"))
        self.state = Table(keys=("service_request_id",), index_keys=("request_status", "last_updated"))
        self.bucket = Bucket()
        self._clock = _Clock()
        self._random = Random()  # noqa: S311 it keeps no secret
        self.sqs = SQS({}, clock=lambda: self._clock.now, epoch=START_EPOCH_SECONDS, random=self._random)
        self.reset()
        dynamodb = DynamoDB({EVENTS: self.journal, SERVICE_REQUESTS: self.state})
        door = _FuzzDoor({"sqs": self.sqs, "dynamodb": dynamodb, "s3": S3({SPOOL: self.bucket})}, self._clock)
        variables = environment(Settings(), KNOWN_KEYS)
        self._ingest, self._processor = (
            loader.load(
                f"{name}.handler",
                environment=variables | {"POWERTOOLS_SERVICE_NAME": self._logger_of(name)},
                loaded=door.replace,
            )
            for name in _FUNCTIONS
        )

    def reset(self) -> None:
        """Empty everything, and put the clock back."""
        self._clock.now = 0.0
        self._random.seed(0)
        # A receive count beyond thirty is what the processor shall see too, so no redrive policy takes it away.
        self.queue = QueueModel(visibility_timeout=360)
        self.sqs.queues[QUEUE] = self.queue
        self.bucket.objects.clear()
        self.journal.items.clear()
        self.state.items.clear()
        self.output.lines.clear()

    def ingest(self, event: Any) -> Any:
        """Invoke the ingest function."""
        return self._ingest.handler(event, self._context())

    def process(self, event: Any) -> Any:
        """Invoke the processor function."""
        return self._processor.handler(event, self._context())

    def now(self) -> float:
        """Tell seconds on the clock that the services go by."""
        return self._clock.now

    def close(self) -> None:
        """Have the functions' loggers forgotten; Python would keep them, and with them where they write, for ever."""
        for name in _FUNCTIONS:
            logging.Logger.manager.loggerDict.pop(self._logger_of(name), None)

    def _logger_of(self, function: str) -> str:
        return f"{function}-{id(self)}"

    def _context(self) -> Context:
        return Context("request-1", cast("Any", self._clock), self._clock.now + 60.0)


@contextmanager
def running(loader: Loader | None = None) -> Iterator[Stand]:
    """Load the functions and take standard output; without a loader, the functions as they are."""
    output = Output()
    variables = environment(Settings(), KNOWN_KEYS)
    with mock.patch.dict(os.environ, variables), redirect_stdout(cast("TextIO", output)):
        stand = Stand(loader or Loader(), output)
        try:
            yield stand
        finally:
            stand.close()
