"""The containers of a function: warm ones, cold starts, and two versions at once while a deploy is under way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from verification.simulation.world import faults
from verification.simulation.world.client import Wire
from verification.simulation.world.container import Container, Finished, Function, InvocationOutcome
from verification.simulation.world.loader import Loader
from verification.simulation.world.runtime import SimulatedRuntime
from verification.simulation.world.scheduler import Scheduler

_SLOWEST_COLD_START_SECONDS = 5.0
_USUAL_COLD_START_SECONDS = 0.4
_DEPLOY_SECONDS = 30.0


@dataclass(slots=True)
class _Version:
    environment: dict[str, str]
    idle: list[Container] = field(default_factory=list)


class Fleet:
    """All containers of one function.

    Parameters
    ----------
    environment : dict
        The function's environment variables.
    skew : callable
        Draws how many seconds the clock of a new container is ahead.
    write : callable
        Takes a container's output.
    """

    def __init__(
        self,
        function: Function,
        environment: dict[str, str],
        *,
        loader: Loader,
        scheduler: Scheduler,
        wire: Wire,
        random: Random,
        skew: Callable[[], float],
        write: Callable[[Container, str], None],
    ) -> None:
        self.function = function
        self.invocations = 0
        self.under_way = 0
        self.containers: list[Container] = []
        self._loader = loader
        self._scheduler = scheduler
        self._wire = wire
        self._random = random
        self._skew = skew
        self._write = write
        self._versions = [_Version(environment)]

    def deploy(self, environment: dict[str, str]) -> None:
        """Replace the version; for half a minute the old one still takes invocations, too."""
        old = self._versions[-1]
        self._versions = [old, _Version(environment)]
        self._scheduler.after(_DEPLOY_SECONDS, partial(self._retire, old))

    def environments(self) -> list[dict[str, str]]:
        """Say what the versions that take invocations are told."""
        return [version.environment for version in self._versions]

    def invoke(self, event: Any, finished: Finished, *, killed_after: float | None = None) -> None:
        """Run the function once, in a warm container or after a cold start; it may be killed so many seconds later."""
        self.invocations += 1
        self.under_way += 1
        version = self._versions[int(self._random.random() * len(self._versions))]
        container = self._take_idle(version)
        done = partial(self._done, version, finished)
        if container:
            self._begin(container, event, done, killed_after)
            return
        limit = _USUAL_COLD_START_SECONDS
        if self._wire.faults.strikes(faults.COLD_START_SLOW):
            limit = _SLOWEST_COLD_START_SECONDS
        container = self._start(version)
        self._scheduler.after(self._random.random() * limit, partial(self._begin, container, event, done, killed_after))

    def close(self) -> None:
        """End all containers."""
        for container in self.containers:
            container.kill()

    def _take_idle(self, version: _Version) -> Container | None:
        version.idle = [container for container in version.idle if not container.is_dead]
        if not version.idle:
            return None
        return version.idle.pop(int(self._random.random() * len(version.idle)))

    def _start(self, version: _Version) -> Container:
        name = f"{self.function.name}-{len(self.containers) + 1}"
        container = Container(name, self.function, self._scheduler, write=lambda text: self._write(container, text))
        self.containers.append(container)
        skew = self._skew()
        if skew:
            self._wire.faults.count(faults.CLOCK_WRONG)
        runtime = SimulatedRuntime(self._wire, container, self._scheduler, self._random, skew=skew)
        container.environment = version.environment
        container.module = self._loader.load(
            self.function.handler,
            environment={**version.environment, "POWERTOOLS_SERVICE_NAME": name},
            loaded=runtime.replace,
        )
        self._wire.say(name, "starts")
        return container

    def _begin(self, container: Container, event: Any, done: Finished, killed_after: float | None) -> None:
        container.invoke(event, done)
        if killed_after is not None:
            self._wire.faults.count(faults.KILLED)
            self._scheduler.after(killed_after, container.crash)
        if self._wire.faults.strikes(faults.KILLED):
            self._scheduler.after(self._random.random() * self._random.random(), container.crash)

    def _done(self, version: _Version, finished: Finished, outcome: InvocationOutcome) -> None:
        self.under_way -= 1
        if outcome.error:
            self._wire.say(outcome.container.name, outcome.error)
        if outcome.error == "timed out":
            self._wire.faults.count(faults.TIMED_OUT)
        if not outcome.container.is_dead:
            version.idle.append(outcome.container)
        finished(outcome)

    def _retire(self, version: _Version) -> None:
        self._versions = [kept for kept in self._versions if kept is not version]
