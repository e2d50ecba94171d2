"""The simulated `vectorcare_bridge.edge.runtime` of a container: clients, clock, randomness and threads."""

from concurrent.futures import Executor
from types import ModuleType
from typing import Any

from verification.simulation.world.client import Client, Wire
from verification.simulation.world.executor import SimulatedExecutor, SimulatedLock
from verification.simulation.world.http import SimulatedSession
from verification.simulation.world.run_context import RunContext
from verification.simulation.world.scheduler import CrashedError, Process, timestamp_at

_FUNCTIONS = ("client", "http_session", "executor", "lock", "now", "monotonic", "sleep", "uniform")


class SimulatedRuntime:
    """The runtime of one container, whose clock is `skew` seconds ahead."""

    def __init__(self, context: RunContext, wire: Wire, process: Process, *, skew: float) -> None:
        self._context = context
        self._wire = wire
        self._process = process
        self._skew = skew

    def replace(self, module: ModuleType) -> None:
        """Put the simulation's functions in the place of the module's own, all of them.

        Raises
        ------
        AttributeError
            The module has other functions than the simulation.
        """
        own = {name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
        if own != set(_FUNCTIONS):
            raise AttributeError(f"{module.__name__} and its simulation differ: {sorted(own ^ set(_FUNCTIONS))}")
        for name in _FUNCTIONS:
            setattr(module, name, getattr(self, name))

    def client(
        self,
        service: str,
        *,
        connect_timeout: float,
        read_timeout: float,
        attempts: int,
        connections: int = 10,  # noqa: ARG002 the executor's threads are the bound
    ) -> Any:
        return Client(
            self._wire,
            self._process,
            service,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            attempts=attempts,
        )

    def http_session(self, *, connections: int) -> Any:  # noqa: ARG002 the executor's threads are the bound
        return SimulatedSession(self._context, self._wire, self._process)

    def lock(self) -> Any:
        return SimulatedLock(self._context.scheduler)

    def executor(self, threads: int) -> Executor:
        return SimulatedExecutor(self._context.scheduler, self._process, threads)

    def now(self) -> str:
        return timestamp_at(self._context.now + self._skew)

    def monotonic(self) -> float:
        """Read a clock in seconds that has no skew."""
        return self._context.now

    def sleep(self, seconds: float) -> None:
        if self._process.is_dead:
            raise CrashedError
        self._context.scheduler.pause(seconds)

    def uniform(self, low: float, high: float) -> float:
        return self._context.random.uniform(low, high)
