"""Points in time as text that sorts like time: UTC, 27 characters, microseconds, `Z`."""

import re
from datetime import UTC, datetime, timedelta

from dateutil.parser import isoparse

_LEAP_SECOND = re.compile(r"(.+[Tt ]\d\d:?\d\d:?)60(\D.*)?")


def parse(text: str) -> str:
    """Normalise an ISO 8601 time.

    Parameters
    ----------
    text : str
        Any calendar, week or ordinal date with an optional time, basic or extended, with any offset; without an
        offset it is UTC. A leap second is the first instant of the next minute. What is finer than a microsecond is
        cut off. Fractions of hours and minutes are not read.

    Returns
    -------
    str
        `2026-03-01T10:00:00.000000Z`. As text, `…:00Z` would sort after `…:00.500Z`; of one width, they sort as time.

    Raises
    ------
    ValueError
        It is no such time, or lies outside the years 1 to 9999 in UTC. The text never repeats the input.
    """
    leap_second = _LEAP_SECOND.fullmatch(text)
    if leap_second:
        text = f"{leap_second[1]}59{leap_second[2] or ''}"
    try:
        moment = isoparse(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return of(moment.astimezone(UTC) + timedelta(seconds=1 if leap_second else 0))
    except (ValueError, OverflowError):
        raise ValueError("not an ISO 8601 time") from None


def of(moment: datetime) -> str:
    """Write an aware `datetime` as a 27-character instant."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def of_epoch(seconds: float) -> str:
    """Write seconds since 1970 as a 27-character instant."""
    return of(datetime.fromtimestamp(seconds, UTC))


def to_datetime(instant: str) -> datetime:
    """Read a 27-character instant back."""
    return datetime.fromisoformat(instant)


def later(instant: str, *, days: float = 0, minutes: float = 0) -> str:
    """Move an instant forward (or back, where negative); it stops at the ends of the calendar, years 1 and 9999."""
    shift = timedelta(days=days, minutes=minutes)
    try:
        return of(to_datetime(instant) + shift)
    except OverflowError:
        return of(datetime.max.replace(tzinfo=UTC) if shift > timedelta() else datetime.min.replace(tzinfo=UTC))


def epoch_seconds(instant: str) -> int:
    """Whole seconds since 1970, which is what DynamoDB's time to live reads."""
    return int(to_datetime(instant).timestamp())


def epoch_milliseconds(instant: str) -> int:
    """Whole milliseconds since 1970."""
    return int(to_datetime(instant).timestamp() * 1000)


def seconds_between(earlier: str, later: str) -> float:
    """Seconds from one instant to another; negative where they stand the other way round."""
    return (to_datetime(later) - to_datetime(earlier)).total_seconds()
