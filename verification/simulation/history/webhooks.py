"""Where every webhook is at every moment; the rules that hold at all times are checked as it happens."""

import base64
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from verification.simulation.models import values
from verification.simulation.models.queue import QueuedMessage
from verification.simulation.models.values import Item
from verification.simulation.plan.content import Content, ContentKind
from verification.simulation.world.run_context import RunContext
from verification.simulation.world.scheduler import START_EPOCH_SECONDS, seconds_of, timestamp_at

UNREADABLE = "unreadable"
DEAD_LETTERS = "dead letters"
STANDARD_VISIBILITY_TIMEOUT = 360
CLOSED = ("COMPLETED", "UNAVAILABLE")
FUTURE_TOLERANCE_SECONDS = 900.0
_DAY = 86_400.0
_CLOCK_MARGIN_SECONDS = 900.0
_EXPIRY_MARGIN_SECONDS = 3600.0
# Expiry may be rounded, and may be put off a little to be on the safe side of clocks that differ.
_EARLIEST_EXPIRY, _LATEST_EXPIRY = -1.0, 3 * _DAY


Rank = tuple[str, str]
"""Of an event: the greater is the newer."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A journal entry's webhook, and when it was received by the entry's own word (UTC timestamp)."""

    content: Content
    received_at: str


