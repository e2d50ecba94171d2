"""What the processor does with each answer of its tables, and what it counts."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from processor.process import Processor, ReceivedWebhook
from tests.support.cloud import NOW, InlineExecutor
from tests.support.webhooks import body
from vectorcare_bridge.edge import observability
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import envelope
from vectorcare_bridge.webhooks.envelope import Event
from vectorcare_bridge.webhooks.failure import FailureReason, PermanentError
from vectorcare_bridge.webhooks.fold import Fold, OrderBy, Received, Rule
from vectorcare_bridge.webhooks.journal import Journal, JournalEntry
from vectorcare_bridge.webhooks.message import Webhook
from vectorcare_bridge.webhooks.state import Moved, State

if TYPE_CHECKING:
    from vectorcare_bridge.edge.queue import Queue


@dataclass
class Tables:
    """Fakes of both tables and the queue, which record what they are asked."""

    moved: Moved | Exception | None = field(default_factory=lambda: Moved(status=True, data=True))
    """What becomes of the first offer."""
    journal: list[Received] = field(default_factory=list)
    journal_fails: Exception | None = None
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """How the entry of a delivery differs from that of a new webhook, by the delivery's signature."""
    unreadable: list[tuple[Webhook, FailureReason]] = field(default_factory=list)
    offers: list[tuple[Fold, bool]] = field(default_factory=list)
    hidden: dict[str, int] = field(default_factory=dict)
    hide_fails: bool = False

    def append(self, event: Event, webhook: Webhook) -> JournalEntry:
        if self.journal_fails:
            raise self.journal_fails
        return replace(JournalEntry(event, webhook.received_at, is_new=True), **self.answers.get(webhook.signature, {}))

    def append_unreadable(self, webhook: Webhook, reason: FailureReason) -> None:
        if self.journal_fails:
            raise self.journal_fails
        self.unreadable.append((webhook, reason))

    def entries(self, service_request_id: str) -> list[Received]:
        assert service_request_id == "VC-TEST0001"
        return self.journal

    def move_forward(self, folded: Fold, *, may_begin: bool, now: UtcTimestamp) -> Moved | None:
        assert now == NOW
        self.offers.append((folded, may_begin))
        if isinstance(self.moved, Exception):
            raise self.moved
        return self.moved if len(self.offers) == 1 else Moved(status=True, data=True)

    def change_visibility(self, receipt_handle: str, *, seconds: int) -> None:
        self.hidden[receipt_handle] = seconds
        if self.hide_fails:
            raise RuntimeError

    def process(self, *deliveries: ReceivedWebhook, order_by: OrderBy = OrderBy.EVENT_TIMESTAMP) -> list[str]:
        processor = Processor(
            cast("Journal", self),
            cast("State", self),
            cast("Queue", self),
            rule=Rule(order_by, 30),
            executor=InlineExecutor(),
        )
        return processor.process(deliveries)


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: NOW)
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.uniform", lambda low, _high: low)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Give what is counted from now on, by metric, or by metric and reason."""
    counter: Counter[str] = Counter()

    def count_by(metric: str, *, reason: str | None = None, **_others: str) -> None:
        if reason:
            counter[f"{metric} {reason}"] += 1

    monkeypatch.setattr(observability, "count", lambda metric, value=1: counter.update({str(metric): value}))
    monkeypatch.setattr(observability, "count_by", count_by)
    return counter


def delivery(raw: bytes, *, name: str = "first", receives: int = 1, received_at: UtcTimestamp = NOW) -> ReceivedWebhook:
    return ReceivedWebhook(f"id of {name}", f"handle of {name}", receives, Webhook(raw, name, received_at))


def test_the_state_is_offered_the_fold_with_the_newest_events_own_time_of_receipt() -> None:
    # Given two events of one request, the newest without data
    tables = Tables()
    older = body(event_id="a", data="known")
    newer = body(event_id="b", event_timestamp="2026-03-01T11:00:00Z", data=None)
    # When they come in one batch
    tables.process(
        delivery(newer, name="newer", received_at=UtcTimestamp("2026-03-01T11:00:01.000000Z")),
        delivery(older, name="older", received_at=UtcTimestamp("2026-03-01T11:00:02.000000Z")),
    )
    # Then they are one offer
    [(folded, may_begin)] = tables.offers
    newest = folded.newest
    assert (newest.event, newest.received_at) == (envelope.read(newer), "2026-03-01T11:00:01.000000Z")
    assert folded.newest_data == envelope.read(older)
    # And are enough to make the item
    assert may_begin


