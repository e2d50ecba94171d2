"""What was published, beside what should have been."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from verification.simulation.models import values
from verification.simulation.models.queue import QueuedMessage
from verification.simulation.models.values import Item
from verification.simulation.plan.content import MARKER
from verification.simulation.world.run_context import RunContext

_PUBLISHED = ("request_status", "action", "last_updated", "event_id", "data")
# Of 256 KiB for an event, 1 KiB is left for what comes around the detail.
_MAX_DETAIL_BYTES = 255 * 1024
_FITS_FOR_CERTAIN = 240 * 1024
_LEAST_REFUSALS = 2
_STATUSES = {"AVAILABLE": "Available", "ASSIGNED": "Assigned", "COMPLETED": "Completed", "UNAVAILABLE": "Unavailable"}


class Publication:
    """Notes each change and each event, and compares them in the end."""

    def __init__(self, context: RunContext) -> None:
        self._with_data = context.settings.publish_data
        self._violate = context.violate
        self._expected: dict[str, Any] = {}
        self._refusals: Counter[str] = Counter()
        self._published: set[str] = set()
        self._copies: Counter[str] = Counter()
        self._strays: Counter[str] = Counter()
        self._aside: set[str] = set()

    def changed(self, old: Item | None, new: Item) -> None:
        """Note a write to the state; one that changes nothing that is published is no event."""
        if old and all(old.get(name) == new.get(name) for name in _PUBLISHED):
            return
        self._expected[_name(*_event(old or {}, new))] = values.plain(new["data"]) if "data" in new else None

    def refused(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Note that a bus refused an event that it might take the next time."""
        self._refusals[_name(detail_type, detail)] += 1

    def published(self, _bus: str, detail_type: str, detail: dict[str, Any]) -> None:
        """Check an event that a bus took, its numbers read as Decimal."""
        bare = {name: value for name, value in detail.items() if name != "data"}
        if MARKER in _json(detail if not self._with_data else bare):
            self._violate("patient data was published", detail_type)
        name = _name(detail_type, detail)
        if name not in self._expected:
            self._violate("published, and never happened", name[:200])
        elif self._with_data:
            self._check_data(name, detail)
        self._published.add(name)

    def _check_data(self, name: str, detail: dict[str, Any]) -> None:
        data = self._expected[name]
        if "data" in detail and detail["data"] != data:
            self._violate("the data published is not the request's", name[:200])
        if "data" not in detail and name not in self._aside and len(_json(detail | {"data": data})) < _FITS_FOR_CERTAIN:
            self._violate("the data was not published", name[:200])

    def strays(self, body: str) -> None:
        """Note that an operator is about to put what is no event into the dead-letter queue."""
        self._strays[body] += 1

    def about(self, message: QueuedMessage) -> dict[str, str]:
        """Say why a message is in the dead-letter queue, and whose it is."""
        about = {"queue": "unpublished"}
        if message.body in self._strays:
            return about | {"reason": "unreadable", "service_request_id": ""}
        service_request_id = json.loads(message.body)["detail"]["service_request_id"]
        return about | {"reason": "not_taken", "service_request_id": service_request_id}

    def sent_to_dead_letters(self, message: QueuedMessage, *, could_ask_again: bool) -> None:
        """Check an event in the dead-letter queue: without patient data, nothing but what happened, and not too early.

        `could_ask_again`: the sender of it had the time to ask the bus again, and nothing but the bus in its way.
        """
        self._copies[message.body] += 1
        if message.body in self._strays:
            return
        if MARKER in message.body:
            self._violate("patient data was sent to the dead-letter queue", message.body[:60])
            return
        name = _name_of(message.body)
        self._aside.add(name)
        if name not in self._expected:
            self._violate("sent to the dead-letter queue, and never happened", message.body[:60])
        elif could_ask_again and self._refusals[name] < _LEAST_REFUSALS:
            self._violate("sent to the dead-letter queue though the bus was not asked again", message.body[:60])
        del self._refusals[name]

    def taken_away(self, message: QueuedMessage) -> None:
        """Check a dead letter that goes: the last of its copies may go only when a bus has the event."""
        self._copies[message.body] -= 1
        if self._copies[message.body]:
            return
        if message.body in self._strays:
            self._violate("what is no event was taken away", message.body[:60])
        elif _name_of(message.body) not in self._published:
            self._violate("no dead letter any more, and not published", message.body[:60])

    def check(self, dead_letters: Iterable[str]) -> None:
        """Check, after a last redrive, that every change was published, and that what is no event still waits."""
        waiting = set(dead_letters)
        for body in waiting - self._strays.keys():
            self._violate("still a dead letter after the last redrive", body[:60])
        for body in self._strays.keys() - waiting:
            self._violate("what is no event was taken away", body[:60])
        for name in self._expected.keys() - self._published:
            self._violate("a change was not published", name[:200])


def _event(old: Item, new: Item) -> tuple[str, dict[str, Any]]:
    status, previous = new["request_status"]["S"], old.get("request_status", {}).get("S")
    kind = _STATUSES.get(status, "Updated") if status != previous else "Updated"
    before, after = (values.plain(item["data"]) if "data" in item else None for item in (old, new))
    before, after = (data if isinstance(data, dict) else {} for data in (before, after))
    missing = object()
    event = {
        "schema_version": "1.0",
        "service_request_id": new["service_request_id"]["S"],
        "request_status": status,
        "previous_status": previous,
        "action": new.get("action", {}).get("S"),
        "last_updated": new["last_updated"]["S"],
        "event_id": new["event_id"]["S"],
        "revision": int(new["revision"]["N"]),
        "changed_fields": sorted(
            name for name in before.keys() | after.keys() if before.get(name, missing) != after.get(name, missing)
        ),
    }
    if len(json.dumps(event)) > _MAX_DETAIL_BYTES:
        event["changed_fields"] = None
    return f"ServiceRequest{kind}", event


def _name_of(body: str) -> str:
    event = json.loads(body)
    return _name(event["detail_type"], event["detail"])


def _name(detail_type: str, detail: dict[str, Any]) -> str:
    """Name an event by all but the request's data."""
    return f"{detail_type} {_json({name: value for name, value in detail.items() if name != 'data'})}"


def _json(detail: dict[str, Any]) -> str:
    return json.dumps(detail, sort_keys=True, default=lambda number: int(number) if number % 1 == 0 else str(number))
