"""From readings to what a widget draws: one value for each period."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dashboards.definition import Line
from dashboards.readings import Reading

_PERIODS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MOST_POINTS = 40


@dataclass(frozen=True, kw_only=True)
class Span:
    """The time that a picture shows, in periods of a length that leaves a readable number of them.

    Attributes
    ----------
    start, end : float
        Seconds since 1970.
    period : int
        Seconds.
    """

    start: float
    end: float
    period: int

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> "Span":
        """Choose the span of all readings."""
        first, last = min(reading.at for reading in readings), max(reading.at for reading in readings)
        period = next((each for each in _PERIODS if (last - first) / each <= _MOST_POINTS), _PERIODS[-1])
        return cls(start=first // period * period, end=(last // period + 1) * period, period=period)


@dataclass(frozen=True)
class Series:
    """One line of a widget: values by the start of their period, in the order of time; none where nothing was read."""

    label: str
    points: Sequence[tuple[float, float]]
    right: bool


def series_of(line: Line, readings: Iterable[Reading], span: Span) -> list[Series]:
    """Give what a line of a definition draws: nothing, one series, or one for each value of its dimension."""
    periods: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for reading in readings:
        if _belongs(reading, line):
            periods[line.label_of(reading.dimensions)][reading.at // span.period * span.period].append(reading.value)
    return [
        Series(label, [(at, statistic_of(line.statistic, values)) for at, values in sorted(found.items())], line.right)
        for label, found in sorted(periods.items())
    ]


def total_of(line: Line, readings: Iterable[Reading]) -> float | None:
    """Give one number for all of the time, or None where nothing was read."""
    values = [reading.value for reading in readings if _belongs(reading, line)]
    return statistic_of(line.statistic, values) if values else None


def statistic_of(name: str, values: Sequence[float]) -> float:
    """Calculate one of CloudWatch's statistics; percentiles by the nearest rank."""
    match name:
        case "Sum":
            return math.fsum(values)
        case "Maximum":
            return max(values)
        case "Minimum":
            return min(values)
        case "Average":
            return math.fsum(values) / len(values)
    if not name.startswith("p"):
        raise ValueError(f"This statistic cannot be drawn here: {name}")
    rank = math.ceil(float(name[1:]) / 100 * len(values))
    return sorted(values)[max(rank, 1) - 1]


def _belongs(reading: Reading, line: Line) -> bool:
    if (reading.namespace, reading.metric) != (line.namespace, line.metric):
        return False
    rest = dict(reading.dimensions)
    if line.by and rest.pop(line.by, None) is None:
        return False
    return rest == line.dimensions
