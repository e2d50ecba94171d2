"""What goes on beside the load, in a thread of its own."""

import threading
from abc import ABC, abstractmethod

from local import patience, processes

# An emulator at its limit answers late, and an interrupted run must not wait for it.
_JOIN_SECONDS = 5.0


class Background(ABC):
    """Runs from `start` until `stop`."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.start = self._thread.start

    def stop(self) -> None:
        """End, soon."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=_JOIN_SECONDS if processes.interrupted_by() else patience.SECONDS)

    @abstractmethod
    def _run(self) -> None:
        """Go on as long as `_stopping` is not set."""
