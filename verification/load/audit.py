"""Everything that was sent, against everything that the local environment holds."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from local.environment import LocalEnvironment
from vectorcare_bridge.edge.dynamodb_item import Item
from verification.load import plan
from verification.load.clients import Sent
from verification.load.plan import LoadEvent

Key = tuple[str, str]


@dataclass(frozen=True)
class Audit:
    """What does not add up: ids of events and service requests, and messages left; all empty if all is well."""

    lost: tuple[str, ...]
    """Accepted, and not in the journal byte for byte with its signature."""
    doubled: tuple[str, ...]
    """In the journal more than once."""
    stale: tuple[str, ...]
    """Service requests with a register that is not the newest event's, or has other content."""
    unknown: tuple[str, ...]
    """Journal entries that were never sent."""
    journaled: int
    dead: int
    waiting: int
    spooled: int

    @property
    def adds_up(self) -> bool:
        wrong = (self.lost, self.doubled, self.stale, self.unknown)
        return not any(wrong) and not (self.dead or self.waiting or self.spooled)


def journal_keys(local: LocalEnvironment) -> frozenset[Key]:
    """Read the keys of all entries in the journal."""
    return frozenset(_key(entry) for entry in local.stack.everything("EventsTable"))


def take(
    local: LocalEnvironment, events: Collection[LoadEvent], sent: Sent, *, earlier: frozenset[Key], dead_before: int
) -> Audit:
    """Compare what was sent with what is held, once all has come to rest.

    `earlier` and `dead_before` are the journal's keys and the count of dead letters before the run.
    """
    entries = [entry for entry in local.stack.everything("EventsTable") if _key(entry) not in earlier]
    by_body = {event.body: event for event in events}
    times = Counter(entry["body"] for entry in entries)
    states = {item["service_request_id"]: item for item in local.stack.everything("ServiceRequestsTable")}
    return Audit(
        lost=_lost(events, sent, {_key(entry): entry for entry in entries}),
        doubled=tuple(by_body[body].event_id for body, count in times.items() if count > 1 and body in by_body),
        stale=_stale([by_body[body] for body in times if body in by_body], states),
        unknown=tuple("/".join(_key(entry)) for entry in entries if entry["body"] not in by_body),
        journaled=len(entries),
        dead=local.stack.dead() - dead_before,
        waiting=local.stack.waiting(),
        spooled=local.stack.spooled(),
    )


def _lost(events: Collection[LoadEvent], sent: Sent, entries: Mapping[Key, Item]) -> tuple[str, ...]:
    accepted = {event.event_id: event for event in events if event.event_id in sent.accepted_at}
    return tuple(
        event.event_id
        for event in accepted.values()
        if (entry := entries.get((event.service_request_id, event.event_id))) is None
        or (entry["body"], entry["signature"]) != (event.body, event.signature)
    )


def _stale(journaled: Sequence[LoadEvent], states: Mapping[str, Item]) -> tuple[str, ...]:
    """Name the service requests whose state is not what their journaled events say."""
    histories = defaultdict(list)
    for event in journaled:
        histories[event.service_request_id].append(event)
    return tuple(name for name, history in histories.items() if not _is_newest(states.get(name), history))


def _is_newest(item: Item | None, history: Sequence[LoadEvent]) -> bool:
    if item is None:
        return False
    newest, with_data = plan.newest(history)
    status = (item["event_id"], item["request_status"], item["action"])
    if status != (newest.event_id, newest.webhook.request_status, newest.webhook.action):
        return False
    if with_data is None:
        return "data" not in item
    return (item.get("data_event_id"), item.get("data")) == (with_data.event_id, with_data.data())


def _key(entry: Item) -> Key:
    return entry["service_request_id"], entry["event_id"]
