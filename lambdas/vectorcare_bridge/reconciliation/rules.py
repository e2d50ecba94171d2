"""Rules: whether a journal misses a webhook that the other region's journal has, and whether it may be carried over.

Both regions receive every webhook. An event is the same in both if its service request, its id and its bytes are.
When it was received may differ, and which of two contents of one id came first.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import envelope, signature
from vectorcare_bridge.webhooks.envelope import UNREADABLE
from vectorcare_bridge.webhooks.failure import PermanentError
from vectorcare_bridge.webhooks.signature import Key, SignatureRefusedError

MINIMUM_AGE_MINUTES = 15
"""A webhook that was received later may still be on its way in the other region: VectorCare tries for 72 seconds."""

EXPIRY_MARGIN_DAYS = 1
"""The regions received a webhook at different times, and each deletes by its own."""

MOST_WAITING = 1000
"""To a queue with more messages nothing is carried over: they may be what is missing, and new ones come first."""

Item = Mapping[str, Any]
"""An entry of a journal."""

Place = tuple[str, str]
"""A service request's id, and an event's."""


class Verdict(StrEnum):
    """What a journal has of a webhook that the other region's journal has."""

    HELD = "held"
    OTHER_FIRST = "other_first"
    """It has the bytes too; but of two contents of this event id, the other one came first there, and counts."""
    REFUSED = "refused"
    """It could not be applied there, and is a dead letter or was one."""
    MISSING = "missing"
    UNPROVEN = "unproven"
    """It is missing, but no key verifies its signature, its bytes are another event's, or it is no entry at all: it is
    not carried over."""


def is_comparable(entry: Item, *, retention_days: int, now: UtcTimestamp) -> bool:
    """Whether the other journal must have an entry by now: it is neither on its way, nor expired.

    `retention_days` are those of the journal that is asked for it.
    """
    try:
        received_at, expires_at = utc_timestamp.parse(entry["received_at"]), int(entry["expires_at"])
    except (KeyError, TypeError, ValueError):
        return True  # nobody but a person has written it, and it is judged by its bytes
    if received_at > utc_timestamp.later(now, minutes=-MINIMUM_AGE_MINUTES):
        return False
    soon = utc_timestamp.later(now, days=EXPIRY_MARGIN_DAYS)
    is_expired_there = received_at <= utc_timestamp.later(soon, days=-retention_days)
    return expires_at > utc_timestamp.epoch_seconds(soon) and not is_expired_there


def is_same_at_a_glance(entry: Item, other: Item | None) -> bool:
    """Whether two entries with one key surely have the same bytes, without a look at them.

    A key of VectorCare's makes one signature of the same bytes, and another one of others.
    """
    signed = entry.get("signature")
    return other is not None and bool(signed) and signed == other.get("signature")


def place_of(entry: Item) -> Place:
    """Name the event that an entry's bytes belong to: for an unreadable one, that which it would be now."""
    if _is_unreadable(entry):
        return _read_place(entry["body"]) or (UNREADABLE, entry["event_id"])
    return entry["service_request_id"], entry.get("redelivery_of", entry["event_id"])


def judge(entry: Item, others: Collection[Item], keys: Sequence[Key]) -> Verdict:
    """Judge what the other journal has of an entry.

    Parameters
    ----------
    entry, others : Item
        With all attributes. `others` are the other journal's entries of the same service request, and the unreadable
        one of the same bytes.
    keys : sequence of Key
        VectorCare's public keys, one of which must have signed what is carried over.
    """
    if not is_entry(entry):
        return Verdict.UNPROVEN
    place = place_of(entry)
    same = [other for other in others if other.get("body") == entry["body"]]
    applied = [other for other in same if not _is_unreadable(other) and place_of(other) == place]
    if applied:
        is_first = not _is_unreadable(entry) and "redelivery_of" not in entry
        is_first_there = any("redelivery_of" not in other for other in applied)
        return Verdict.OTHER_FIRST if is_first and not is_first_there else Verdict.HELD
    if any(map(_is_unreadable, same)):
        return Verdict.HELD if _is_unreadable(entry) else Verdict.REFUSED
    return Verdict.MISSING if _is_proven(entry, place, keys) else Verdict.UNPROVEN


def is_entry(entry: Item) -> bool:
    """Whether the processor may have written it."""
    kinds = {"body": bytes, "signature": str, "received_at": str}
    return all(isinstance(entry.get(name), kind) for name, kind in kinds.items())


def _is_proven(entry: Item, place: Place, keys: Sequence[Key]) -> bool:
    try:
        signature.verify(entry["body"], entry["signature"], keys)
    except SignatureRefusedError:
        return False
    # What is unreadable by today's rules is carried over too: it was signed, so it is kept.
    return _read_place(entry["body"]) in {None, place}


def _read_place(body: bytes) -> Place | None:
    try:
        event = envelope.read(body)
    except PermanentError:
        return None
    return event.service_request_id, event.event_id


def _is_unreadable(entry: Item) -> bool:
    return bool(entry["service_request_id"] == UNREADABLE)
