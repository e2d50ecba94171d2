"""The time zone of this machine."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stacks.config.alarm_thresholds import time_zones

# Servers have one of these wherever their people are.
_NOBODYS = {"GMT", "GMT+0", "GMT-0", "GMT0", "Greenwich", "UCT", "UTC", "Universal", "Zulu"}


def of_this_machine(etc: Path = Path("/etc")) -> str | None:
    """Give the IANA name of the time zone in which this machine's people are; None if it cannot be known."""
    names = (name for name in _named(etc) if name in time_zones())
    return next((name for name in names if name.removeprefix("Etc/") not in _NOBODYS), None)


def _named(etc: Path) -> Iterator[str]:
    yield os.environ.get("TZ", "").removeprefix(":")
    with suppress(OSError, ValueError):
        yield (etc / "timezone").read_text(encoding="utf-8").strip()
    with suppress(OSError):
        # Most systems link it to a file of the zone's name.
        yield str((etc / "localtime").readlink()).rpartition("zoneinfo/")[2]
