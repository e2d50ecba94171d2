"""A clock for VectorCare's waits; it can be faster than real time."""

import time


class Clock:
    """Seconds that pass `speed` times as fast as real ones.

    Timestamps in messages are real time at any speed, as both sides have to agree about them.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._seconds_at_change, self._changed_at = 0.0, time.monotonic()

    @property
    def speed(self) -> float:
        """How many of these seconds pass in a real one; a change leaves the past as it was."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._seconds_at_change, self._changed_at = self.now(), time.monotonic()
        self._speed = speed

    def now(self) -> float:
        """Count the seconds since the clock was made."""
        return self._seconds_at_change + (time.monotonic() - self._changed_at) * self._speed

    def real(self, seconds: float) -> float:
        """Convert seconds of this clock to real ones."""
        return seconds / self._speed
