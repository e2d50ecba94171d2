"""Times of every form sort as the instants they are."""

import time
from collections.abc import Iterator

import pytest

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01T10:00:00.000Z", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01T10:00:00.5Z", "2026-03-01T10:00:00.500000Z"),
        ("2026-03-01T10:00:00,5Z", "2026-03-01T10:00:00.500000Z"),
        ("2026-03-01T10:00:00.123456789Z", "2026-03-01T10:00:00.123456Z"),
        ("2026-03-01T10:00Z", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01T10Z", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01", "2026-03-01T00:00:00.000000Z"),
        ("2026-03-01T10:00:00", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01 10:00:00Z", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01t10:00:00z", "2026-03-01T10:00:00.000000Z"),
        ("20260301T100000Z", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01T12:00:00+0200", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01T12:00:00+02", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01T04:30:00-05:30", "2026-03-01T10:00:00.000000Z"),
        ("2026-02-28T23:00:00-11:00", "2026-03-01T10:00:00.000000Z"),
        ("2026-W09-7T10:00:00Z", "2026-03-01T10:00:00.000000Z"),
        ("2026-060T10:00:00Z", "2026-03-01T10:00:00.000000Z"),
        ("2026-W53-7", "2027-01-03T00:00:00.000000Z"),
        ("2026-001", "2026-01-01T00:00:00.000000Z"),
        ("2026-365T23:59+0001", "2026-12-31T23:58:00.000000Z"),
        ("2028-366", "2028-12-31T00:00:00.000000Z"),
        ("2026-03-01T09:59:00-00:01", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01T10:00:00-00:00", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-02T09:59+23:59", "2026-03-01T10:00:00.000000Z"),
        ("2026-02-28T24:00:00Z", "2026-03-01T00:00:00.000000Z"),
        ("20260228T24", "2026-03-01T00:00:00.000000Z"),
        ("2026-02-28T24:00:00.0000000+01:00", "2026-02-28T23:00:00.000000Z"),
        ("9999-12-31T24:00+01:00", "9999-12-31T23:00:00.000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("20161231T235960.5Z", "2017-01-01T00:00:00.500000Z"),
        ("2016-12-31T23:59:60", "2017-01-01T00:00:00.000000Z"),
        ("2017-01-01T08:59:60+09:00", "2017-01-01T00:00:00.000000Z"),
        ("2016-12-31T17:59:60-06:00", "2017-01-01T00:00:00.000000Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00.000000Z"),
    ],
)
def test_every_form_of_iso_8601_becomes_utc_of_one_width(text: str, expected: str) -> None:
    assert utc_timestamp.parse(text) == expected
    assert len(expected) == 27


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1772359200",
        "1772359200000",
        "20260301003015",
        "20260301003015+0000",
        "20260301003015.123-0500",
        "2026",
        "2026-03",
        "202603",
        "2026-W09",
        "2026-3-1",
        "2026-03-1",
        "2026-0301",
        "2026-W097",
        "2026-W09-0",
        "2026-W09-8",
        "2026-W00-1",
        "2025-W53-1",
        "2026-000",
        "2026-366",
        "0001-000",
        "0000-01-01",
        "9999-366",
        "9999-W52-6",
        "2026-03-01Z",
        "2026-03-01T",
        "2026-03-01T1:00:00Z",
        "2026-03-01T10:00:5",
        "2026-03-01T10:0000Z",
        "2026-03-01T1000:00Z",
        "2026-03-01T10.5Z",
        "2026-03-01T10:00.5Z",
        "2026-03-01T10:00:00.Z",
        "2026-03-01T10:00:00.5.5Z",
        "2026-02-28T24:01Z",
        "2026-02-28T24:00:01Z",
        "2026-02-28T24:00:00.0000001Z",
        "2026-03-01T10:00:60Z",
        "2026-02-28T22:59:60Z",
        "2026-03-15T23:59:60Z",
        "2016-12-31T23:59:60+09:00",
        "9999-12-31T23:59:60Z",
        "2026-03-01T10:00:00+24:00",
        "2026-03-01T10:00:00+10:60",
        "2026-03-01T10:00:00+1",
        "2026-03-01T10:00:00 +0000",
        "2026-03-01T10:00:00ZZ",
        "2026-03-01T10:00:00\u221205:00",
        " 2026-03-01T10:00:00Z",
        "2026-03-01T10:00:00Z ",
        "2026-03-01  10:00:00Z",
        "2026-03-01_10:00:00Z",
        "2026-03-01910:00:00Z",
        "2026-w09-7",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-03-01T25:00:00Z",
        "2026-03-01T10:61:00Z",
        "2026-03-01T10:00:61Z",
        "2026-03-01T10:00:00+25:00",
        "2026-03-01T10:00:00Z extra",
        "2026-03-01T10:00:00Z\n",
        "\N{FULLWIDTH DIGIT TWO}026-03-01T10:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "\ud800",
    ],
)
def test_what_is_no_time_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not an ISO 8601 time$"):
        utc_timestamp.parse(text)


