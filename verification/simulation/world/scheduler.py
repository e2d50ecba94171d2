"""Simulated time, and the one thread that everything takes turns on.

Whatever waits in reality (a call to AWS, a sleep, a result of another thread) is a greenlet that lets go here, and is
taken up again when its time has come. The seed picks among those whose time comes together.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet

from vectorcare_bridge.utc_timestamp import UtcTimestamp

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""The time at the simulation's second 0."""

START_EPOCH_SECONDS = START.timestamp()

Action = Callable[[], None]


class CrashedError(BaseException):
    """The end of a process: no `except Exception` holds it up."""


class Process:
    """What its tasks live and die with: a container of a function."""

    def __init__(self, scheduler: "Scheduler") -> None:
        self.is_dead = False
        self.is_frozen = False
        self._scheduler = scheduler
        self._tasks: list[Task] = []
        self._to_thaw: list[Task] = []

    def start(self, body: Action) -> None:
        """Begin a task now, in its turn."""
        self._tasks = [task for task in self._tasks if not task.is_finished]
        task = Task(self, body, self._scheduler.hub)
        self._tasks.append(task)
        self._scheduler.at(self._scheduler.now, partial(self._scheduler.resume, task))

    def freeze(self) -> None:
        """Let no task go on until it is thawed, as Lambda does between invocations."""
        self.is_frozen = True

    def thaw(self) -> None:
        self.is_frozen = False
        tasks, self._to_thaw = self._to_thaw, []
        for task in tasks:
            self._scheduler.at(self._scheduler.now, partial(self._scheduler.resume, task))

    def kill(self) -> None:
        """End all tasks; none has an effect any more."""
        self.is_dead = True
        self.is_frozen = False
        for task in self._tasks:
            self._scheduler.at(self._scheduler.now, partial(self._scheduler.throw, task))
        self._tasks = []

    def hold(self, task: "Task") -> None:
        """Keep a task until the process is thawed."""
        self._to_thaw.append(task)


class Task:
    """One thread of a process."""

    __slots__ = ("_body", "greenlet", "is_finished", "process")

    def __init__(self, process: Process, body: Action, hub: Any) -> None:
        self.process = process
        self.is_finished = False
        # When it ends, the hub goes on, and not the task that happened to begin it.
        self.greenlet: Any = greenlet(self._run, hub)
        self._body = body

    def _run(self) -> None:
        try:
            if not self.process.is_dead:
                self._body()
        except CrashedError:
            pass
        finally:
            self.is_finished = True


class Scheduler:
    """Actions by the time they are due, and the task that runs now; `random` picks among what is due together."""

    def __init__(self, random: Random, *, begins: float = 0.0) -> None:
        self.now = begins
        self._random = random
        self._due: list[tuple[float, float, int, Action]] = []
        self._serial = count()
        self.hub: Any = None
        self._task: Task | None = None

    @property
    def process(self) -> Process | None:
        return self._task.process if self._task else None

    @property
    def next_at(self) -> float:
        return self._due[0][0] if self._due else float("inf")

    def at(self, when: float, action: Action) -> None:
        """Do something at a time, or now if that is past."""
        heappush(self._due, (max(when, self.now), self._random.random(), next(self._serial), action))

    def after(self, seconds: float, action: Action) -> None:
        self.at(self.now + seconds, action)

    def run(self, until: float) -> None:
        """Let time pass, to `until` in the end."""
        self.hub = getcurrent()
        due = self._due
        while due and due[0][0] <= until:
            self.now, _, _, action = heappop(due)
            action()
        self.now = max(self.now, until)

    def current_task(self) -> Task:
        if self._task is None:
            raise RuntimeError("only a task of a process can wait")
        return self._task

    def pause(self, seconds: float) -> None:
        self.after(seconds, partial(self.resume, self.current_task()))
        self.wait()

    def wait(self) -> None:
        """Let others run until somebody resumes this task."""
        self.hub.switch()

    def resume(self, task: Task) -> None:
        """Let a task run until it waits."""
        if task.is_finished:
            return
        if task.process.is_frozen:
            task.process.hold(task)
            return
        self._task = task
        try:
            task.greenlet.switch()
        finally:
            self._task = None

    def throw(self, task: Task) -> None:
        """End a task where it waits; one that has not begun will not begin."""
        if task.is_finished or not task.greenlet:
            return
        self._task = task
        try:
            task.greenlet.throw(CrashedError)
        finally:
            self._task = None


def timestamp_at(seconds: float) -> UtcTimestamp:
    """Write a time of the simulation as a UTC timestamp: microseconds and `Z`."""
    moment = START + timedelta(seconds=seconds)
    return UtcTimestamp(moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z")


def seconds_of(timestamp: str) -> float:
    """Read a UTC timestamp as seconds on the simulation's clock."""
    return (datetime.fromisoformat(timestamp) - START).total_seconds()
