"""A thread pool whose threads take turns, and whose time-outs are of simulated time."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, ParamSpec, TypeVar

from verification.simulation.world.scheduler import CrashedError, Process, Scheduler, Task

_P = ParamSpec("_P")
_T = TypeVar("_T")


class SimulatedFuture(Future[_T]):
    """A result that a task waits for."""

    def __init__(self, scheduler: Scheduler) -> None:  # Future's own would make locks that are not needed
        self._scheduler = scheduler
        self._is_done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._waiter: Task | None = None

    def done(self) -> bool:
        return self._is_done

    def cancel(self) -> bool:
        """Refuse: a task once submitted runs."""
        return False

    def result(self, timeout: float | None = None) -> _T:
        """Wait for the result.

        Raises
        ------
        TimeoutError
            It took longer than `timeout` simulated seconds.
        """
        if not self._is_done:
            self._waiter = self._scheduler.current_task()
            if timeout is not None:
                self._scheduler.after(timeout, self._wake)
            self._scheduler.wait()
            if not self._is_done:
                raise TimeoutError
        if self._error is not None:
            raise self._error
        value: _T = self._value
        return value

    def finish(self, value: Any, error: BaseException | None = None) -> None:
        self._is_done = True
        self._value, self._error = value, error
        self._scheduler.at(self._scheduler.now, self._wake)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self._scheduler.resume(waiter)


class SimulatedLock:
    """A lock between tasks."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._is_held = False
        self._waiting: list[Task] = []

    def __enter__(self) -> None:
        while self._is_held:
            self._waiting.append(self._scheduler.current_task())
            self._scheduler.wait()
        self._is_held = True

    def __exit__(self, *_: object) -> None:
        self._is_held = False
        # All of them, as the first may be dead by then.
        waiting, self._waiting = self._waiting, []
        for task in waiting:
            self._scheduler.at(self._scheduler.now, partial(self._scheduler.resume, task))


class SimulatedExecutor(Executor):
    """Runs what is submitted in tasks of one process, so many at a time."""

    def __init__(self, scheduler: Scheduler, process: Process, threads: int) -> None:
        self._scheduler = scheduler
        self._process = process
        self._idle = threads
        self._waiting: deque[Callable[[], None]] = deque()

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Run a function in a task, when one is free."""
        if self._process.is_dead:
            raise CrashedError
        future: SimulatedFuture[_T] = SimulatedFuture(self._scheduler)
        self._waiting.append(partial(self._run, future, partial(fn, *args, **kwargs)))
        if self._idle:
            self._idle -= 1
            self._process.start(self._work)
        return future

    def _work(self) -> None:
        while self._waiting:
            self._waiting.popleft()()
        self._idle += 1

    @staticmethod
    def _run(future: SimulatedFuture[Any], call: Callable[[], Any]) -> None:
        try:
            value = call()
        except Exception as error:  # noqa: BLE001 it belongs to the task that waits for the result
            future.finish(None, error)
        else:
            future.finish(value)
