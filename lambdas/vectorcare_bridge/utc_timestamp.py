"""Points in time as text."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import NewType

UtcTimestamp = NewType("UtcTimestamp", str)
"""27 characters, UTC, microseconds, `Z`: `2026-03-01T10:00:00.000000Z`. Order as text is order in time."""

# Fixed widths, ranges and separators: no text can be read in two ways.
_TIME = re.compile(
    r"""
    (?P<year>[0-9]{4}) (?P<dash>-?)
    (?: (?P<month>[0-9]{2}) (?P=dash) (?P<day>[0-9]{2})
      | W (?P<week>[0-9]{2}) (?P=dash) (?P<weekday>[1-7])
      | (?P<day_of_year>[0-9]{3}) )
    (?: [Tt\ ] (?P<hours>[01][0-9]|2[0-4])
        (?: (?P<colon>:?) (?P<minutes>[0-5][0-9])
            (?: (?P=colon) (?P<seconds>[0-5][0-9]|60) (?: [.,] (?P<fraction>[0-9]+) )? )? )?
        (?: [Zz] | (?P<sign>[+-]) (?P<offset_hours>[01][0-9]|2[0-3]) (?: :? (?P<offset_minutes>[0-5][0-9]) )? )? )?
    """,
    re.VERBOSE,
)


def parse(text: str) -> UtcTimestamp:
    """Normalise an ISO 8601 time.

    Parameters
    ----------
    text : str
        A calendar, week or ordinal date, alone or followed by `T`, `t` or one space and a time: hours, then minutes,
        then seconds, then a fraction of them after a point or a comma. Date and time are each extended
        (`2026-03-01`, `10:00:00`) or basic (`20260301`, `100000`). An offset is `Z`, `z`, `±hh`, `±hhmm` or `±hh:mm`;
        without one it is UTC. 24:00 is the start of the next day, a leap second that of the next month; in UTC
        no other minute has 61 seconds. What is finer than a microsecond is cut off.

    Returns
    -------
    UtcTimestamp
        Of one width, because as text `…:00Z` would sort after `…:00.500Z`.

    Raises
    ------
    ValueError
        It is not such a time, or outside the years 1 to 9999 in UTC. The text never repeats the input.

    Notes
    -----
    Ambiguous forms are refused: misread, an older event would overwrite a newer one; refused, the webhook becomes a
    dead letter and keeps its bytes. So HL7's `20260301003015` is refused: without an offset it is a local time.
    """
    found = _TIME.fullmatch(text)
    if found:
        with suppress(ValueError, OverflowError):
            return of(_moment(found))
    raise ValueError("not an ISO 8601 time")


def _moment(found: re.Match[str]) -> datetime:
    if found["hours"] == "24" and any((found[name] or "").strip("0") for name in ("minutes", "seconds", "fraction")):
        raise ValueError
    of_day = timedelta(
        hours=int(found["hours"] or 0),
        minutes=int(found["minutes"] or 0),
        seconds=int(found["seconds"] or 0),
        microseconds=int((found["fraction"] or "")[:6].ljust(6, "0")),
    )
    offset = timedelta(hours=int(found["offset_hours"] or 0), minutes=int(found["offset_minutes"] or 0))
    # A datetime cannot hold 24 hours or 60 seconds, a timedelta can.
    midnight = datetime.combine(_date(found), time.min, UTC)
    moment = midnight + (of_day + offset if found["sign"] == "-" else of_day - offset)
    if found["seconds"] == "60" and (moment.day, moment.hour, moment.minute) != (1, 0, 0):
        raise ValueError
    return moment


def _date(found: re.Match[str]) -> date:
    year = int(found["year"])
    if found["month"]:
        return date(year, int(found["month"]), int(found["day"]))
    if found["week"]:
        return date.fromisocalendar(year, int(found["week"]), int(found["weekday"]))
    day = date(year, 1, 1) + timedelta(days=int(found["day_of_year"]) - 1)
    if day.year != year:
        raise ValueError
    return day


def of(moment: datetime) -> UtcTimestamp:
    """Write an aware `datetime`."""
    return UtcTimestamp(moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z")


def of_epoch(seconds: float) -> UtcTimestamp:
    """Write seconds since 1970."""
    return of(datetime.fromtimestamp(seconds, UTC))


def to_datetime(timestamp: UtcTimestamp) -> datetime:
    """Read it back, aware."""
    return datetime.fromisoformat(timestamp)


def later(timestamp: UtcTimestamp, *, days: float = 0, minutes: float = 0, seconds: float = 0) -> UtcTimestamp:
    """Move forward (or back, if negative); it stops at the ends of the calendar, years 1 and 9999."""
    shift = timedelta(days=days, minutes=minutes, seconds=seconds)
    try:
        return of(to_datetime(timestamp) + shift)
    except OverflowError:
        return of(datetime.max.replace(tzinfo=UTC) if shift > timedelta() else datetime.min.replace(tzinfo=UTC))


def epoch_seconds(timestamp: UtcTimestamp) -> int:
    """Whole seconds since 1970, which is what DynamoDB's time to live reads."""
    return int(to_datetime(timestamp).timestamp())


def epoch_milliseconds(timestamp: UtcTimestamp) -> int:
    """Whole milliseconds since 1970."""
    return int(to_datetime(timestamp).timestamp() * 1000)


def seconds_between(earlier: UtcTimestamp, later: UtcTimestamp) -> float:
    """Seconds from one to another; negative if `later` comes first."""
    return (to_datetime(later) - to_datetime(earlier)).total_seconds()