@pytest.mark.parametrize(("order_by", "newest"), [(OrderBy.EVENT_TIMESTAMP, "a"), (OrderBy.EVENT_ID, "z")])
def test_the_fold_is_in_the_organizations_order(order_by: OrderBy, newest: str) -> None:
    tables = Tables()
    greater_id, later = body(event_id="z"), body(event_id="a", event_timestamp="2026-03-01T11:00:00Z")
    tables.process(delivery(greater_id), delivery(later), order_by=order_by)
    assert tables.offers[0][0].newest.event.event_id == newest


@pytest.mark.parametrize(
    ("moved", "is_new", "outcome"),
    [
        (Moved(status=True, data=False), True, "Applied"),
        (Moved(status=False, data=True), True, "Applied"),
        (Moved(status=True, data=True), False, "Applied"),
        (Moved(status=False, data=False), True, "Stale"),
        (Moved(status=False, data=False), False, "Duplicate"),
        (None, True, "Expired"),
        (None, False, "Duplicate"),
    ],
)
def test_every_delivery_has_one_outcome(counted: Counter[str], moved: Moved | None, is_new: bool, outcome: str) -> None:
    # Given what journal and state say of a delivery, When it is processed
    Tables(moved, answers={"first": {"is_new": is_new}}).process(delivery(body()))
    # Then it is counted so, and nothing else is
    counted.pop("FreshnessSeconds", None)
    assert counted == {outcome: 1}


def test_an_old_event_does_not_begin_a_request(counted: Counter[str]) -> None:
    old = body(event_timestamp="2026-01-01T00:00:00Z")
    tables = Tables(journal=[Received(envelope.read(old), NOW)])
    assert tables.process(delivery(old)) == []
    assert (tables.offers, counted) == ([], {"Expired": 1})


def test_an_event_from_before_the_request_began_has_expired(counted: Counter[str]) -> None:
    old, new = body(event_id="a", event_timestamp="2026-01-01T00:00:00Z"), body(event_id="b")
    tables = Tables(journal=[Received(envelope.read(raw), NOW) for raw in (old, new)])
    tables.process(delivery(old), delivery(new))
    assert tables.offers[0][0].newest.event.event_id == "b"
    assert counted == {"Applied": 1, "Expired": 1, "FreshnessSeconds": 7200}


def test_an_old_event_that_closed_a_request_is_offered_to_its_item_but_makes_none(counted: Counter[str]) -> None:
    # Given a request that has been open for a year
    opened = Received(
        envelope.read(body(event_timestamp="2025-02-01T00:00:00Z")), UtcTimestamp("2025-02-01T00:00:01.000000Z")
    )
    closing = body(event_id="z", event_timestamp="2025-02-02T00:00:00Z", request_status="UNAVAILABLE", data=None)
    tables = Tables(journal=[opened, Received(envelope.read(closing), NOW)])
    # When its closing event is sent again, Then it is offered to the item that is there
    tables.process(delivery(closing))
    assert [(folded.newest.event.event_id, may_begin) for folded, may_begin in tables.offers] == [("z", False)]
    assert counted["Applied"] == 1


def test_if_there_is_no_item_an_event_without_data_is_folded_with_the_journal(counted: Counter[str]) -> None:
    # Given a journal with data, and no item
    known = Received(envelope.read(body(event_id="a")), NOW)
    closing = body(event_id="b", event_timestamp="2026-03-01T11:00:00Z", request_status="ASSIGNED", data=None)
    tables = Tables(moved=None, journal=[known, Received(envelope.read(closing), NOW)])
    # When an event without data comes, Then it is offered alone, and then with all that the journal has
    tables.process(delivery(closing))
    [(alone, may_begin), (whole, may_then_begin)] = tables.offers
    assert (alone.newest_data, may_begin) == (None, False)
    assert (whole.newest.event.event_id, whole.newest_data, may_then_begin) == ("b", known.event, True)
    assert counted == {"Applied": 1, "FreshnessSeconds": 3600}


@pytest.mark.parametrize(("is_new", "outcome"), [(False, "Duplicate"), (True, "Expired")])
def test_a_request_whose_time_is_over_is_not_brought_back_by_an_older_event(
    counted: Counter[str], is_new: bool, outcome: str
) -> None:
    # Given a request that was closed a year ago, and whose item has expired
    opened = body(event_id="a", event_timestamp="2025-02-01T00:00:00Z")
    closed = envelope.read(body(event_id="b", event_timestamp="2025-02-01T01:00:00Z", request_status="COMPLETED"))
    since = {"is_new": is_new, "received_at": "2025-02-01T00:00:01.000000Z"}
    entries = [Received(one, UtcTimestamp("2025-02-01T02:00:00.000000Z")) for one in (envelope.read(opened), closed)]
    tables = Tables(moved=None, journal=entries, answers={"first": since})
    # When its first webhook comes again, Then no item is made
    tables.process(delivery(opened))
    assert [may_begin for _folded, may_begin in tables.offers] == [False]
    assert counted == {outcome: 1}


