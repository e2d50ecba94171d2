"""One run over a dead-letter queue: which messages it moves, when it ends, and what it reports."""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast
from unittest import mock

import pytest

from redrive import send_back
from redrive.redrive import Redrive, RedriveReport
from redrive.request import RedriveRequest
from tests.support.cloud import NOW, InlineExecutor
from tests.support.webhooks import body
from vectorcare_bridge.dead_letters import unpublished
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue, Recorded
from vectorcare_bridge.edge.queue import InFlightLimitError, Queue
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.failure import FailureReason
from vectorcare_bridge.webhooks.message import OutgoingMessage, Webhook

RECEIVED_AT = UtcTimestamp("2026-03-01T10:00:00.000000Z")
RESERVE = 60
"""Seconds after the deadline that a run may still take."""


@dataclass
class Letters:
    """Both queues: dead letters by their receipt handle, and what was sent."""

    dead: dict[str, dict[str, Any]]
    sent: list[OutgoingMessage] = field(default_factory=list)
    hidden: list[tuple[str, int]] = field(default_factory=list)
    received: list[tuple[int, int]] = field(default_factory=list)
    refuses: tuple[str, ...] = ()

    def receive(self, *, maximum: int, visibility_timeout: int) -> list[dict[str, Any]]:
        self.received.append((maximum, visibility_timeout))
        assert len(self.received) < 50, "the run does not end"
        self._refuse("receive")
        in_flight = {handle for handle, seconds in self.hidden if seconds}
        visible = [letter for handle, letter in self.dead.items() if handle not in in_flight]
        return visible[:maximum]

    def send(self, letter: OutgoingMessage) -> str:
        self._refuse("send")
        self.sent.append(letter)
        return f"sent {len(self.sent)}"

    def delete(self, receipt_handle: str) -> None:
        self._refuse("delete")
        del self.dead[receipt_handle]

    def change_visibility(self, receipt_handle: str, *, seconds: int) -> None:
        self.hidden.append((receipt_handle, seconds))
        self._refuse("change_visibility")

    def _refuse(self, operation: str) -> None:
        if operation in self.refuses:
            raise InFlightLimitError if operation == "receive" else RuntimeError


@dataclass
class Clock:
    """Moves only when somebody sleeps."""

    now: float = 1000.0
    naps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.monotonic", lambda: clock.now)
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.sleep", clock.sleep)
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: NOW)
    return clock


def letter_of(raw: bytes, handle: str, **more: Any) -> dict[str, Any]:
    encoded = message.encode(Webhook(raw, "c2ln", RECEIVED_AT))
    return {
        "MessageId": f"id of {handle}",
        "ReceiptHandle": handle,
        "Body": encoded["MessageBody"],
        "Attributes": {"SentTimestamp": "1772366400000"},
        "MessageAttributes": encoded["MessageAttributes"],
    } | more


def letters(count: int, **more: Any) -> Letters:
    """Make a queue of so many letters that only had bad luck."""
    handles = [f"letter {number}" for number in range(count)]
    return Letters({handle: letter_of(body(service_request_id=handle), handle) for handle in handles}, **more)


def nothing(_body: bytes) -> None:
    """Have no word on why a webhook died."""


def run(
    queues: Letters,
    clock: Clock,
    *,
    seconds: float = 100,
    recorded: Recorded = nothing,
    way: Any = send_back.webhook,
    **asked: Any,
) -> RedriveReport:
    queue = cast("Queue", queues)
    redrive = Redrive(
        queue,
        partial(way, queue),
        recorded=recorded,
        executor=InlineExecutor(),
        deadline=clock.now + seconds,
    )
    return redrive.run(RedriveRequest(**asked))


def test_all_letters_are_sent_with_their_redrive_counted_and_then_deleted(clock: Clock, counted: Counter[str]) -> None:
    # Given twelve letters, When all are asked for
    queues = letters(12)
    report = run(queues, clock)
    # Then each was sent once as it was, but for its count, and none is left or hidden
    assert report == RedriveReport(examined=12, moved=12, stopped="empty")
    assert queues.sent == [
        message.encode(Webhook(body(service_request_id=f"letter {number}"), "c2ln", RECEIVED_AT, redriven=1))
        for number in range(12)
    ]
    assert (queues.dead, queues.hidden) == ({}, [])
    # And ten at a time were in hand for a minute
    assert queues.received == [(10, 60)] * 3
    assert counted == {"Redriven": 12}


