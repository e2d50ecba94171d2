"""The threads that call one URL: one that does not answer holds up no other."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from simulator.history import Shipment

# More would start so many functions in a new environment that none answers in time.
_THREADS = 4


class WorkerPool:
    """Calls one URL, up to 4 times in parallel."""

    def __init__(self, call: Callable[[Shipment], None]) -> None:
        self._call = call
        self._waiting: SimpleQueue[Shipment | None] = SimpleQueue()
        for _ in range(_THREADS):
            # The standard library's executor would make the end of the process wait for an answer.
            threading.Thread(target=self._run, daemon=True).start()

    def put(self, shipment: Shipment) -> None:
        """Have a call made as soon as a thread is free."""
        self._waiting.put(shipment)

    def end(self) -> None:
        """Make the calls that wait, and no others."""
        for _ in range(_THREADS):
            self._waiting.put(None)

    def _run(self) -> None:
        while (shipment := self._waiting.get()) is not None:
            self._call(shipment)
