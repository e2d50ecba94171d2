"""Everything that was sent, against everything that the stand holds."""

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
class Account:
    """What does not add up; event ids and service request ids, all empty where nothing is wrong.

    Attributes
    ----------
    lost : tuple of str
        Accepted, and not in the journal byte for byte with its signature.
    doubled : tuple of str
        In the journal more than once.
    stale : tuple of str
        Service requests one of whose registers is not the newest event's, or not with its content.
    unknown : tuple of str
        Journal entries that nobody sent.
    journaled : int
        Entries of the run.
    kept_unanswered : int
        Events in the journal though none of their sendings was answered 2xx: the answer was lost, not the webhook.
    dead, waiting, spooled : int
        What is left where nothing should be.
    """

    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    stale: tuple[str, ...]
    unknown: tuple[str, ...]
    journaled: int
    kept_unanswered: int
    dead: int
    waiting: int
    spooled: int

    @property
    def adds_up(self) -> bool:
        """Whether nothing is wrong."""
        wrong = (self.lost, self.doubled, self.stale, self.unknown)
        return not any(wrong) and not (self.dead or self.waiting or self.spooled)


def journal_keys(stand: LocalEnvironment) -> frozenset[Key]:
    """Return the keys of all entries that a stand's journal has."""
    return frozenset(_key(entry) for entry in stand.stack.everything("EventsTable"))


def take(
    stand: LocalEnvironment, events: Collection[LoadEvent], sent: Sent, *, earlier: frozenset[Key], dead_before: int
) -> Account:
    """Compare what was sent with what the stand holds, once it has come to rest.

    Parameters
    ----------
    stand : LocalEnvironment
        To be audited.
    events : collection of Event
        All that was to be sent.
    sent : Sent
        What the clients were answered.
    earlier, dead_before : frozenset of Key, int
        The journal's keys and the count of dead letters before the run.
    """
    entries = [entry for entry in stand.stack.everything("EventsTable") if _key(entry) not in earlier]
    by_body = {event.body: event for event in events}
    times = Counter(entry["body"] for entry in entries)
    journaled = [by_body[body] for body in times if body in by_body]
    return Account(
        lost=_lost(events, sent, {_key(entry): entry for entry in entries}),
        doubled=tuple(by_body[body].event_id for body, count in times.items() if count > 1 and body in by_body),
        stale=_stale(journaled, {item["service_request_id"]: item for item in _states(stand)}),
        unknown=tuple("/".join(_key(entry)) for entry in entries if entry["body"] not in by_body),
        journaled=len(entries),
        kept_unanswered=sum(event.event_id not in sent.accepted_at for event in journaled),
        dead=stand.stack.dead() - dead_before,
        waiting=stand.stack.waiting(),
        spooled=stand.stack.spooled(),
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
    """Name the service requests whose state is not what their journaled events say, computed here anew."""
    histories = defaultdict(list)
    for event in journaled:
        histories[event.service_request_id].append(event)
    return tuple(name for name, history in histories.items() if not _is_newest(states.get(name), history))


def _is_newest(item: Item | None, history: Sequence[LoadEvent]) -> bool:
    if item is None:
        return False
    newest, with_data = plan.newest(history)
    status = (item["event_id"], item["request_status"], item["action"])
    if status != (newest.event_id, newest.request_status, newest.action):
        return False
    if with_data is None:
        return "data" not in item
    return (item.get("data_event_id"), item.get("data")) == (with_data.event_id, with_data.data())


def _states(stand: LocalEnvironment) -> list[Item]:
    return list(stand.stack.everything("ServiceRequestsTable"))


def _key(entry: Item) -> Key:
    return entry["service_request_id"], entry["event_id"]
