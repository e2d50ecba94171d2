"""Rule: a time or a span on the command line is read as what it says, or refused with what to write instead."""

from datetime import timedelta

import click
import pytest

from cli.terminal.times import Span, Time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01", "2026-03-01T00:00:00.000000Z"),
        ("2026-03-01 10:00", "2026-03-01T10:00:00.000000Z"),
        ("2026-03-01T10:00+02:00", "2026-03-01T08:00:00.000000Z"),
    ],
)
def test_a_time_is_read_as_what_it_says(text: str, expected: str) -> None:
    assert Time().convert(text, None, None) == expected


@pytest.mark.parametrize("text", ["", " ", "20260301003015", "2026-03-01_10:00", "2026-03-01T1:00", "2026-03", "now"])
def test_what_could_be_another_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"such as 2026-03-01T10:00Z"):
        Time().convert(text, None, None)


def test_a_span_is_a_number_and_a_unit() -> None:
    assert Span().convert("90s", None, None) == timedelta(seconds=90)
    for text in ("", "10", "m", "-1m", "1.5h", "10 m", "\u0661\u0660m", "12345d"):
        with pytest.raises(click.BadParameter, match="such as 10m"):
            Span().convert(text, None, None)
