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
from tests.support.cloud import InlineExecutor
from tests.support.patience import Patience
from tests.support.webhooks import body
from vectorcare_bridge.dead_letters import unpublished
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue, Recorded
from vectorcare_bridge.edge.queue import InFlightLimitError, Queue
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message as messages
from vectorcare_bridge.webhooks.failure import FailureReason
from vectorcare_bridge.webhooks.message import OutgoingMessage, Webhook

pytestmark = pytest.mark.usefixtures("at_noon")

RECEIVED_AT = UtcTimestamp("2026-03-01T10:00:00.000000Z")
RESERVE = 60
"""Seconds after the deadline that a run may still take."""


@dataclass
class Queues:
    """Both queues: dead letters by their receipt handle, what was sent, and each change of visibility."""

    dead: dict[str, dict[str, Any]]
    sent: list[OutgoingMessage] = field(default_factory=list)
    changes: list[tuple[str, int]] = field(default_factory=list)
    received: list[tuple[int, int]] = field(default_factory=list)
    refuses: tuple[str, ...] = ()

    def receive(self, *, maximum: int, visibility_timeout: int) -> list[dict[str, Any]]:
        self.received.append((maximum, visibility_timeout))
        assert len(self.received) < 50, "the run does not end"
        self._refuse("receive")
        in_flight = {handle for handle, seconds in self.changes if seconds}
        visible = [one for handle, one in self.dead.items() if handle not in in_flight]
        return visible[:maximum]

    def send(self, message: OutgoingMessage) -> str:
        self._refuse("send")
        self.sent.append(message)
        return f"sent {len(self.sent)}"

    def delete(self, receipt_handle: str) -> None:
        self._refuse("delete")
        del self.dead[receipt_handle]

    def change_visibility(self, receipt_handle: str, *, seconds: int) -> None:
        self.changes.append((receipt_handle, seconds))
        self._refuse("change_visibility")

    def _refuse(self, operation: str) -> None:
        if operation in self.refuses:
            raise InFlightLimitError if operation == "receive" else RuntimeError


def dead_letter(raw: bytes, handle: str, **more: Any) -> dict[str, Any]:
    encoded = messages.encode(Webhook(raw, "c2ln", RECEIVED_AT))
    return {
        "MessageId": f"id of {handle}",
        "ReceiptHandle": handle,
        "Body": encoded["MessageBody"],
        "Attributes": {"SentTimestamp": "1772366400000"},
        "MessageAttributes": encoded["MessageAttributes"],
    } | more


def dead_letters(count: int, **more: Any) -> Queues:
    """Make a queue of so many webhooks that nothing is wrong with."""
    handles = [f"webhook {number}" for number in range(count)]
    return Queues({handle: dead_letter(body(service_request_id=handle), handle) for handle in handles}, **more)


def command_of(raw: str, handle: str) -> dict[str, Any]:
    attributes = {"SentTimestamp": "1772366400000"}
    return {"MessageId": f"id of {handle}", "ReceiptHandle": handle, "Body": raw, "Attributes": attributes}


def nothing(_body: bytes) -> None:
    """Know nothing of why a webhook died."""


def run(
    queues: Queues,
    patience: Patience,
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
        deadline=patience.now + seconds,
    )
    return redrive.run(RedriveRequest(**asked))


def returned(queues: Queues) -> list[str]:
    return [handle for handle, seconds in queues.changes if seconds == 0]


def test_all_messages_are_sent_with_their_redrive_counted_and_then_deleted(
    patience: Patience, counted: Counter[str]
) -> None:
    # Given twelve dead letters, When all are asked for
    queues = dead_letters(12)
    report = run(queues, patience)
    # Then each was sent once as it was, but for its count, and none is left or invisible
    assert report == RedriveReport(examined=12, moved=12, stopped="empty")
    assert queues.sent == [
        messages.encode(Webhook(body(service_request_id=f"webhook {number}"), "c2ln", RECEIVED_AT, redriven=1))
        for number in range(12)
    ]
    assert (queues.dead, queues.changes) == ({}, [])
    # And ten at a time were in hand for a minute
    assert queues.received == [(10, 60)] * 3
    assert counted == {"Redriven": 12}


