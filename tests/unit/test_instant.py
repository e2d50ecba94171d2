"""Times of every form sort as the instants they are."""

import time
from collections.abc import Iterator

import pytest

from vectorcare_bridge import instant


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
        ("2026-02-28T24:00:00Z", "2026-03-01T00:00:00.000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("20161231T235960.5Z", "2017-01-01T00:00:00.500000Z"),
        ("2016-12-31T23:59:60", "2017-01-01T00:00:00.000000Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00.000000Z"),
    ],
)
def test_every_form_of_iso_8601_becomes_utc_of_one_width(text: str, expected: str) -> None:
    assert instant.parse(text) == expected
    assert len(expected) == 27


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1772359200",
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
        instant.parse(text)


def test_half_a_second_later_sorts_later() -> None:
    # Given two forms that sort the wrong way round as text
    earlier, later = "2026-03-01T10:00:00Z", "2026-03-01T10:00:00.500Z"
    assert earlier > later
    # When they are normalised, Then they sort as time
    assert instant.parse(earlier) < instant.parse(later)


def test_a_shift_beyond_the_calendar_stops_at_its_end() -> None:
    assert instant.later("9999-12-31T00:00:00.000000Z", days=30) == "9999-12-31T23:59:59.999999Z"
    assert instant.later("0001-01-02T00:00:00.000000Z", days=-30) == "0001-01-01T00:00:00.000000Z"
    assert instant.later("9999-12-31T23:59:59.000000Z", minutes=0.5) == "9999-12-31T23:59:59.999999Z"
    assert instant.later("0001-01-01T00:00:01.000000Z", minutes=-0.5) == "0001-01-01T00:00:00.000000Z"


def test_from_a_later_instant_to_an_earlier_one_is_less_than_nothing() -> None:
    assert instant.seconds_between("2026-03-01T10:00:00.000000Z", "2026-03-01T10:00:01.500000Z") == 1.5
    assert instant.seconds_between("2026-03-01T10:00:01.500000Z", "2026-03-01T10:00:00.000000Z") == -1.5


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
    assert instant.parse("2026-03-01T10:00:00") == "2026-03-01T10:00:00.000000Z"
    assert instant.parse("2026-03-01T12:00:00+02:00") == "2026-03-01T10:00:00.000000Z"
    assert instant.parse("9999-12-31T23:59:59Z") == "9999-12-31T23:59:59.000000Z"
    assert instant.of_epoch(1772359200.5) == "2026-03-01T10:00:00.500000Z"
    assert instant.epoch_seconds("2026-03-01T10:00:00.500000Z") == 1772359200
    assert instant.later("9999-12-31T00:00:00.000000Z", days=30) == "9999-12-31T23:59:59.999999Z"
    assert instant.later("0001-01-02T00:00:00.000000Z", days=-30) == "0001-01-01T00:00:00.000000Z"


def test_days_back_and_minutes_forward_end_at_the_beginning_of_the_calendar() -> None:
    assert instant.later("0001-01-02T00:00:00.000000Z", days=-14, minutes=15) == "0001-01-01T00:00:00.000000Z"
