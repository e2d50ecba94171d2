"""Times of every form sort as the points in time that they are; the properties try many more."""

import pytest

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp

FIRST, LAST = UtcTimestamp("0001-01-01T00:00:00.000000Z"), UtcTimestamp("9999-12-31T23:59:59.999999Z")
TEN, HALF_A_SECOND_LATER = UtcTimestamp("2026-03-01T10:00:00.000000Z"), UtcTimestamp("2026-03-01T10:00:00.500000Z")


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T10:00:00Z",
        "2026-03-01T10:00:00.000Z",
        "2026-03-01T10:00Z",
        "2026-03-01T10Z",
        "2026-03-01T10:00:00",
        "2026-03-01 10:00:00Z",
        "2026-03-01t10:00:00z",
        "20260301T100000Z",
        "2026-03-01T12:00:00+02:00",
        "2026-03-01T12:00:00+0200",
        "2026-03-01T12:00:00+02",
        "2026-03-01T04:30:00-05:30",
        "2026-02-28T23:00:00-11:00",
        "2026-W09-7T10:00:00Z",
        "2026-060T10:00:00Z",
        "2026-03-01T09:59:00-00:01",
        "2026-03-01T10:00:00-00:00",
        "2026-03-02T09:59+23:59",
    ],
)
def test_every_form_of_iso_8601_is_the_same_timestamp(text: str) -> None:
    assert utc_timestamp.parse(text) == TEN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T10:00:00,5Z", "2026-03-01T10:00:00.500000Z"),
        ("2026-03-01T10:00:00.123456789Z", "2026-03-01T10:00:00.123456Z"),
        ("2026-03-01", "2026-03-01T00:00:00.000000Z"),
        ("2026-W53-7", "2027-01-03T00:00:00.000000Z"),
        ("2026-365T23:59+0001", "2026-12-31T23:58:00.000000Z"),
        ("2028-366", "2028-12-31T00:00:00.000000Z"),
        ("20260228T24", "2026-03-01T00:00:00.000000Z"),
        ("2026-02-28T24:00:00.0000000+01:00", "2026-02-28T23:00:00.000000Z"),
        ("9999-12-31T24:00+01:00", "9999-12-31T23:00:00.000000Z"),
        ("20161231T235960.5Z", "2017-01-01T00:00:00.500000Z"),
        ("2017-01-01T08:59:60+09:00", "2017-01-01T00:00:00.000000Z"),
        ("2016-12-31T17:59:60-06:00", "2017-01-01T00:00:00.000000Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00.000000Z"),
    ],
)
def test_fractions_ends_of_days_and_leap_seconds_are_read(text: str, expected: str) -> None:
    assert utc_timestamp.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1772359200",
        "20260301003015",
        "20260301003015.123-0500",
        "2026",
        "2026-03",
        "2026-3-01",
        "2026-0301",
        "2026-W09-0",
        "2026-W00-1",
        "2025-W53-1",
        "2026-000",
        "2026-366",
        "0000-01-01",
        "9999-366",
        "9999-W52-6",
        "2026-03-01Z",
        "2026-03-01T",
        "2026-03-01T1:00:00Z",
        "2026-03-01T10:0000Z",
        "2026-03-01T10:00.5Z",
        "2026-03-01T10:00:00.Z",
        "2026-02-28T24:01Z",
        "2026-02-28T24:00:01Z",
        "2026-02-28T24:00:00.0000001Z",
        "2026-03-15T23:59:60Z",
        "2026-02-28T22:59:60Z",
        "2016-12-31T23:59:60+09:00",
        "9999-12-31T23:59:60Z",
        "2026-03-01T10:00:00+24:00",
        "2026-03-01T10:00:00+10:60",
        "2026-03-01T10:00:00 +0000",
        " 2026-03-01T10:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-03-01T25:00:00Z",
        "2026-03-01T10:00:61Z",
        "2026-03-01T10:00:00Z\n",
        "\N{FULLWIDTH DIGIT TWO}026-03-01T10:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "\ud800",
    ],
)
def test_any_other_text_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not an ISO 8601 time$"):
        utc_timestamp.parse(text)


@pytest.mark.parametrize(
    ("timestamp", "days", "minutes", "end"),
    [
        (LAST, 30, 0, LAST),
        ("9999-12-31T23:59:59.000000Z", 0, 0.5, LAST),
        ("0001-01-02T00:00:00.000000Z", -30, 0, FIRST),
        ("0001-01-01T00:00:01.000000Z", 0, -0.5, FIRST),
        ("0001-01-02T00:00:00.000000Z", -14, 15, FIRST),
    ],
)
def test_a_shift_beyond_the_calendar_stops_at_its_end(
    timestamp: UtcTimestamp, days: float, minutes: float, end: UtcTimestamp
) -> None:
    assert utc_timestamp.later(timestamp, days=days, minutes=minutes) == end


def test_from_a_later_timestamp_to_an_earlier_one_is_negative() -> None:
    assert utc_timestamp.seconds_between(TEN, HALF_A_SECOND_LATER) == 0.5
    assert utc_timestamp.seconds_between(HALF_A_SECOND_LATER, TEN) == -0.5


@pytest.mark.usefixtures("in_japan")
def test_the_time_zone_of_the_machine_does_not_matter() -> None:
    assert utc_timestamp.parse("2026-03-01T10:00:00") == TEN
    assert utc_timestamp.parse("9999-12-31T23:59:59.999999Z") == LAST
    assert utc_timestamp.of_epoch(1772359200.5) == HALF_A_SECOND_LATER
    assert utc_timestamp.epoch_seconds(HALF_A_SECOND_LATER) == 1772359200
    assert utc_timestamp.epoch_milliseconds(HALF_A_SECOND_LATER) == 1772359200500
    assert utc_timestamp.later(LAST, days=30) == LAST
    assert utc_timestamp.later(FIRST, days=-30) == FIRST