def test_half_a_second_later_sorts_later() -> None:
    # Given two forms that sort the wrong way round as text
    earlier, later = "2026-03-01T10:00:00Z", "2026-03-01T10:00:00.500Z"
    assert earlier > later
    # When they are normalised, Then they sort as time
    assert utc_timestamp.parse(earlier) < utc_timestamp.parse(later)


def test_a_shift_beyond_the_calendar_stops_at_its_end() -> None:
    assert utc_timestamp.later(UtcTimestamp("9999-12-31T00:00:00.000000Z"), days=30) == UtcTimestamp(
        "9999-12-31T23:59:59.999999Z"
    )
    assert utc_timestamp.later(UtcTimestamp("0001-01-02T00:00:00.000000Z"), days=-30) == UtcTimestamp(
        "0001-01-01T00:00:00.000000Z"
    )
    assert utc_timestamp.later(UtcTimestamp("9999-12-31T23:59:59.000000Z"), minutes=0.5) == UtcTimestamp(
        "9999-12-31T23:59:59.999999Z"
    )
    assert utc_timestamp.later(UtcTimestamp("0001-01-01T00:00:01.000000Z"), minutes=-0.5) == UtcTimestamp(
        "0001-01-01T00:00:00.000000Z"
    )


def test_from_a_later_instant_to_an_earlier_one_is_less_than_nothing() -> None:
    assert (
        utc_timestamp.seconds_between(
            UtcTimestamp("2026-03-01T10:00:00.000000Z"), UtcTimestamp("2026-03-01T10:00:01.500000Z")
        )
        == 1.5
    )
    assert (
        utc_timestamp.seconds_between(
            UtcTimestamp("2026-03-01T10:00:01.500000Z"), UtcTimestamp("2026-03-01T10:00:00.000000Z")
        )
        == -1.5
    )


@pytest.fixture
def in_japan(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the machine a time zone nine hours from UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_japan")
def test_the_time_zone_of_the_machine_is_of_no_account() -> None:
    # Given times without an offset, with one, and at the ends of the calendar
    # When they are normalised in Japan, Then they are what they are in UTC
    assert utc_timestamp.parse("2026-03-01T10:00:00") == "2026-03-01T10:00:00.000000Z"
    assert utc_timestamp.parse("2026-03-01T12:00:00+02:00") == "2026-03-01T10:00:00.000000Z"
    assert utc_timestamp.parse("9999-12-31T23:59:59Z") == "9999-12-31T23:59:59.000000Z"
    assert utc_timestamp.of_epoch(1772359200.5) == "2026-03-01T10:00:00.500000Z"
    assert utc_timestamp.epoch_seconds(UtcTimestamp("2026-03-01T10:00:00.500000Z")) == 1772359200
    assert utc_timestamp.later(UtcTimestamp("9999-12-31T00:00:00.000000Z"), days=30) == UtcTimestamp(
        "9999-12-31T23:59:59.999999Z"
    )
    assert utc_timestamp.later(UtcTimestamp("0001-01-02T00:00:00.000000Z"), days=-30) == UtcTimestamp(
        "0001-01-01T00:00:00.000000Z"
    )


def test_days_back_and_minutes_forward_end_at_the_beginning_of_the_calendar() -> None:
    assert utc_timestamp.later(UtcTimestamp("0001-01-02T00:00:00.000000Z"), days=-14, minutes=15) == UtcTimestamp(
        "0001-01-01T00:00:00.000000Z"
    )
