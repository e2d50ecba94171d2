"""A release: all that the functions of one deployment run, and how a function's description names it."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

ALIAS = "live"
"""The alias of every function that everything calls: a deployment moves it to the new version."""

UPSTREAM_FIRST = ("reconcile", "redrive", "drain", "ingest", "processor", "publisher", "reader", "sender")
"""The functions by what they hand on: each before those that read what it writes."""

_LENGTH = 10
_NAMED = re.compile(rf"Version (\S+), release ([0-9a-f]{{{_LENGTH}}})\.$")


def digest(configuration: Mapping[str, Any]) -> str:
    """Make the id of a release from all that its functions run; the same on every machine."""
    return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()[:_LENGTH]


def describe(purpose: str, *, version: str, release: str) -> str:
    """Write a function's description: one sentence for people, the project's version and the release."""
    return f"{purpose} Version {version}, release {release}."


def named(description: str) -> tuple[str, str] | None:
    """Read version and release from a function's description; None if a deployment before the first release wrote it.

    >>> named("Reads. Version 1.0.0, release 0123456789.")
    ('1.0.0', '0123456789')
    """
    found = _NAMED.search(description)
    return (found[1], found[2]) if found else None
