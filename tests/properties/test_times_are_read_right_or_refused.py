"""A time is read as another reader reads it, or it is refused."""

import string
from datetime import datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.properties.test_timestamps_order_as_time import moments, written
from vectorcare_bridge import utc_timestamp

DATES = {"%Y-%m-%d": 10, "%Y%m%d": 8, "%G-W%V-%u": 10, "%GW%V%u": 8, "%Y-%j": 8, "%Y%j": 7}
"""How the standard library writes each form of date, and its width."""
CLOCKS = ("%H", "%H:%M", "%H%M", "%H:%M:%S", "%H%M%S")
EPOCH = datetime(1900, 1, 1)  # noqa: DTZ001 what strptime adds a time of day to
A_DAY = timedelta(days=1)


def exactly(text: str, form: str) -> datetime | None:
    """Read with strptime, which is lenient, what strftime writes so and not otherwise."""
    try:
        moment = datetime.strptime(text, form)  # noqa: DTZ007 all here is UTC
    except ValueError:
        return None
    return moment if moment.strftime(form) == text else None


def clock(text: str) -> timedelta | None:
    whole, *fraction = text.replace(",", ".").split(".", 1)
    beyond = timedelta()
    if whole.endswith("60") and len(whole) >= 6:
        whole, beyond = whole[:-2] + "59", timedelta(seconds=1)
    if whole.startswith("24"):
        whole, beyond = "00" + whole[2:], A_DAY
    found = next((moment for form in CLOCKS if (moment := exactly(whole, form))), None)
    if found is None or (beyond == A_DAY and (found != EPOCH or any(part.strip("0") for part in fraction))):
        return None
    if not fraction:
        return found - EPOCH + beyond
    second = exactly(fraction[0][:6].ljust(6, "0"), "%f")
    seconds_are_there = len(whole.replace(":", "")) == 6 and set(fraction[0]) <= set(string.digits) and fraction[0]
    return found - EPOCH + beyond + (second - EPOCH) if second and seconds_are_there else None


def shift(text: str) -> timedelta | None:
    if text in ("", "Z", "z"):
        return timedelta()
    found = next((moment for form in CLOCKS[:3] if (moment := exactly(text[1:], form))), None)
    if found is None or text[0] not in "+-":
        return None
    return EPOCH - found if text[0] == "-" else found - EPOCH


def read(text: str) -> datetime | None:
    """Read a time by strptime alone, part by part; None if it is not a time. Years from 1000 on."""
    for form, width in DATES.items():
        day = exactly(text[:width], form)
        if day is None:
            continue
        if len(text) == width:
            return day
        separator, rest = text[width], text[width + 1 :]
        at = next((place for place, character in enumerate(rest) if character in "Zz+-"), len(rest))
        of_day, offset = clock(rest[:at]), shift(rest[at:])
        if separator not in "Tt " or of_day is None or offset is None:
            return None
        moment = day + of_day - offset
        is_leap = rest[:at].replace(",", ".").split(".")[0].endswith("60")
        return None if is_leap and (moment.day, moment.hour, moment.minute) != (1, 0, 0) else moment
    return None


def parsed(text: str) -> str | None:
    try:
        return utc_timestamp.parse(text)
    except ValueError:
        return None


def normal(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="microseconds") + "Z"


CHARACTERS = st.sampled_from([*"0123456789TtZzW:.,+-/ _\n\t", "\u2212", "\uff11", "\u0663", "\u00b2"])


@st.composite
def nearly_times(draw: st.DrawFn) -> str:
    """Write a time, then insert, remove or change one or two characters."""
    text = draw(written(draw(moments)))
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.just("") | CHARACTERS) + text[at + draw(st.integers(0, 1)) :]
    return text


@given(
    text=nearly_times()
    | st.text(CHARACTERS, max_size=30)
    | st.from_regex(
        r"[1-9][0-9]{3}(-[0-9]{2}-[0-9]{2}|[0-9]{3,4}|-?W[0-9]{2}-?[0-9])[Tt ]?"
        r"([0-9]{2}:?){1,3}([.,][0-9]{0,8})?([Zz]|[+-][0-9]{2}:?[0-9]{0,2})?",
        fullmatch=True,
    )
)
def test_times_are_read_as_an_independent_reader_reads_them(text: str) -> None:
    assume(not text.startswith("0"))
    assert parsed(text) == normal(read(text))