def test_a_dry_run_holds_each_letter_until_the_end_and_releases_it_then(clock: Clock) -> None:
    # Given a dry run with 100.5 seconds left, When it is over
    queues = letters(2)
    report = run(queues, clock, seconds=100.5, dry_run=True)
    # Then each letter was hidden beyond the end of the run, and shown again
    assert report == RedriveReport(examined=2, would_move=2, stopped="empty")
    assert queues.hidden == [
        ("letter 0", 101 + RESERVE),
        ("letter 1", 101 + RESERVE),
        ("letter 0", 0),
        ("letter 1", 0),
    ]
    assert queues.sent == []


def test_time_that_has_passed_shortens_what_is_held(clock: Clock) -> None:
    # Given a run that has slept for a second between its letters
    queues = letters(2, refuses=("delete",))
    run(queues, clock, seconds=10, rate=1, limit=2, reason=FailureReason.NOT_JSON)
    # Then what it has no use for is hidden for as long as is left
    assert queues.hidden[:2] == [("letter 0", 10 + RESERVE), ("letter 1", 10 + RESERVE)]


@pytest.mark.parametrize(
    ("rate", "at_once", "stall", "naps"),
    [(2, 2, 0, [1, 1]), (0.5, 1, 0, [2] * 4), (20, 10, 0, [0.2]), (1, 1, 5, [1, 1, 1])],
    ids=["whole", "slow", "fast", "what stood still does not catch up in a burst"],
)
def test_a_rate_is_kept_by_sleeping_between_small_batches(
    clock: Clock, rate: float, at_once: int, stall: float, naps: list[float]
) -> None:
    # Given a queue that stands still, perhaps, while the second letter is sent
    class Stalls(Letters):
        def send(self, letter: OutgoingMessage) -> str:
            clock.now += stall if len(self.sent) == 1 else 0
            return super().send(letter)

    queues = Stalls(letters(4).dead)
    report = run(queues, clock, rate=rate)
    assert (report.moved, report.stopped) == (4, "empty")
    assert {maximum for maximum, _ in queues.received} == {at_once}
    assert clock.naps == pytest.approx(naps)


@pytest.mark.parametrize(
    ("seconds", "stopped", "looks", "moved"),
    [(2, "empty", 2, 1), (1.999, "time", 1, 1), (0, "time", 1, 1), (-0.001, "time", 0, 0)],
)
def test_nothing_is_begun_after_the_deadline(
    clock: Clock, seconds: float, stopped: str, looks: int, moved: int
) -> None:
    # Given a letter that may be followed by another after two seconds
    queues = letters(1)
    report = run(queues, clock, rate=0.5, seconds=seconds)
    assert (report.stopped, len(queues.received), report.moved) == (stopped, looks, moved)


def test_too_many_hidden_letters_end_a_run_with_that_word(clock: Clock) -> None:
    assert run(letters(3, refuses=("receive",)), clock) == RedriveReport(stopped="in_flight_limit")


def test_what_is_beyond_the_limit_is_not_examined_and_released(clock: Clock) -> None:
    # Given five letters, of which the second is no JSON
    queues = letters(5)
    queues.dead["letter 1"] |= {"Body": "x"}
    # When two that had bad luck are asked for
    report = run(queues, clock, limit=2, reason=FailureReason.EXHAUSTED)
    # Then the two are moved, the one is skipped, the rest is as it was
    assert report == RedriveReport(examined=3, moved=2, skipped=1, stopped="limit")
    assert set(queues.dead) == {"letter 1", "letter 3", "letter 4"}
    assert [handle for handle, seconds in queues.hidden if seconds == 0] == ["letter 1", "letter 3", "letter 4"]


@pytest.mark.parametrize(("limit", "done", "stopped"), [(13, 13, "limit"), (26, 25, "empty")])
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_limit_holds_over_several_batches(clock: Clock, dry_run: bool, limit: int, done: int, stopped: str) -> None:
    report = run(letters(25), clock, limit=limit, dry_run=dry_run)
    assert (report.stopped, report.examined) == (stopped, done)
    assert (report.would_move, report.moved) == ((done, 0) if dry_run else (0, done))


