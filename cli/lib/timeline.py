"""Rule: the outcome of each webhook of a service request, computed from the journal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from cli.lib.replay_plan import Absent, PlannedChange, differences
from vectorcare_bridge.edge.dynamodb_item import Item
from vectorcare_bridge.webhooks import fold
from vectorcare_bridge.webhooks.envelope import Event
from vectorcare_bridge.webhooks.failure import PermanentError
from vectorcare_bridge.webhooks.fold import Received, Rule
from vectorcare_bridge.webhooks.journal import read_entry


class StepOutcome(StrEnum):
    """How a webhook ended."""

    APPLIED = "applied"
    STALE = "stale"
    EXPIRED = "expired"
    DUPLICATE = "duplicate"
    UNREADABLE = "unreadable"


class Register(StrEnum):
    """The two parts of the state. Each holds the newest event that has that part."""

    STATUS = "status"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Step:
    """One webhook, as it takes part in the fold; `event` is None if it cannot be read."""

    received_at: str
    event_id: str  # its key in the journal
    outcome: StepOutcome
    event: Event | None = None
    registers: tuple[Register, ...] = ()  # the parts of the state that it changed
    older_than: str | None = None  # of a stale one: the newer event that was received earlier
    duplicate_of: str | None = None  # the event of the same id, if it came again with other bytes
    reason: str | None = None  # why it cannot be read or applied
    changes: tuple[PlannedChange, ...] | None = None  # against the data of the event before it in time; PHI


def timeline(journal: Sequence[Item], unreadable: Sequence[Item], *, rule: Rule) -> list[Step]:
    """Compute how the webhooks of one service request ended, by the processor's own rule.

    They come in the order of receipt. The processor may have applied them in another order.
    """
    steps = [_unreadable(entry) for entry in unreadable]
    taking_part: list[Received] = []
    for entry in journal:
        try:
            received = read_entry(entry)
        except PermanentError as error:
            steps.append(_unreadable(entry, error.reason))
            continue
        if "redelivery_of" in entry:
            steps.append(_duplicate(entry, received.event))
        else:
            taking_part.append(received)
    steps += _folded(sorted(taking_part, key=lambda one: (one.received_at, one.event.event_id)), rule)
    return sorted(steps, key=lambda step: (step.received_at, step.event_id))


def _unreadable(entry: Item, reason: str | None = None) -> Step:
    return Step(entry["received_at"], entry["event_id"], StepOutcome.UNREADABLE, reason=reason or entry.get("reason"))


def _duplicate(entry: Item, event: Event) -> Step:
    return Step(
        entry["received_at"], entry["event_id"], StepOutcome.DUPLICATE, event=event, duplicate_of=entry["redelivery_of"]
    )


def _folded(received: Sequence[Received], rule: Rule) -> list[Step]:
    changes = _changes([one.event for one in received], rule)
    folded = fold.fold(received, rule)
    newest: dict[Register, Event] = {}
    steps = []
    for one in received:
        event = one.event
        is_late = folded is None or not folded.counts(event)
        moved = () if is_late else _moves(event, newest, rule)
        newest |= dict.fromkeys(moved, event)
        is_stale = not moved and not is_late
        steps.append(
            Step(
                one.received_at,
                event.event_id,
                StepOutcome.EXPIRED if is_late else StepOutcome.STALE if is_stale else StepOutcome.APPLIED,
                event=event,
                registers=moved,
                older_than=newest[Register.STATUS].event_id if is_stale else None,
                changes=changes.get(event.event_id),
            )
        )
    return steps


def _moves(event: Event, newest: Mapping[Register, Event], rule: Rule) -> tuple[Register, ...]:
    offered = [Register.STATUS] + ([Register.DATA] if event.carries_data else [])
    return tuple(
        register
        for register in offered
        if register not in newest or fold.rank(event, rule.order_by) > fold.rank(newest[register], rule.order_by)
    )


def _changes(events: Sequence[Event], rule: Rule) -> dict[str, tuple[PlannedChange, ...]]:
    with_data = sorted(
        (event for event in events if event.carries_data), key=lambda event: fold.rank(event, rule.order_by)
    )
    return {after.event_id: tuple(differences(before.data, after.data)) for before, after in pairwise(with_data)}


def summary(step: Step, *, phi: bool) -> dict[str, Any]:
    """Write a step for `--json`, with values of data only if `phi` is set."""
    event = step.event
    return {
        "received_at": step.received_at,
        "happened_at": event.last_updated if event else None,
        "event_id": step.event_id,
        "action": event.action if event else None,
        "request_status": event.request_status if event else None,
        "outcome": step.outcome,
        "registers": list(step.registers),
        "older_than": step.older_than,
        "duplicate_of": step.duplicate_of,
        "reason": step.reason,
        "changes": None if step.changes is None else [_change(change, phi=phi) for change in step.changes],
    }


def _change(change: PlannedChange, *, phi: bool) -> dict[str, Any]:
    values = {"before": change.before, "after": change.after} if phi else {}
    return {"field": change.field} | {name: value for name, value in values.items() if value is not Absent.ABSENT}
