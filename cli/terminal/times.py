"""Times and durations on the command line."""

import re
from datetime import timedelta

import click

from vectorcare_bridge import utc_timestamp

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Time(click.ParamType[str]):
    """An ISO 8601 time, read as a UTC timestamp; without an offset it is UTC."""

    name = "time"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> str:
        try:
            return utc_timestamp.parse(str(value))
        except ValueError:
            self.fail(
                "give an ISO 8601 time, such as 2026-03-01T10:00Z (UTC unless it says otherwise)", parameter, context
            )


class Span(click.ParamType[timedelta]):
    """A duration such as 90s, 10m, 2h or 1d."""

    name = "span"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([0-9]{1,4})([smhd])", str(value))
        if not found:
            self.fail("write a number and s, m, h or d, such as 10m", parameter, context)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


since_option = click.option("--since", type=Time(), metavar="TIME", help="Only what was received at or after it.")
until_option = click.option("--until", type=Time(), metavar="TIME", help="Only what was received before it.")