@pytest.mark.parametrize(
    ("status_moves", "expected"),
    [(True, {"Applied": 2, "Stale": 1, "FreshnessSeconds": 3600 + 1800}), (False, {"Applied": 1, "Stale": 2})],
)
def test_only_the_events_of_a_batch_that_moved_a_register_are_applied(
    counted: Counter[str], status_moves: bool, expected: dict[str, int]
) -> None:
    # Given three events: an old one, the newest data, and the newest without data
    raws = [
        body(event_id="a", event_timestamp="2026-03-01T09:00:00Z"),
        body(event_id="b", event_timestamp="2026-03-01T11:00:00Z"),
        body(event_id="c", event_timestamp="2026-03-01T11:30:00Z", data=None),
    ]
    # When both registers move, or the data alone, Then the others are stale
    Tables(Moved(status=status_moves, data=True)).process(*(delivery(raw) for raw in raws))
    assert counted == {"FreshnessSeconds": 3600} | expected


def test_the_first_of_two_deliveries_of_an_event_is_applied(
    monkeypatch: pytest.MonkeyPatch, counted: Counter[str]
) -> None:
    # Given a batch with a repetition before its first delivery, When it is processed
    outcomes: dict[str, str] = {}
    monkeypatch.setattr(
        observability, "log", lambda _event, *, message_id, outcome, **_rest: outcomes.update({message_id: outcome})
    )
    Tables(answers={"again": {"is_new": False}}).process(delivery(body(), name="again"), delivery(body()))
    # Then one is applied, and the other is a duplicate
    assert outcomes == {"id of first": "applied", "id of again": "duplicate"}
    assert counted == {"Applied": 1, "Duplicate": 1, "FreshnessSeconds": 7200}


@pytest.mark.parametrize(
    ("tables", "metric"),
    [
        ({"answers": {"first": {"has_other_bytes": True}}}, "ConflictingBytes"),
        ({"answers": {"first": {"is_restamped": True}}}, "Restamped"),
        ({"moved": Moved(status=True, data=True, against_id_order=True)}, "AgainstIdOrder"),
    ],
)
def test_oddities_of_an_applied_event_are_counted(counted: Counter[str], tables: dict[str, Any], metric: str) -> None:
    Tables(**tables).process(delivery(body()))
    assert counted == {"Applied": 1, "FreshnessSeconds": 7200, metric: 1}


@pytest.mark.parametrize(
    ("action", "status", "expected"),
    [
        ("BROADCAST_RECEIVED", "ASSIGNED", {"action": "BROADCAST_RECEIVED", "status": "ASSIGNED"}),
        ("TELEPORTED", "PAUSED", {"action": "other", "status": "other"}),
    ],
)
def test_a_metric_names_actions_and_statuses_only_as_documented(
    monkeypatch: pytest.MonkeyPatch, action: str, status: str, expected: dict[str, str]
) -> None:
    # Given an event, When it is applied
    dimensions: dict[str, str] = {}
    monkeypatch.setattr(observability, "count_by", lambda _metric, **dimension: dimensions.update(dimension))
    Tables().process(delivery(body(action=action, request_status=status)))
    # Then it is counted by what VectorCare documents, and by nothing that it may have invented
    assert dimensions == expected


def test_an_event_of_the_future_is_journaled_as_unreadable_and_not_offered() -> None:
    tables = Tables()
    ahead = delivery(body(event_timestamp="2026-03-01T12:15:01Z"))
    assert tables.process(ahead) == ["id of first"]
    assert tables.unreadable == [(ahead.webhook, FailureReason.TIMESTAMP_IN_FUTURE)]
    assert tables.offers == []


@pytest.mark.parametrize(
    ("receives", "counts"), [(1, {}), (29, {}), (30, {"Failed not_json": 1}), (31, {"Failed not_json": 1})]
)
def test_a_permanent_failure_returns_without_a_wait_and_counts_when_it_dies(
    counted: Counter[str], receives: int, counts: dict[str, int]
) -> None:
    # Given bytes that are no event, When they are delivered for the nth time
    tables = Tables()
    poison = delivery(b"x", receives=receives)
    assert tables.process(poison) == ["id of first"]
    # Then they are kept with their reason, and do not wait
    assert tables.unreadable == [(poison.webhook, FailureReason.NOT_JSON)]
    assert tables.hidden == {"handle of first": 0}
    # And their death counts, once it has come
    assert counted == counts


