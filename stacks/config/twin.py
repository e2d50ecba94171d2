"""The table ``[twin]`` of an organization's file: a second, complete stack in another region."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from stacks.config import parsers, places
from stacks.config.parsers import InvalidError

_MINUTES = {"minute": 1, "hour": 60, "day": 24 * 60}
# An alarm's period is a day at most; more often than a webhook's retries end would find nothing.
_OFTENEST, _RAREST = timedelta(minutes=15), timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Twin:
    """The other region's stack; ``organizations/example.toml`` describes the keys.

    Attributes
    ----------
    commands : str
        Whose commands go to VectorCare: ``primary`` or ``twin``.
    reconcile : timedelta | None
        How often each region fetches what it has missed; None is never.
    """

    region: str
    commands: str = "primary"
    reconcile: timedelta | None = None
    domain_name: str | None = None
    certificate_arn: str | None = None


def parse_twin(value: object) -> Twin:
    """Parse the table; InvalidError names all mistakes in it."""
    parsed, problems = parsers.table(value, _PARSERS)
    wrong = {where for where, _ in problems}
    if "region" not in parsed and ".region" not in wrong:
        problems.append((".region", "is missing; name the second stack's region, such as us-west-2"))
    if problems:
        raise InvalidError(problems=problems)
    return Twin(**parsed)


def _interval(value: object) -> timedelta | None:
    text = parsers.text(value)
    if text == "off":
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,3}) (minute|hour|day)s?", text)
    interval = timedelta(minutes=int(found[1]) * _MINUTES[found[2]]) if found else timedelta()
    if not _OFTENEST <= interval <= _RAREST:
        raise InvalidError("is not a time from 15 minutes to 1 day; write it as 1 hour, or off for no scheduled run")
    return interval


_PARSERS: Mapping[str, Callable[[object], Any]] = {
    "region": places.region,
    "commands": parsers.one_of("primary", "twin"),
    "reconcile": _interval,
    "domain_name": places.domain_name,
    "certificate_arn": places.certificate_arn,
}
