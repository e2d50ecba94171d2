"""The scenario: signed webhooks of a service request's life, and after each what the tables and queues must hold."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

import simulator
from local import patience
from local.emulator import Emulator
from local.report import Report
from local.stack_reader import UNREADABLE, StackReader
from simulator import VectorCare, Webhook
from vectorcare_bridge.edge.dynamodb_item import Item

# An event dated further ahead than this is refused until then: applied, it would freeze its service request.
_FUTURE_TOLERANCE = timedelta(minutes=15)
# How much further ahead the poison event is: it must have used up its 30 receives before its time comes.
_POISON_LEAD = timedelta(seconds=2 * patience.SECONDS)
_NOTICE = timedelta(hours=2)  # from the broadcast to the pickup


class ScenarioFailedError(Exception):
    """Something did not come out as it must; the report has printed what."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One delivery, and what the stack must make of it.

    Attributes
    ----------
    title, meaning : str
        For the reader.
    sent : Webhook
        What is delivered.
    journal : tuple of Webhook
        The webhooks that the journal must hold for the service request afterwards, byte for byte.
    state : Webhook
        The one of them that must own the service request's item.
    writes : int
        How many times that item must have been written.
    status : int
        What the HTTP answer must be.
    forged : bool
        Sign with a key that is not VectorCare's.
    """

    title: str
    meaning: str
    sent: Webhook
    journal: tuple[Webhook, ...]
    state: Webhook
    writes: int
    status: int = 200
    forged: bool = False


def steps(now: datetime) -> tuple[Step, ...]:
    """Make the life of one service request, disorder included; its events lie in the minutes before `now`."""
    broadcast = _broadcast(at=now - timedelta(minutes=9))
    pickup = broadcast.event_timestamp + _NOTICE

    def event(minutes_ago: int, status: str, action: str, pickup: datetime) -> Webhook:
        at = now - timedelta(minutes=minutes_ago)
        return replace(
            broadcast,
            event_id=simulator.new_event_id(at),
            event_timestamp=at,
            request_status=status,
            action=action,
            data=simulator.trip(broadcast.service_request_id, pickup=pickup),
        )

    assigned = event(7, "ASSIGNED", "BROADCAST_ACCEPTED", pickup)
    late = event(5, "ASSIGNED", "REQUEST_DATA_UPDATED", pickup + timedelta(minutes=15))
    updated = event(3, "ASSIGNED", "REQUEST_DATA_UPDATED", pickup + timedelta(minutes=30))
    completed = event(1, "COMPLETED", "REQUEST_COMPLETED", pickup + timedelta(minutes=30))
    restamped = replace(broadcast, event_timestamp=now)
    return (
        Step(
            title="Broadcast",
            meaning="a hospital offers a trip; its first webhook creates the service request",
            sent=broadcast,
            journal=(broadcast,),
            state=broadcast,
            writes=1,
        ),
        Step(
            title="Assigned",
            meaning="we have accepted; the newer event replaces the state, the journal keeps both",
            sent=assigned,
            journal=(broadcast, assigned),
            state=assigned,
            writes=2,
        ),
        Step(
            title="Data updated",
            meaning="the pickup moves by half an hour; new data replaces old",
            sent=updated,
            journal=(broadcast, assigned, updated),
            state=updated,
            writes=3,
        ),
        Step(
            title="Completed",
            meaning="the trip is over; an action that VectorCare does not document is accepted as well",
            sent=completed,
            journal=(broadcast, assigned, updated, completed),
            state=completed,
            writes=4,
        ),
        Step(
            title="Duplicate",
            meaning="VectorCare sends the assignment again; it is accepted and changes nothing",
            sent=assigned,
            journal=(broadcast, assigned, updated, completed),
            state=completed,
            writes=4,
        ),
        Step(
            title="Out of order",
            meaning="an older update arrives late; it is journaled, the state does not go back",
            sent=late,
            journal=(broadcast, assigned, updated, completed, late),
            state=completed,
            writes=4,
        ),
        Step(
            title="Re-stamped",
            meaning="the broadcast again, now with another time; the first one counts, the state does not change",
            sent=restamped,
            journal=(broadcast, assigned, updated, completed, late, restamped),
            state=completed,
            writes=4,
        ),
        Step(
            title="Forged",
            meaning="a cancellation signed with another key; it is refused, nothing is stored",
            sent=event(0, "UNAVAILABLE", "BROADCAST_CANCELED", pickup),
            journal=(broadcast, assigned, updated, completed, late, restamped),
            state=completed,
            writes=4,
            status=401,
            forged=True,
        ),
    )


class Scenario:
    """Plays the steps against a stack and compares.

    Parameters
    ----------
    vectorcare : VectorCare
        Sends to the stack.
    private_key : RSAPrivateKey
        What it signs with.
    stack : StackReader
        Reads the stack's tables and queues.
    report : Report
        Prints it.
    emulator : Emulator
        Its clock is moved, so that nobody has to wait.
    """

    def __init__(
        self,
        *,
        vectorcare: VectorCare,
        private_key: RSAPrivateKey,
        stack: StackReader,
        report: Report,
        emulator: Emulator,
    ) -> None:
        self._vectorcare = vectorcare
        self._private_key = private_key
        self._forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._stack = stack
        self._report = report
        self._emulator = emulator
        self._first_revisions: dict[str, int] = {}

    def play(self) -> bool:
        """Play everything, up to the first thing that is wrong; return whether all came out as it must."""
        story = steps(_now())
        try:
            for number, step in enumerate(story, start=1):
                self._play_step(number, step)
            self._play_poison(len(story) + 1)
        except ScenarioFailedError:
            return False
        except patience.GaveUpError as error:
            self._report.check("it comes to an end", holds=False, found=str(error))
            return False
        return True

    def _play_step(self, number: int, step: Step) -> None:
        name = step.sent.service_request_id
        before = {entry["event_id"] for entry in self._stack.journal(name)}
        with self._report.step(number, step.title, step.meaning):
            self._send(step.sent, signer=self._forger if step.forged else self._private_key, status=step.status)
            self._stack.settle()
            self._check_tables(name, state=step.state, writes=step.writes, journal=step.journal, known=before)

    def _play_poison(self, number: int) -> None:
        poison = _broadcast(at=_now() + _FUTURE_TOLERANCE + _POISON_LEAD)
        dead_before = self._stack.dead()
        with self._report.step(
            number,
            "Dead letter",
            "an event from the future would hide all that follows; it goes to the dead-letter queue",
        ):
            self._send(poison, signer=self._private_key, status=200)
            self._stack.settle()
            self._check_dead(poison, dead_before + 1)
        with self._report.step(
            number + 1, "Redrive", "its time has come (the local clock is moved); the redrive applies it"
        ):
            self._emulator.move_clock(seconds_ahead=_POISON_LEAD.total_seconds())
            try:
                self._redrive(poison, count=dead_before + 1)
            finally:
                self._emulator.move_clock(seconds_ahead=0)

    def _redrive(self, poison: Webhook, *, count: int) -> None:
        answer = self._stack.invoke("RedriveFunction", {})
        self._report.detail("redrive", json.dumps(answer))
        self._check(f"it moved {count}", answer.get("moved") == count, answer)
        self._stack.settle()
        self._check("no dead letter is left", self._stack.dead() == 0, self._stack.dead())
        self._check_tables(poison.service_request_id, state=poison, writes=1, journal=(poison,), known=())

    def _send(self, webhook: Webhook, *, signer: RSAPrivateKey, status: int) -> None:
        answer = self._vectorcare.send(webhook.body, signature=simulator.sign(webhook.body, signer))
        signed = "signed by VectorCare" if signer is self._private_key else "signed with another key"
        self._report.detail(
            "sent",
            f"{webhook.request_status} {webhook.action}, dated {webhook.event_timestamp:%H:%M:%S} "
            f"({len(webhook.body)} bytes, {signed})",
        )
        self._report.detail("answered", f"{answer.status} {answer.text} in {answer.seconds * 1000:.0f} ms")
        self._check(f"the answer is {status}", answer.status == status, answer.status)

    def _check_tables(
        self,
        service_request_id: str,
        *,
        state: Webhook,
        writes: int,
        journal: Sequence[Webhook],
        known: Collection[str],
    ) -> None:
        item = self._stack.service_request(service_request_id)
        entries = self._stack.journal(service_request_id)
        self._report.service_request(service_request_id, item)
        self._report.journal(service_request_id, entries, new={entry["event_id"] for entry in entries} - {*known})
        self._check_state(item, state, writes)
        self._check_journal(entries, journal)

    def _check_state(self, item: Item | None, expected: Webhook, writes: int) -> None:
        # A revision counts on from the clock at the first write.
        seen = int((item or {}).get("revision", 0))
        first = self._first_revisions.setdefault(expected.service_request_id, seen)
        wanted = {
            "event_id": expected.event_id,
            "last_updated": expected.event_timestamp.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
            "request_status": expected.request_status,
            "action": expected.action,
            "data": json.loads(expected.body, parse_float=Decimal)["data"],
            "data_event_id": expected.event_id,
            "revision": first + writes - 1,
        }
        wrong = [name for name, value in wanted.items() if (item or {}).get(name) != value]
        self._check(
            f"the item is {expected.request_status} {expected.action} and its data, after {_counted(writes, 'write')}",
            not wrong,
            "no item" if item is None else f"other {', '.join(wrong)}",
        )

    def _check_journal(self, entries: Sequence[Item], expected: Sequence[Webhook]) -> None:
        kept = sorted((entry["event_id"].partition("#")[0], entry["body"], entry["signature"]) for entry in entries)
        wanted = sorted(
            (webhook.event_id, webhook.body, simulator.sign(webhook.body, self._private_key)) for webhook in expected
        )
        self._check(
            f"the journal holds {_counted(len(expected), 'webhook')}, byte for byte, with the signature",
            kept == wanted,
            f"{_counted(len(kept), 'webhook')}",
        )

    def _check_dead(self, poison: Webhook, count: int) -> None:
        item = self._stack.service_request(poison.service_request_id)
        entry = self._stack.unreadable(poison.body)
        self._report.detail("dead", f"{_counted(self._stack.dead(), 'message')} in the dead-letter queue")
        self._report.service_request(poison.service_request_id, item)
        self._report.journal(UNREADABLE, [entry] if entry else [], new={entry["event_id"]} if entry else ())
        self._check("it is a dead letter", self._stack.dead() == count, self._stack.dead())
        self._check("it has made no item", item is None, "one")
        self._check(
            "the journal holds it, byte for byte", entry is not None and entry["body"] == poison.body, "nothing"
        )

    def _check(self, what: str, holds: bool, found: object) -> None:
        self._report.check(what, holds=holds, found=str(found))
        if not holds:
            raise ScenarioFailedError(what)


def _now() -> datetime:
    """Return the time to the second, so that the tables show it as it was sent."""
    return datetime.now(UTC).replace(microsecond=0)


def _broadcast(*, at: datetime) -> Webhook:
    service_request_id = simulator.new_service_request_id()
    return Webhook(
        event_id=simulator.new_event_id(at),
        event_timestamp=at,
        service_request_id=service_request_id,
        request_status="AVAILABLE",
        action="BROADCAST_RECEIVED",
        data=simulator.trip(service_request_id, pickup=at + _NOTICE),
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