@pytest.mark.parametrize(
    ("receives", "seconds", "counts"),
    [
        (1, 5, {"Retried": 1}),
        (3, 20, {"Retried": 1}),
        (29, 450, {"Retried": 1}),
        (30, 450, {"Failed exhausted": 1}),
    ],
)
@pytest.mark.parametrize("failing", ["journal", "state"])
def test_a_message_that_may_succeed_later_waits_longer_each_time_and_dies_exhausted(
    counted: Counter[str], failing: str, receives: int, seconds: int, counts: dict[str, int]
) -> None:
    # Given a table that fails
    tables = Tables(journal_fails=RuntimeError()) if failing == "journal" else Tables(moved=RuntimeError())
    # When a message comes for the nth time, Then it waits, and is counted
    assert tables.process(delivery(body(), receives=receives)) == ["id of first"]
    assert tables.hidden == {"handle of first": seconds}
    assert counted == counts


def test_bytes_that_the_journal_cannot_hold_are_journaled_as_unreadable() -> None:
    # Given an event that DynamoDB itself refuses
    class Refusing(Tables):
        def append(self, _event: Event, _webhook: Webhook) -> JournalEntry:
            raise PermanentError(FailureReason.UNSTORABLE)

    tables = Refusing()
    # When it is processed, Then it is given up with that reason
    strange = delivery(body())
    assert tables.process(strange) == ["id of first"]
    assert tables.unreadable == [(strange.webhook, FailureReason.UNSTORABLE)]
    assert tables.hidden == {"handle of first": 0}


def test_an_unstorable_event_dies_if_it_is_alone_in_its_batch(counted: Counter[str]) -> None:
    tables = Tables(moved=PermanentError(FailureReason.UNSTORABLE))
    assert tables.process(delivery(body(), receives=30)) == ["id of first"]
    assert tables.hidden == {"handle of first": 0}
    assert counted == {"Failed unstorable": 1}


def test_each_of_several_messages_is_tried_again_because_another_may_be_at_fault(counted: Counter[str]) -> None:
    tables = Tables(moved=PermanentError(FailureReason.UNSTORABLE))
    assert tables.process(delivery(body()), delivery(body(), name="second")) == ["id of first", "id of second"]
    assert tables.hidden == {"handle of first": 5, "handle of second": 5}
    assert counted == {"Retried": 2}


def test_a_message_that_cannot_be_returned_to_the_queue_fails() -> None:
    tables = Tables(hide_fails=True)
    assert tables.process(delivery(b"x"), delivery(b"y", name="second")) == ["id of first", "id of second"]
    assert set(tables.hidden) == {"handle of first", "handle of second"}


@pytest.mark.parametrize("bad_first", [True, False])
def test_one_request_that_fails_leaves_the_others_applied(counted: Counter[str], bad_first: bool) -> None:
    # Given a state that refuses one request
    class Choosy(Tables):
        def move_forward(self, folded: Fold, *, may_begin: bool, now: UtcTimestamp) -> Moved | None:
            if folded.newest.event.service_request_id == "VC-BAD":
                raise RuntimeError
            return super().move_forward(folded, may_begin=may_begin, now=now)

    # When several come in one batch, Then only its message fails
    bad = delivery(body(service_request_id="VC-BAD"), name="bad")
    batch = [bad, delivery(body())] if bad_first else [delivery(body()), bad]
    assert Choosy().process(*batch) == ["id of bad"]
    assert counted == {"Applied": 1, "FreshnessSeconds": 7200, "Retried": 1}


EVENT_ID = "0198a000000000000000000000000001"


NAMED, UNNAMED = ("VC-TEST0001", EVENT_ID), (None, None)
FUTURE = body(event_timestamp="2026-03-02")


@pytest.mark.parametrize(
    ("raw", "given", "error", "event"),
    [
        (body(), {"journal_fails": RuntimeError()}, RuntimeError, NAMED),
        (body(), {"moved": RuntimeError()}, RuntimeError, NAMED),
        (body(), {"moved": PermanentError(FailureReason.UNSTORABLE)}, PermanentError, NAMED),
        (FUTURE, {"journal_fails": RuntimeError()}, RuntimeError, NAMED),
        (FUTURE, {}, PermanentError, NAMED),
        (b"x", {"journal_fails": RuntimeError()}, RuntimeError, UNNAMED),
        (b"x", {}, PermanentError, UNNAMED),
    ],
)
def test_the_log_says_why_a_message_failed_and_which_event_it_is(
    monkeypatch: pytest.MonkeyPatch,
    raw: bytes,
    given: dict[str, Any],
    error: type[Exception],
    event: tuple[str | None, str | None],
) -> None:
    tables = Tables(**given)
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(observability, "log", lambda name, **line: lines.append({"name": name, **line}))
    tables.process(delivery(raw))
    [line] = [line for line in lines if line["name"] == "processing.failed"]
    assert type(line["error"]) is error
    assert (line["service_request_id"], line["event_id"]) == event
    # What the journal does not have yet is not given up.
    assert tables.hidden == {"handle of first": 5 if error is RuntimeError else 0}
