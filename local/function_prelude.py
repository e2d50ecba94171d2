"""Runs before each function's code: its time-outs can be longer, and its clock can be moved.

The functions share their processors with the emulator, so a busy machine would cause outages. The emulator
and its workers run this file by its name, so that nothing of this project is on the path of what it emulates.
"""

import os
import socket
import sys
import time
from concurrent.futures import Future
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

_RUNTIME = "vectorcare_bridge.edge.runtime"

_settimeout, _result = socket.socket.settimeout, Future.result


def now() -> float:
    """Return seconds since 1970 by the local environment's clock."""
    try:
        with open(os.environ["LOCAL_CLOCK"], encoding="ascii") as file:  # noqa: PTH123 a function imports little
            begin, pace = map(float, file.read().split())
    except FileNotFoundError:  # it was never moved
        return time.time()
    return begin + pace * time.time()


def install() -> None:
    """Make the functions' code use this clock and these time-outs."""
    socket.socket.settimeout = _set_longer_timeout  # type: ignore[method-assign, assignment]  # replaced on purpose
    Future.result = _result_with_longer_timeout  # type: ignore[method-assign, assignment]  # replaced on purpose
    sys.meta_path.insert(0, _ClockFinder)


def _longer(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * float(os.environ["LOCAL_TIMEOUTS_TIMES"])


def _set_longer_timeout(sock: socket.socket, value: float | None) -> None:
    _settimeout(sock, _longer(value))


def _result_with_longer_timeout(future: "Future[Any]", timeout: float | None = None) -> Any:
    return _result(future, _longer(timeout))


class _ClockFinder:
    """Finds the functions' runtime module, and gives it the local environment's clock."""

    @staticmethod
    def find_spec(name: str, path: Any = None, _target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name == _RUNTIME else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(runtime: Any) -> None:
            load(runtime)
            runtime.now = lambda: runtime.utc_timestamp.of_epoch(now())

        spec.loader.exec_module = exec_module  # type: ignore[method-assign, assignment]  # replaced on purpose
        return spec