def test_a_dry_run_holds_each_message_until_the_end_and_returns_it_then(patience: Patience) -> None:
    # Given a dry run with 100.5 seconds left, that sleeps for one of them, When it is over
    queues = dead_letters(2)
    report = run(queues, patience, seconds=100.5, rate=1, dry_run=True)
    # Then each message was invisible beyond the end of the run, and is visible again
    assert (report.examined, report.would_move, report.moved, report.stopped) == (2, 2, 0, "empty")
    held = [("webhook 0", 101 + RESERVE), ("webhook 1", 101 + RESERVE)]
    assert queues.changes == [*held, ("webhook 0", 0), ("webhook 1", 0)]
    assert queues.sent == []


def test_a_message_is_held_only_for_what_is_left_of_the_run(patience: Patience) -> None:
    queues = dead_letters(3)
    queues.dead["webhook 2"] |= {"Body": "x"}
    run(queues, patience, seconds=10, rate=1, reason=FailureReason.EXHAUSTED)
    assert queues.changes == [("webhook 2", 8 + RESERVE), ("webhook 2", 0)]


@pytest.mark.parametrize(
    ("rate", "batch", "stall", "naps"),
    [(2, 2, 0, [1, 1]), (0.5, 1, 0, [2] * 4), (20, 10, 0, [0.2]), (1, 1, 5, [1, 1, 1])],
    ids=["whole", "slow", "fast", "after a pause there is no burst"],
)
def test_a_rate_is_kept_by_sleeping_between_small_batches(
    patience: Patience, rate: float, batch: int, stall: float, naps: list[float]
) -> None:
    # Given a queue that pauses, perhaps, while the second message is sent
    class Stalls(Queues):
        def send(self, message: OutgoingMessage) -> str:
            patience.now += stall if len(self.sent) == 1 else 0
            return super().send(message)

    queues = Stalls(dead_letters(4).dead)
    report = run(queues, patience, rate=rate)
    assert (report.moved, report.stopped) == (4, "empty")
    assert {maximum for maximum, _ in queues.received} == {batch}
    assert patience.waits == pytest.approx(naps)


@pytest.mark.parametrize(
    ("seconds", "stopped", "looks", "moved"),
    [(2, "empty", 2, 1), (1.999, "time", 1, 1), (0, "time", 1, 1), (-0.001, "time", 0, 0)],
)
def test_nothing_begins_after_the_deadline(
    patience: Patience, seconds: float, stopped: str, looks: int, moved: int
) -> None:
    # Given a message that may be followed by another after two seconds
    queues = dead_letters(1)
    report = run(queues, patience, rate=0.5, seconds=seconds)
    assert (report.stopped, len(queues.received), report.moved) == (stopped, looks, moved)


def test_messages_beyond_the_limit_are_returned_without_a_look(patience: Patience) -> None:
    # Given five messages, the second of them no JSON
    queues = dead_letters(5)
    queues.dead["webhook 1"] |= {"Body": "x"}
    # When two that nothing is wrong with are asked for
    report = run(queues, patience, limit=2, reason=FailureReason.EXHAUSTED)
    # Then those are moved, the one is skipped, the rest is as it was
    assert report == RedriveReport(examined=3, moved=2, skipped=1, stopped="limit")
    assert list(queues.dead) == returned(queues) == ["webhook 1", "webhook 3", "webhook 4"]


def test_a_dry_run_says_why_messages_died_and_describes_the_first_ten(patience: Patience) -> None:
    # Given twelve webhooks that something else kept from being applied, and one that no redrive will help
    queues = dead_letters(12)
    queues.dead["version 1"] = dead_letter(b'{"event_type": "x", "event": {}}', "version 1")
    # When one looks, four at a time
    report = run(queues, patience, dry_run=True, rate=4)
    # Then all are counted, and ten described
    assert report.reasons == {"exhausted": 12, "unsupported_version": 1}
    assert [each["service_request_id"] for each in report.first] == [f"webhook {number}" for number in range(10)]
    assert report.first[0] == {
        "message_id": "id of webhook 0",
        "service_request_id": "webhook 0",
        "reason": "exhausted",
        "if_redriven": "would apply",
    }


def test_a_dry_run_reads_a_webhook_that_travels_as_base64_and_one_without_attributes(patience: Patience) -> None:
    # Given one that SQS does not carry as text, and one that somebody has put there by hand
    raw = body(service_request_id="KP-1")[:-1] + ',"note":"\uffff"}'.encode()
    by_hand = dead_letter(body(service_request_id="KP-2"), "by hand")
    del by_hand["MessageAttributes"]
    queues = Queues({"base64": dead_letter(raw, "base64"), "by hand": by_hand})
    # When one looks at what DynamoDB has refused
    report = run(queues, patience, recorded=lambda _body: "unstorable", dry_run=True)
    # Then both are described
    assert [(each["service_request_id"], each["reason"], each["if_redriven"]) for each in report.first] == [
        ("KP-1", "unstorable", "may die again: DynamoDB refused it"),
        ("KP-2", "unstorable", "may die again: DynamoDB refused it"),
    ]


