"""What one event on the bus can carry."""

from collections.abc import Mapping
from typing import Any

from vectorcare_bridge.edge import exact_json

MAX_DETAIL_BYTES = 255 * 1024
"""Of a detail as JSON. EventBridge takes 256 KiB with its own envelope around the detail; SQS takes more."""


def fits(detail: Mapping[str, Any]) -> bool:
    """Say whether one event can carry a detail."""
    return len(exact_json.for_bus(detail)) <= MAX_DETAIL_BYTES


def fit(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Cut a change down to what an event can carry: `changed_fields` becomes null if the names are too long.

    Raises
    ------
    ValueError
        If it does not fit even then. No event that `envelope.read` accepts is that large.
    """
    for candidate in (dict(detail), {**detail, "changed_fields": None}):
        if fits(candidate):
            return candidate
    raise ValueError("too large for an event")
