"""In whatever form a time is written, its timestamp sorts as the time."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from vectorcare_bridge import utc_timestamp

moments = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001 made aware
    lambda moment: moment.replace(tzinfo=UTC)
)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def calendar(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def week(moment: datetime) -> str:
    return moment.strftime("%G-W%V-%u")


def ordinal(moment: datetime) -> str:
    return moment.strftime("%Y-%j")


@st.composite
def written(draw: st.DrawFn, moment: datetime) -> str:
    zone = draw(offsets | st.none())
    local = moment.astimezone(zone or UTC)
    date = draw(st.sampled_from([calendar, week, ordinal]))(local)
    time = local.strftime("%H:%M:%S")
    fraction = local.strftime("%f")
    if int(fraction) or draw(st.booleans()):
        time += draw(st.sampled_from(".,")) + draw(st.sampled_from([fraction, fraction.rstrip("0") or "0"]))
    offset = draw(st.sampled_from(["", "Z", "z", "+00:00", "-00:00", "+0000", "+00"]))
    if zone is not None:
        offset = local.strftime("%z")
        offset = draw(st.sampled_from([offset, f"{offset[:3]}:{offset[3:]}"]))
    if draw(st.booleans()):
        date, time = date.replace("-", ""), time.replace(":", "")
    return date + draw(st.sampled_from("Tt")) + time + offset


@given(moment=moments, data=st.data())
def test_every_form_of_a_moment_is_the_same_timestamp(moment: datetime, data: st.DataObject) -> None:
    text = data.draw(written(moment))
    assert utc_timestamp.parse(text) == utc_timestamp.of(moment)
    assert utc_timestamp.to_datetime(utc_timestamp.parse(text)) == moment


@given(first=moments, second=moments, data=st.data())
def test_timestamps_sort_as_text_as_they_do_in_time(first: datetime, second: datetime, data: st.DataObject) -> None:
    texts = [utc_timestamp.parse(data.draw(written(moment))) for moment in (first, second)]
    assert (texts[0] < texts[1]) == (first < second)
    assert (texts[0] == texts[1]) == (first == second)


@given(text=st.text(max_size=40) | st.from_regex(r"[0-9TZ:.+\-W ]{0,30}", fullmatch=True))
def test_any_text_is_a_timestamp_or_is_refused_without_being_repeated(text: str) -> None:
    try:
        parsed = utc_timestamp.parse(text)
    except ValueError as error:
        assert str(error) == "not an ISO 8601 time"  # noqa: PT017 both ends are right
    else:
        assert len(parsed) == 27
        assert utc_timestamp.parse(parsed) == parsed