class WebhookHistory:
    """Counts copies, and checks every write."""

    def __init__(self, context: RunContext) -> None:
        self.contents: dict[bytes, Content] = {}
        self.signatures: dict[bytes, set[str]] = {}
        self.accepted: dict[bytes, set[str]] = {}
        self.journaled: dict[bytes, list[tuple[str, ...]]] = {}
        self.reasons: dict[bytes, str] = {}
        self.first_entries: dict[tuple[str, ...], Entered] = {}
        self.expired: dict[str, Rank] = {}
        self.damaged: set[str] = set()
        self.answers: Counter[int] = Counter()
        self.violate = context.violate
        self._context = context
        self._settings = context.settings
        self._copies: Counter[bytes] = Counter()
        self._revisions: dict[str, int] = {}

    def sends(self, content: Content, signature: str) -> None:
        self.contents.setdefault(content.body, content)
        self.signatures.setdefault(content.body, set()).add(signature)

    def kept(self, content: Content, signature: str) -> None:
        """Check, as ingest answers 2xx, that the webhook may be in and is in."""
        if content.kind is ContentKind.FORBIDDEN:
            self.violate("forged or another customer's, and accepted", _name(content))
        self.accepted.setdefault(content.body, set()).add(signature)
        if not self._copies[content.body] and content.body not in self.journaled:
            self.violate("answered 2xx before it was kept", _name(content))

    def about(self, message: QueuedMessage) -> dict[str, str]:
        """Name what a redrive may ask for to get a dead letter; its reason is the one in the journal, and stays."""
        reason = self.reasons.get(body_of(message))
        return {"queue": "inbound"} | ({"reason": reason} if reason else {})

    def comes(self, place: str, body: bytes) -> None:
        """Count one copy more in a queue or the spool."""
        content = self.contents.get(body)
        if content is None or content.kind is ContentKind.FORBIDDEN:
            self.violate("a forbidden webhook was kept", f"{place}: {body[:80]!r}")
        elif place == DEAD_LETTERS and self._should_live(content):
            self.violate("a webhook died that nothing is wrong with", _name(content))
        self._copies[body] += 1

    def goes(self, place: str, body: bytes) -> None:
        """Count one copy less; the last one may go only when the journal has the webhook."""
        self._copies[body] -= 1
        if not self._copies[body] and body not in self.journaled:
            self.violate("lost", f"{place} let go of the only copy of {_name(self.contents.get(body))}")

    def _should_live(self, content: Content) -> bool:
        """Whether nothing explains a death: outages and faults of calls alone must not kill."""
        is_unreadable = any(key[0] == UNREADABLE for key in self.journaled.get(content.body, ()))
        return not is_unreadable and self._settings.visibility_timeout >= STANDARD_VISIBILITY_TIMEOUT

    def journal_written(self, key: tuple[str, ...], old: Item | None, new: Item) -> None:
        if old is not None:
            self.violate("a journal entry was changed", str(key))
        body = new["body"]["B"]
        content = self.contents.get(body)
        if content is None or content.kind is ContentKind.FORBIDDEN:
            self.violate("a forbidden webhook was journaled", str(key))
            return
        if new["signature"]["S"] not in self.signatures[body]:
            self.violate("journaled without its signature", str(key))
        self.journaled.setdefault(body, []).append(key)
        if key[0] == UNREADABLE:
            self._check_unreadable(content, key, new)
        elif content.kind is ContentKind.UNREADABLE or key[0] != content.service_request_id:
            self.violate("journaled under a wrong key", str(key))
        elif "redelivery_of" not in new:
            self._check_first(content, key, new)
        elif key[1] != f"{content.event_id}#{content.digest}" or (*key[:1], content.event_id) not in self.first_entries:
            self.violate("journaled under a wrong key", str(key))

    def _check_unreadable(self, content: Content, key: tuple[str, ...], new: Item) -> None:
        reason = content.reason
        if content.kind is ContentKind.EVENT:
            reason = "timestamp_in_future"
            if content.last_updated <= timestamp_at(self._context.now + FUTURE_TOLERANCE_SECONDS - self._settings.skew):
                self.violate("readable, and journaled as unreadable", str(key))
        self.reasons[content.body] = new["reason"]["S"]
        if key[1] != content.digest or new.get("reason") != {"S": reason}:
            self.violate("unreadable, under a wrong key or for a wrong reason", f"{key} {new.get('reason')} {reason}")

    def _check_first(self, content: Content, key: tuple[str, ...], new: Item) -> None:
        if key[1] != content.event_id or new["last_updated"]["S"] != content.last_updated:
            self.violate("journaled under a wrong key or time", f"{key} {new['last_updated']} {content.last_updated}")
        if content.last_updated > timestamp_at(self._context.now + FUTURE_TOLERANCE_SECONDS + self._settings.skew):
            self.violate("dated in the future, and applied", str(key))
        self.first_entries[key] = Entered(content, new["received_at"]["S"])

    def state_written(self, key: tuple[str, ...], old: Item | None, new: Item) -> None:
        """Check a write to the state: forward only, and only what the journal has."""
        [service_request_id] = key
        if "last_updated" not in new:
            self.violate("a stub", service_request_id)
            return
        status, data = self.registers(new)
        old_status, old_data = self.registers(old) if old else (None, None)
        if old_status and (status < old_status or (old_data and (data is None or data < old_data))):
            self.violate(
                "the state went back in time", f"{service_request_id}: {old_status} {old_data} {status} {data}"
            )
        if (old_status, old_data) == (status, data):
            self.violate("a write moved neither register", f"{service_request_id}: {status} {data}")
        self._check_revision(service_request_id, old, new)
        if status != old_status:
            self._check_status(service_request_id, new)
        if data != old_data and data is not None:
            self._check_data(service_request_id, new)
        if old is None:
            self._check_creation(service_request_id, new, status)

    def _check_revision(self, service_request_id: str, old: Item | None, new: Item) -> None:
        revision = int(new["revision"]["N"])
        if revision <= self._revisions.get(service_request_id, 0):
            self.violate("the revision goes back", service_request_id)
        if old and revision != int(old["revision"]["N"]) + 1:
            self.violate("the revision does not count the writes", service_request_id)
        self._revisions[service_request_id] = revision

    def registers(self, item: Item) -> tuple[Rank, Rank | None]:
        """Read which events an item's two registers hold."""
        order_by = self._settings.order_by
        status = rank(item["last_updated"]["S"], item["event_id"]["S"], order_by)
        if "data_as_of" not in item:
            return status, None
        return status, rank(item["data_as_of"]["S"], item["data_event_id"]["S"], order_by)

    def _check_status(self, service_request_id: str, new: Item) -> None:
        entered = self.first_entries.get((service_request_id, new["event_id"]["S"]))
        if entered is None:
            self.violate("in the state before it was in the journal", service_request_id)
            return
        content = entered.content
        held = (new["last_updated"]["S"], new["request_status"]["S"], new.get("action", {}).get("S"))
        if held != (content.last_updated, content.request_status, content.action):
            self.violate("the state is not what the journal says", f"{service_request_id}: {held}")
        expires = new.get("expires_at")
        if (content.request_status in CLOSED) != (expires is not None):
            self.violate("a closed request does not expire, or an open one does", service_request_id)
        elif expires is not None:
            due = seconds_of(content.last_updated) + self._settings.retention_days * _DAY
            late = float(expires["N"]) - START_EPOCH_SECONDS - due
            if not _EARLIEST_EXPIRY <= late <= _LATEST_EXPIRY:
                self.violate("expires at a wrong time", f"{service_request_id}: {late} s late")

    def _check_data(self, service_request_id: str, new: Item) -> None:
        entered = self.first_entries.get((service_request_id, new["data_event_id"]["S"]))
        if entered is None:
            self.violate("data in the state before it was in the journal", service_request_id)
        elif (new["data_as_of"]["S"], values.plain(new["data"])) != (
            entered.content.last_updated,
            entered.content.data,
        ):
            self.violate("the state's data is not what the journal says", service_request_id)

    def _check_creation(self, service_request_id: str, new: Item, status: Rank) -> None:
        expired = self.expired.get(service_request_id)
        if expired and status <= expired:
            self.violate("a closed and expired request came back", f"{service_request_id}: {status}")
        if new["last_updated"]["S"] < self.began(service_request_id):
            self.violate("an event older than the retention made an item", f"{service_request_id}: {status}")

    def began(self, service_request_id: str) -> str:
        """Say when a request began: with its first event that was younger than the retention when it was received.

        The end of time if there is none; the retention is less a margin for clocks.
        """
        age = self._settings.retention_days * _DAY - _CLOCK_MARGIN_SECONDS
        entries = [one for key, one in self.first_entries.items() if key[0] == service_request_id]
        return min(
            (
                one.content.last_updated
                for one in entries
                if one.content.last_updated >= timestamp_at(seconds_of(one.received_at) - age)
            ),
            default="9999",
        )

    def is_over(self, content: Content, now: float) -> bool:
        """Say whether a request that this is the newest event of may have expired by now, however the clocks are."""
        ends = seconds_of(content.last_updated) + self._settings.retention_days * _DAY
        return content.request_status in CLOSED and ends <= now + _EXPIRY_MARGIN_SECONDS

    def item_expired(self, service_request_id: str, item: Item) -> None:
        self.expired[service_request_id], _data = self.registers(item)


def body_of(message: QueuedMessage) -> bytes:
    """Read the webhook's bytes out of a message."""
    if "encoding" in message.attributes:
        return base64.b64decode(message.body)
    return message.body.encode()


def _name(content: Content | None) -> str:
    if content is None:
        return "something that was never sent"
    return f"{content.kind.name} {content.service_request_id} {content.event_id} {content.reason} {content.body[:60]!r}"


def rank(last_updated: str, event_id: str, order_by: str) -> Rank:
    """Rank an event."""
    return (last_updated, event_id) if order_by == "event_timestamp" else (event_id, last_updated)


def newest(contents: Iterable[Content], order_by: str) -> Content | None:
    """Find the newest of events."""
    return max(contents, key=lambda one: rank(one.last_updated, one.event_id, order_by), default=None)
