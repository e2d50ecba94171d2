"""Time for what VectorCare waits for, which a rehearsal may have pass faster."""

import time


class Clock:
    """Seconds that pass `speed` times as fast as real ones.

    Instants in messages are real time at any speed, as both sides have to agree about them.

    Parameters
    ----------
    speed : float
        How many of these seconds pass in a real one; more than 0.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._since, self._begun = 0.0, time.monotonic()

    @property
    def speed(self) -> float:
        """How many of these seconds pass in a real one; to change it moves no instant that has been."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._since, self._begun = self.now(), time.monotonic()
        self._speed = speed

    def now(self) -> float:
        """Tell how many seconds have passed since the clock was made."""
        return self._since + (time.monotonic() - self._begun) * self._speed

    def real_seconds_until(self, instant: float) -> float:
        """Tell how long to wait for an instant, in real seconds; not less than 0."""
        return max(0.0, (instant - self.now()) / self._speed)