def test_a_queue_that_refuses_ends_the_run_and_keeps_the_letters(clock: Clock) -> None:
    queues = letters(2, refuses=("send",))
    assert run(queues, clock) == RedriveReport(examined=2, refused=2, stopped="refused")
    assert set(queues.dead) == {"letter 0", "letter 1"}
    assert [handle for handle, seconds in queues.hidden if seconds == 0] == ["letter 0", "letter 1"]


def test_a_letter_that_is_not_taken_does_not_keep_the_others(clock: Clock) -> None:
    # Given a queue that takes one of two, and then all
    class RefusesOne(Letters):
        def send(self, letter: OutgoingMessage) -> str:
            if len(self.received) == 1 and self.sent:
                raise RuntimeError
            return super().send(letter)

    # When all are asked for, two at once
    queues = RefusesOne(letters(4).dead)
    report = run(queues, clock, rate=2)
    # Then the others are moved, and that one is counted and shown again
    assert report == RedriveReport(examined=4, moved=3, refused=1, stopped="empty")
    assert set(queues.dead) == {"letter 1"}
    assert queues.hidden[-1] == ("letter 1", 0)


def test_a_letter_that_cannot_be_deleted_was_moved_all_the_same(clock: Clock) -> None:
    queues = letters(1, refuses=("delete",))
    assert run(queues, clock, limit=1) == RedriveReport(examined=1, moved=1, stopped="limit")
    assert len(queues.sent) == 1


def test_what_cannot_be_hidden_does_not_end_a_run(clock: Clock) -> None:
    queues = letters(2, refuses=("change_visibility",))
    assert run(queues, clock, dry_run=True, limit=2) == RedriveReport(examined=2, would_move=2, stopped="limit")


@pytest.mark.parametrize("queue", [DeadLetterQueue.INBOUND, DeadLetterQueue.OUTBOUND])
def test_a_letter_that_dies_again_is_not_sent_again(clock: Clock, queue: DeadLetterQueue) -> None:
    # Given letters that die again at once: webhooks under the id that they were sent with, commands as new messages
    class DieAgain(Letters):
        def send(self, letter: OutgoingMessage) -> str:
            message_id = super().send(letter)
            handle = f"again {len(self.sent)}"
            again = command_of("x", handle) | {"MessageAttributes": letter["MessageAttributes"]}
            self.dead[handle] = again | ({"MessageId": message_id} if queue is DeadLetterQueue.INBOUND else {})
            return message_id

    queues = DieAgain({handle: command_of("x", handle) for handle in ("one", "two")})
    way = send_back.webhook if queue is DeadLetterQueue.INBOUND else send_back.command
    # When all are asked for, Then each is sent once, and held until the end when it comes back
    assert run(queues, clock, way=way, queue=queue) == RedriveReport(examined=4, moved=2, skipped=2, stopped="empty")
    assert set(queues.dead) == {"again 1", "again 2"}
    assert queues.hidden[-2:] == [("again 1", 0), ("again 2", 0)]


EVENTS = [unpublished.write("CommandFailed", {"number": number})["MessageBody"] for number in range(2)]


@pytest.mark.parametrize(
    ("bus_takes", "expected"),
    [
        (True, RedriveReport(examined=3, moved=2, refused=1, stopped="empty")),
        (False, RedriveReport(examined=2, refused=2, stopped="refused")),
    ],
)
def test_what_is_no_event_does_not_end_a_run_and_a_bus_that_takes_nothing_does(
    clock: Clock, bus_takes: bool, expected: RedriveReport
) -> None:
    # Given something that is no event before two that are
    queues = Letters({body: command_of(body, body) for body in ("x", *EVENTS)})
    published: list[Any] = []

    def publish(_queue: object, letter: Any) -> None:
        bus: Any = mock.Mock(publish=lambda entries: published.extend(entries) if bus_takes else entries)
        send_back.event(bus, letter)

    # When they are redriven one by one
    assert run(queues, clock, way=publish, queue=DeadLetterQueue.UNPUBLISHED, rate=1) == expected
    assert [entry.detail for entry in published] == [{"number": 0}, {"number": 1}][: expected.moved]


