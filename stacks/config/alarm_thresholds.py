"""The table ``[alarms]`` of an organization's file: when a person is notified."""

import importlib.resources
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from functools import cache
from typing import Any

from stacks.config import parsers
from stacks.config.parsers import InvalidError

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


@dataclass(frozen=True, kw_only=True)
class BusyHours:
    """When webhooks are expected, in the organization's time zone."""

    start: time = time(9)
    end: time = time(17)

    @property
    def minutes(self) -> int:
        return _minutes(self.end) - _minutes(self.start)

    def after(self, minutes: int) -> time:
        """Return the time that is this many minutes after the start."""
        hour, minute = divmod(_minutes(self.start) + minutes, 60)
        return time(hour, minute)


@dataclass(frozen=True, kw_only=True)
class AlarmThresholds:
    """When alarms are raised; ``organizations/example.toml`` describes the keys."""

    freshness_seconds: int = 300
    waiting_messages: int = 50
    answer_milliseconds: int = 3000
    refused_webhooks: int = 1
    duplicates_per_hour: int = 100
    silence_minutes: int = 240
    busy_hours: BusyHours = BusyHours()
    busy_days: tuple[str, ...] = DAYS[:5]
    time_zone: str = "America/New_York"
    publishing_seconds: int = 300
    command_seconds: int = 300
    failed_commands_percent: int = 25


def parse_alarm_thresholds(value: object) -> AlarmThresholds:
    """Parse the table; InvalidError names all mistakes in it."""
    parsed, problems = parsers.table(value, _PARSERS)
    thresholds = AlarmThresholds(**parsed)
    wrong = {where for where, _ in problems}
    if thresholds.silence_minutes >= thresholds.busy_hours.minutes and not wrong & {".silence_minutes", ".busy_hours"}:
        minutes = thresholds.busy_hours.minutes
        what = f"is not less than the {minutes} minutes of busy_hours; lower it, or 0 for no alarm"
        problems.append((".silence_minutes", what))
    if problems:
        raise InvalidError(problems=problems)
    return thresholds


def _busy_hours(value: object) -> BusyHours:
    hour = r"([01][0-9]|2[0-3]):[0-5][0-9]"
    found = parsers.matching(f"{hour}-{hour}", "is not a span of hours; write it as 09:00-17:00")(value)
    start, end = (time.fromisoformat(each) for each in found.split("-"))
    if start >= end:
        raise InvalidError("ends before it starts; name hours of one day, such as 09:00-17:00")
    return BusyHours(start=start, end=end)


def _busy_days(value: object) -> tuple[str, ...]:
    days = parsers.list_of(parsers.one_of(*DAYS))(value)
    if not days:
        raise InvalidError("is empty; list days such as MON, or set silence_minutes to 0 for no alarm")
    return days


def _time_zone(value: object) -> str:
    name = parsers.text(value)
    if name not in time_zones():
        raise InvalidError("is not a time zone; write its IANA name, such as America/Chicago")
    return name


@cache
def time_zones() -> frozenset[str]:
    """Read IANA's names of time zones from the pinned release: a machine's own folder has other files too.

    Factory is excluded: it is the zone of a machine without a setting.
    """
    names = importlib.resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return frozenset(names) - {"Factory"}


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


_PARSERS: Mapping[str, Callable[[object], Any]] = {
    "freshness_seconds": parsers.whole_number(60, 86_400),
    "waiting_messages": parsers.whole_number(1, 100_000),
    # VectorCare waits 10 seconds for its answer.
    "answer_milliseconds": parsers.whole_number(500, 9_000),
    "refused_webhooks": parsers.whole_number(1, 10_000),
    "duplicates_per_hour": parsers.whole_number(1, 1_000_000),
    # An alarm looks back a day at most.
    "silence_minutes": parsers.whole_number(0, 1440),
    "busy_hours": _busy_hours,
    "busy_days": _busy_days,
    "time_zone": _time_zone,
    # The stream deletes changes after a day; a quarter of it remains to fix the cause.
    "publishing_seconds": parsers.whole_number(60, 64_800),
    # Positions expire after a quarter of an hour, nearly all else after half an hour.
    "command_seconds": parsers.whole_number(60, 1800),
    "failed_commands_percent": parsers.whole_number(1, 100),
}
