"""Rule: what a replay of one service request does to its state."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from vectorcare_bridge.edge.dynamodb_item import Item
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import fold
from vectorcare_bridge.webhooks.failure import PermanentError
from vectorcare_bridge.webhooks.fold import Received, Rule
from vectorcare_bridge.webhooks.journal import read_entry
from vectorcare_bridge.webhooks.state import first_revision

_STATUS_REGISTER = ("last_updated", "event_id", "request_status", "action", "received_at", "expires_at")
_DATA_REGISTER = ("data", "data_as_of", "data_event_id")
_REGISTERS = _STATUS_REGISTER + _DATA_REGISTER


class ReplayOutcome(StrEnum):
    """How a replay ends."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    EXPIRED = "expired"
    """There is no state, as it should be: closed and past its retention, or no event came within it."""
    REFUSED = "refused"
    """The journal does not hold what the state names, or cannot be read; a person decides."""
    UNKNOWN = "unknown"
    """Neither journal nor state knows the service request."""
    FAILED = "failed"
    """DynamoDB refused the write, or webhooks changed the state in every attempt."""


class Absent(StrEnum):
    """The value of a missing field."""

    ABSENT = "(absent)"


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One field of the state; `field` is a path such as `data.pickup_location.city`, the values are PHI."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do for one service request."""

    service_request_id: str
    outcome: ReplayOutcome
    why: str = ""  # for a person, if it is REFUSED or FAILED; without PHI
    changes: tuple[PlannedChange, ...] = ()
    item: Item | None = None  # the whole item to put, if it is CHANGED
    existed: bool = False
    revision: Any = None  # the state's, which is the condition of the write


class _UntrustworthyError(Exception):
    """The state cannot be rebuilt from the journal. The text says why, without PHI."""


def plan(
    service_request_id: str, state: Item | None, journal: Sequence[Item], *, rule: Rule, now: UtcTimestamp
) -> Plan:
    """Fold a journal by the processor's rule, and compare the result with the state.

    The state must have been read *before* the journal, so that the journal holds every event that the state names.
    """
    if not journal and state is None:
        return Plan(service_request_id, ReplayOutcome.UNKNOWN)
    try:
        folded = _fold(journal, state, rule)
    except _UntrustworthyError as error:
        return Plan(service_request_id, ReplayOutcome.REFUSED, why=str(error))
    if folded is None or (state is None and fold.is_over(folded, rule, now=now)):
        return Plan(service_request_id, ReplayOutcome.EXPIRED)
    wanted = registers(folded, rule=rule)
    held = {name: state[name] for name in _REGISTERS if name in state} if state else {}
    changes = tuple(differences(held, wanted))
    if not changes:
        return Plan(service_request_id, ReplayOutcome.UNCHANGED)
    return Plan(
        service_request_id,
        ReplayOutcome.CHANGED,
        changes=changes,
        item=_whole(service_request_id, state or {}, wanted, now=now),
        existed=state is not None,
        revision=(state or {}).get("revision"),
    )


def registers(folded: fold.Fold, *, rule: Rule) -> dict[str, Any]:
    """Write a fold as the state's two registers, as the processor would have written them."""
    status = fold.status_register(folded.newest, retention_days=rule.retention_days)
    data = fold.data_register(folded.newest_data) if folded.newest_data else {}
    return {name: value for name, value in (status | data).items() if value is not None}


def differences(before: Any, after: Any, path: str = "") -> Iterator[PlannedChange]:
    """Name the fields that differ between two values. Lists are compared as a whole."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from differences(
                before.get(name, Absent.ABSENT), after.get(name, Absent.ABSENT), f"{path}.{name}" if path else name
            )
    elif not _same(before, after):
        yield PlannedChange(path, before, after)


def _same(left: Any, right: Any) -> bool:
    # In Python True == 1 == Decimal(1); in the state they differ.
    if isinstance(left, bool | Absent) or isinstance(right, bool | Absent):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


def _fold(journal: Sequence[Item], state: Item | None, rule: Rule) -> fold.Fold | None:
    received = list(_first_seen(journal))
    shorter = _is_shorter({one.event.event_id for one in received}, state or {})
    if shorter:
        raise _UntrustworthyError(shorter)
    folded = fold.fold(received, rule)
    if state is not None and folded is None:
        raise _UntrustworthyError(
            "there is a state, but every event was past its retention when it was received. "
            "Look at it with ./bridge show; if it is wrong, delete the item"
        )
    return folded


def _first_seen(journal: Sequence[Item]) -> Iterator[Received]:
    """Read the entries that take part in the fold: each event as first received."""
    for entry in journal:
        if "redelivery_of" in entry:
            continue
        key = entry["event_id"]
        try:
            received = read_entry(entry)
        except PermanentError as error:
            raise _UntrustworthyError(f"the journal's entry {key} cannot be read: {error.reason}") from None
        if (received.event.service_request_id, received.event.event_id) != (entry["service_request_id"], key):
            raise _UntrustworthyError(f"the body of the journal's entry {key} is another event's")
        yield received


def _is_shorter(known: Set[str], state: Item) -> str:
    """Say which event the state names and the journal does not hold: a replay would lose it."""
    named = [str(state[name]) for name in ("event_id", "data_event_id") if name in state]
    missing = sorted({name for name in named if name not in known})
    if known and not missing:
        return ""
    lost = " and no entry ".join(missing) if missing else "of this service request"
    return (
        f"the journal is shorter than the state: it has no entry {lost}. Restore the journal first (./bridge restore). "
        "If the journal is right, delete the item, and replay again"
    )


def _whole(service_request_id: str, state: Item, wanted: Item, *, now: UtcTimestamp) -> Item:
    """Make the item to put. Attributes of others stay."""
    foreign = {name: value for name, value in state.items() if name not in _REGISTERS}
    revision = state.get("revision")
    count = int(revision) if isinstance(revision, Decimal) else first_revision(now)
    return {**foreign, **wanted, "service_request_id": service_request_id, "updated_at": now, "revision": count + 1}
