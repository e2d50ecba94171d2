"""A Lambda container: one invocation at a time, frozen in between, gone after a crash or a time-out."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from verification.simulation.world.scheduler import Process, Scheduler


@dataclass(frozen=True, slots=True)
class Function:
    """A function as the stack configures it: its folder's and its handler's name, and its time-out in seconds."""

    name: str
    handler: str
    timeout: float


@dataclass(frozen=True, slots=True)
class InvocationOutcome:
    """How an invocation ended: with an answer, or with the name of what ended it instead."""

    container: "Container"
    answer: Any = None
    error: str = ""


Finished = Callable[[InvocationOutcome], None]


class Context:
    """What Lambda says to a function about its invocation."""

    def __init__(self, request_id: str, scheduler: Scheduler, deadline: float) -> None:
        self.aws_request_id = request_id
        self._scheduler = scheduler
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        return int((self._deadline - self._scheduler.now) * 1000)


class Container(Process):
    """A container of a function; `write` takes what the function, or the runtime for it, writes.

    `is_troubled`: a fault has struck a call of the invocation.
    """

    def __init__(self, name: str, function: Function, scheduler: Scheduler, *, write: Callable[[str], None]) -> None:
        super().__init__(scheduler)
        self.name = name
        self.function = function
        self.module: Any = None
        self.event: Any = None
        self.request_id = ""
        self.is_troubled = False
        self.environment: dict[str, str] = {}
        self.began_at = 0.0
        self._write = write
        self._invocations = 0
        self._finished: Finished | None = None
        self._deadline = 0.0

    def invoke(self, event: Any, finished: Finished) -> None:
        """Run the handler; `finished` takes how that ended."""
        self._invocations += 1
        self.event = event
        self.began_at = self._scheduler.now
        self.is_troubled = False
        self._finished = finished
        self._deadline = self._scheduler.now + self.function.timeout
        self.request_id = f"{self.name}-{self._invocations}"
        context = Context(self.request_id, self._scheduler, self._deadline)
        self.thaw()
        self.start(partial(self._run, event, context))
        self._scheduler.at(self._deadline, partial(self._time_out, self._invocations))

    def seconds_left(self) -> float:
        return self._deadline - self._scheduler.now

    def crash(self, error: str = "crashed") -> None:
        """End the container, and with it the invocation under way."""
        if not self.is_dead:
            self.kill()
            self._end(InvocationOutcome(self, error=error))

    def _run(self, event: Any, context: Context) -> None:
        try:
            answer = self.module.handler(event, context)
        except Exception as error:  # noqa: BLE001 as Lambda's runtime does, it is logged and reported
            self._write(traceback.format_exc())
            outcome = InvocationOutcome(self, error=type(error).__name__)
        else:
            outcome = InvocationOutcome(self, answer=answer)
        if not self.is_dead:
            self.freeze()
            self._end(outcome)

    def _time_out(self, invocation: int) -> None:
        if self._finished and self._invocations == invocation:
            self.crash("timed out")

    def _end(self, outcome: InvocationOutcome) -> None:
        finished, self._finished = self._finished, None
        if finished:
            self._scheduler.at(self._scheduler.now, partial(finished, outcome))