def command_of(raw: str, handle: str) -> dict[str, Any]:
    attributes = {"SentTimestamp": "1772366400000"}
    return {"MessageId": f"id of {handle}", "ReceiptHandle": handle, "Body": raw, "Attributes": attributes}


@pytest.mark.parametrize(
    ("asked", "moved"),
    [
        ({"reason": FailureReason.NOT_JSON}, {"binary", "text"}),
        ({"reason": FailureReason.EXHAUSTED}, {"good", "bare", "noncharacter"}),
        ({"reason": FailureReason.TIMESTAMP_IN_FUTURE}, {"ahead"}),
        ({"service_request_id": "VC-1"}, {"good", "ahead"}),
        ({"service_request_id": "VC-1", "reason": FailureReason.EXHAUSTED}, {"good"}),
        ({"service_request_id": "VC-2", "reason": FailureReason.NOT_JSON}, set()),
        ({"service_request_id": "VC-3"}, {"noncharacter"}),
    ],
)
def test_letters_are_chosen_by_what_they_say(clock: Clock, asked: dict[str, Any], moved: set[str]) -> None:
    # Given letters of all sorts: as base64, without attributes, with an attribute that is no text
    other = {"other": {"DataType": "Binary", "BinaryValue": b"x"}}
    good = letter_of(body(service_request_id="VC-1"), "good")
    # SQS refuses U+FFFF, so that this event travels as base64.
    with_noncharacter = body(service_request_id="VC-3", action="?").replace(b"?", "\uffff".encode())
    queues = Letters(
        {
            "binary": letter_of(b"\xff", "binary"),
            "text": letter_of(b"x", "text"),
            "noncharacter": letter_of(with_noncharacter, "noncharacter"),
            "good": good | {"MessageAttributes": good["MessageAttributes"] | other},
            "bare": command_of(body(service_request_id="VC-2").decode(), "bare"),
            "ahead": letter_of(body(service_request_id="VC-1", event_timestamp="2026-03-01T12:15:01Z"), "ahead"),
        }
    )
    everything = set(queues.dead)
    # When some are asked for, Then those are moved
    report = run(queues, clock, **asked)
    assert everything - set(queues.dead) == moved
    assert report == RedriveReport(examined=6, moved=len(moved), skipped=6 - len(moved), stopped="empty")


def test_a_reason_is_the_one_that_the_journal_recorded(clock: Clock) -> None:
    # Given two webhooks that nothing is wrong with, of one of which the journal says why it died
    queues = letters(2)
    known = {body(service_request_id="letter 1"): "unstorable"}
    # When those of that reason are asked for, Then that one is moved
    report = run(queues, clock, recorded=known.get, reason=FailureReason.UNSTORABLE)
    assert report == RedriveReport(examined=2, moved=1, skipped=1, stopped="empty")
    assert set(queues.dead) == {"letter 0"}


@pytest.mark.parametrize(("asked", "moved"), [({"reason": FailureReason.EXHAUSTED}, 0), ({}, 2)])
def test_a_journal_that_does_not_answer_ends_a_run_by_reason_and_no_other(
    clock: Clock, asked: dict[str, Any], moved: int
) -> None:
    # Given a journal that does not answer
    def recorded(_body: bytes) -> str:
        raise TimeoutError

    # When messages are asked for, Then only a run that needs it stops, and shows what it holds
    queues = letters(2)
    report = run(queues, clock, recorded=recorded, **asked)
    assert (report.moved, report.stopped) == (moved, "empty" if moved else "unanswered")
    assert queues.hidden == ([] if moved else [("letter 0", 0), ("letter 1", 0)])


def test_what_was_moved_is_reported_when_the_queue_gives_no_more(clock: Clock, counted: Counter[str]) -> None:
    # Given a dead-letter queue that answers once
    class AnswersOnce(Letters):
        def receive(self, *, maximum: int, visibility_timeout: int) -> list[dict[str, Any]]:
            if self.received:
                raise RuntimeError
            return super().receive(maximum=maximum, visibility_timeout=visibility_timeout)

    # When all are asked for, Then the report says what was done, and so does the metric
    report = run(AnswersOnce(letters(12).dead), clock)
    assert report == RedriveReport(examined=10, moved=10, stopped="unanswered")
    assert counted == {"Redriven": 10}