def test_a_dry_run_counts_what_the_journal_gives_no_reason_for(patience: Patience) -> None:
    def unanswered(_body: bytes) -> str:
        raise RuntimeError

    report = run(dead_letters(2), patience, recorded=unanswered, dry_run=True)
    assert (report.would_move, report.stopped, report.reasons) == (2, "empty", {"unknown": 2})


@pytest.mark.parametrize(("limit", "done", "stopped"), [(13, 13, "limit"), (26, 25, "empty")])
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_limit_holds_over_several_batches(
    patience: Patience, dry_run: bool, limit: int, done: int, stopped: str
) -> None:
    report = run(dead_letters(25), patience, limit=limit, dry_run=dry_run)
    assert (report.stopped, report.examined) == (stopped, done)
    assert (report.would_move, report.moved) == ((done, 0) if dry_run else (0, done))


@pytest.mark.parametrize(
    ("refuses", "asked", "expected", "left"),
    [
        ("receive", {}, RedriveReport(stopped="in_flight_limit"), 2),
        ("send", {}, RedriveReport(examined=2, refused=2, stopped="refused"), 2),
        ("delete", {"limit": 2}, RedriveReport(examined=2, moved=2, stopped="limit"), 2),
        (
            "change_visibility",
            {"dry_run": True, "limit": 2},
            RedriveReport(examined=2, would_move=2, stopped="limit", reasons={"exhausted": 2}, first=[mock.ANY] * 2),
            2,
        ),
    ],
)
def test_a_queue_that_refuses_loses_no_message_and_the_report_says_what_was_done(
    patience: Patience, refuses: str, asked: dict[str, Any], expected: RedriveReport, left: int
) -> None:
    queues = dead_letters(2, refuses=(refuses,))
    assert run(queues, patience, **asked) == expected
    assert len(queues.dead) == left
    assert len(queues.sent) == (2 if refuses == "delete" else 0)
    assert len(returned(queues)) == (2 if refuses in {"send", "change_visibility"} else 0)


def test_a_refused_message_does_not_stop_the_others(patience: Patience) -> None:
    # Given a queue that takes one of two, and then all
    class RefusesOne(Queues):
        def send(self, message: OutgoingMessage) -> str:
            if len(self.received) == 1 and self.sent:
                raise RuntimeError
            return super().send(message)

    # When all are asked for, two at a time
    queues = RefusesOne(dead_letters(4).dead)
    report = run(queues, patience, rate=2)
    # Then the others are moved, and that one is counted and returned
    assert report == RedriveReport(examined=4, moved=3, refused=1, stopped="empty")
    assert list(queues.dead) == returned(queues) == ["webhook 1"]


@pytest.mark.parametrize("queue", [DeadLetterQueue.INBOUND, DeadLetterQueue.OUTBOUND])
def test_a_message_that_dies_again_is_not_sent_again(patience: Patience, queue: DeadLetterQueue) -> None:
    # Given messages that die again: webhooks under the id that they were sent with, commands as new messages
    class DieAgain(Queues):
        def send(self, message: OutgoingMessage) -> str:
            message_id = super().send(message)
            handle = f"again {len(self.sent)}"
            again = command_of("x", handle) | {"MessageAttributes": message["MessageAttributes"]}
            self.dead[handle] = again | ({"MessageId": message_id} if queue is DeadLetterQueue.INBOUND else {})
            return message_id

    queues = DieAgain({handle: command_of("x", handle) for handle in ("one", "two")})
    way = send_back.webhook if queue is DeadLetterQueue.INBOUND else send_back.command
    # When all are asked for, Then each is sent once, and held until the end when it comes back
    assert run(queues, patience, way=way, queue=queue) == RedriveReport(examined=4, moved=2, skipped=2, stopped="empty")
    assert list(queues.dead) == returned(queues) == ["again 1", "again 2"]


EVENTS = [unpublished.write("CommandFailed", {"number": number})["MessageBody"] for number in range(2)]


