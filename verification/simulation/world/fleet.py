"""The containers of a function: warm ones, cold starts, and two versions while a deploy is under way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from verification.simulation.world import faults
from verification.simulation.world.client import Wire
from verification.simulation.world.container import Container, Finished, Function, InvocationOutcome
from verification.simulation.world.loader import Loader
from verification.simulation.world.run_context import RunContext
from verification.simulation.world.runtime import SimulatedRuntime

_SLOWEST_COLD_START_SECONDS = 5.0
_USUAL_COLD_START_SECONDS = 0.4
_DEPLOY_SECONDS = 30.0


@dataclass(slots=True)
class _Version:
    environment: dict[str, str]
    idle: list[Container] = field(default_factory=list)


class Fleet:
    """All containers of one function; `write` takes their output."""

    def __init__(
        self,
        context: RunContext,
        function: Function,
        environment: dict[str, str],
        *,
        loader: Loader,
        wire: Wire,
        write: Callable[[Container, str], None],
    ) -> None:
        self.function = function
        self.under_way = 0
        self.containers: list[Container] = []
        self._context = context
        self._loader = loader
        self._wire = wire
        self._write = write
        self._versions = [_Version(environment)]

    def deploy(self, environment: dict[str, str]) -> None:
        """Replace the version; for half a minute the old one still takes invocations, too."""
        old = self._versions[-1]
        self._versions = [old, _Version(environment)]
        self._context.after(_DEPLOY_SECONDS, partial(self._retire, old))

    def invoke(self, event: Any, finished: Finished, *, killed_after: float | None = None) -> None:
        """Run the function once, in a warm container or after a cold start; it may be killed so many seconds later."""
        self.under_way += 1
        version = self._versions[int(self._context.random.random() * len(self._versions))]
        container = self._take_idle(version)
        done = partial(self._done, version, finished)
        if container:
            self._begin(container, event, done, killed_after)
            return
        limit = _USUAL_COLD_START_SECONDS
        if self._context.strikes(faults.COLD_START_SLOW):
            limit = _SLOWEST_COLD_START_SECONDS
        container = self._start(version)
        self._context.after(self._context.chance(limit), partial(self._begin, container, event, done, killed_after))

    def close(self) -> None:
        for container in self.containers:
            container.kill()

    def _take_idle(self, version: _Version) -> Container | None:
        version.idle = [container for container in version.idle if not container.is_dead]
        if not version.idle:
            return None
        return version.idle.pop(int(self._context.random.random() * len(version.idle)))

    def _start(self, version: _Version) -> Container:
        name = f"{self.function.name}-{len(self.containers) + 1}"
        container = Container(
            name, self.function, self._context.scheduler, write=lambda text: self._write(container, text)
        )
        self.containers.append(container)
        most = self._context.settings.skew
        skew = self._context.random.uniform(-most, most)
        if skew:
            self._context.faults.count(faults.CLOCK_WRONG)
        runtime = SimulatedRuntime(self._context, self._wire, container, skew=skew)
        container.environment = version.environment
        container.module = self._loader.load(
            self.function.handler,
            environment={**version.environment, "POWERTOOLS_SERVICE_NAME": name},
            loaded=runtime.replace,
        )
        self._context.say(name, "starts")
        return container

    def _begin(self, container: Container, event: Any, done: Finished, killed_after: float | None) -> None:
        container.invoke(event, done)
        if killed_after is not None:
            self._context.faults.count(faults.KILLED)
            self._context.after(killed_after, container.crash)
        if self._context.strikes(faults.KILLED):
            self._context.after(self._context.chance(self._context.random.random()), container.crash)

    def _done(self, version: _Version, finished: Finished, outcome: InvocationOutcome) -> None:
        self.under_way -= 1
        if outcome.error:
            self._context.say(outcome.container.name, outcome.error)
        if outcome.error == "timed out":
            self._context.faults.count(faults.TIMED_OUT)
        if not outcome.container.is_dead:
            version.idle.append(outcome.container)
        finished(outcome)

    def _retire(self, version: _Version) -> None:
        self._versions = [kept for kept in self._versions if kept is not version]
