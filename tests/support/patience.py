"""Waiting without the time that it takes."""

from dataclasses import dataclass, field

import pytest

from vectorcare_bridge.edge import runtime


@dataclass
class Patience:
    """A clock in seconds that moves only when code waits; each draw gives its greatest, and its least is noted."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)
    lowest: list[float] = field(default_factory=list)

    def take_the_place_of_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(runtime, "monotonic", lambda: self.now)
        monkeypatch.setattr(runtime, "sleep", self._sleep)
        monkeypatch.setattr(runtime, "uniform", self._uniform)

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def _uniform(self, low: float, high: float) -> float:
        self.lowest.append(low)
        return high