@pytest.mark.parametrize(
    ("bus_takes", "expected"),
    [
        (True, RedriveReport(examined=3, moved=2, refused=1, stopped="empty")),
        (False, RedriveReport(examined=2, refused=2, stopped="refused")),
    ],
)
def test_only_a_bus_that_takes_nothing_ends_a_run_and_not_an_unreadable_message(
    patience: Patience, bus_takes: bool, expected: RedriveReport
) -> None:
    # Given something that is not an event before two that are
    queues = Queues({body: command_of(body, body) for body in ("x", *EVENTS)})
    published: list[Any] = []

    def publish(_queue: object, received: Any) -> None:
        bus: Any = mock.Mock(publish=lambda entries: published.extend(entries) if bus_takes else entries)
        send_back.event(bus, received)

    # When they are redriven one by one
    assert run(queues, patience, way=publish, queue=DeadLetterQueue.UNPUBLISHED, rate=1) == expected
    assert [entry.detail for entry in published] == [{"number": 0}, {"number": 1}][: expected.moved]


@pytest.mark.parametrize(
    ("asked", "moved"),
    [
        ({"reason": FailureReason.NOT_JSON}, {"binary", "text"}),
        ({"reason": FailureReason.EXHAUSTED}, {"good", "bare", "encoded"}),
        ({"reason": FailureReason.TIMESTAMP_IN_FUTURE}, {"ahead"}),
        ({"reason": FailureReason.UNSTORABLE}, {"recorded"}),
        ({"service_request_id": "VC-1"}, {"good", "ahead"}),
        ({"service_request_id": "VC-1", "reason": FailureReason.EXHAUSTED}, {"good"}),
        ({"service_request_id": "VC-4"}, {"encoded"}),
        ({"service_request_id": "VC-2", "reason": FailureReason.NOT_JSON}, set()),
    ],
)
def test_messages_are_chosen_by_reason_and_service_request(
    patience: Patience, asked: dict[str, Any], moved: set[str]
) -> None:
    # Given messages of all sorts: as base64, without attributes, with an attribute that is no text, with a reason in
    # the journal
    other = {"other": {"DataType": "Binary", "BinaryValue": b"x"}}
    good, recorded = dead_letter(body(service_request_id="VC-1"), "good"), body(service_request_id="VC-3")
    encoded = body(service_request_id="VC-4", action="N").replace(b"N", "\uffff".encode())
    queues = Queues(
        {
            "encoded": dead_letter(encoded, "encoded"),
            "binary": dead_letter(b"\xff", "binary"),
            "text": dead_letter(b"x", "text"),
            "good": good | {"MessageAttributes": good["MessageAttributes"] | other},
            "bare": command_of(body(service_request_id="VC-2").decode(), "bare"),
            "ahead": dead_letter(body(service_request_id="VC-1", event_timestamp="2026-03-01T12:15:01Z"), "ahead"),
            "recorded": dead_letter(recorded, "recorded"),
        }
    )
    everything = set(queues.dead)
    # When some are asked for, Then those are moved
    report = run(queues, patience, recorded={recorded: "unstorable"}.get, **asked)
    assert everything - set(queues.dead) == moved
    assert report == RedriveReport(examined=7, moved=len(moved), skipped=7 - len(moved), stopped="empty")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"reason": FailureReason.NOT_JSON}, RedriveReport(examined=20, skipped=20, stopped="unanswered")),
        ({}, RedriveReport(examined=25, moved=25, stopped="empty")),
    ],
)
def test_a_journal_that_does_not_answer_ends_a_run_by_reason_and_no_other(
    patience: Patience, asked: dict[str, Any], expected: RedriveReport
) -> None:
    # Given a journal that answers for two batches
    queues, recorded = dead_letters(25), mock.Mock(side_effect=[None] * 20 + [TimeoutError] * 5)
    # When a run asks it, Then what it has looked at is reported, and all that it held is returned
    assert run(queues, patience, recorded=recorded, **asked) == expected
    assert len(returned(queues)) == 25 - expected.moved


def test_moves_are_reported_when_the_queue_stops_answering(patience: Patience, counted: Counter[str]) -> None:
    # Given a dead-letter queue that answers once
    class AnswersOnce(Queues):
        def receive(self, *, maximum: int, visibility_timeout: int) -> list[dict[str, Any]]:
            if self.received:
                raise RuntimeError
            return super().receive(maximum=maximum, visibility_timeout=visibility_timeout)

    # When all are asked for, Then the report says what was done, and so does the metric
    report = run(AnswersOnce(dead_letters(12).dead), patience)
    assert report == RedriveReport(examined=10, moved=10, stopped="unanswered")
    assert counted == {"Redriven": 10}
