"""The scenario: signed webhooks of a service request's life, and after each what the tables and queues must hold."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum

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


class ScenarioFailedError(Exception):
    """A result is wrong; the report has printed which."""


class Effect(Enum):
    """What the stack must do with a webhook."""

    APPLIED = "journal and state"
    JOURNALED = "journal alone"
    NOTHING = "accepted, and nothing changes"
    REFUSED = "401, and nothing changes"


@dataclass(frozen=True)
class Step:
    """One delivery; `title` and `meaning` are for the reader."""

    title: str
    meaning: str
    sent: Webhook
    effect: Effect


def steps(now: datetime) -> tuple[Step, ...]:
    """Make the life of one service request, disorder included; its events happen in the minutes before `now`."""
    broadcast = simulator.sample_webhook(at=now - timedelta(minutes=9))

    def event(minutes_ago: int, status: str, action: str, *, delayed: int = 0) -> Webhook:
        return simulator.sample_webhook(
            at=now - timedelta(minutes=minutes_ago),
            request_status=status,
            action=action,
            service_request_id=broadcast.service_request_id,
            pickup=broadcast.event_timestamp + timedelta(hours=2, minutes=delayed),
        )

    assigned = event(7, "ASSIGNED", "BROADCAST_ACCEPTED")
    late = event(5, "ASSIGNED", "REQUEST_DATA_UPDATED", delayed=15)
    updated = event(3, "ASSIGNED", "REQUEST_DATA_UPDATED", delayed=30)
    completed = event(1, "COMPLETED", "REQUEST_COMPLETED", delayed=30)
    canceled = event(0, "UNAVAILABLE", "BROADCAST_CANCELED")
    return (
        Step(
            "Broadcast",
            "a hospital offers a trip; its first webhook creates the service request",
            broadcast,
            Effect.APPLIED,
        ),
        Step(
            "Assigned",
            "we have accepted; the newer event replaces the state, the journal keeps both",
            assigned,
            Effect.APPLIED,
        ),
        Step("Data updated", "the pickup moves by half an hour; new data replaces old", updated, Effect.APPLIED),
        Step(
            "Completed",
            "the trip is over; an action that VectorCare does not document is accepted as well",
            completed,
            Effect.APPLIED,
        ),
        Step(
            "Duplicate",
            "VectorCare sends the assignment again; it is accepted and changes nothing",
            assigned,
            Effect.NOTHING,
        ),
        Step(
            "Out of order",
            "an older update arrives late; it is journaled, the state does not go back",
            late,
            Effect.JOURNALED,
        ),
        Step(
            "Re-stamped",
            "the broadcast again, now with another time; the first one counts, the state does not change",
            replace(broadcast, event_timestamp=now),
            Effect.JOURNALED,
        ),
        Step(
            "Forged",
            "a cancellation signed with another key; it is refused, nothing is stored",
            canceled,
            Effect.REFUSED,
        ),
    )


class Scenario:
    """Plays the steps against a stack and compares.

    The emulator's clock is moved to save a long wait.
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
        self._shown: set[str] = set()

    def play(self) -> bool:
        """Play everything, up to the first wrong result; return whether all results are right."""
        story, applied, journal = steps(_now()), [], []
        try:
            for number, step in enumerate(story, start=1):
                applied += [step.sent] if step.effect is Effect.APPLIED else []
                journal += [step.sent] if step.effect in (Effect.APPLIED, Effect.JOURNALED) else []
                self._play_step(number, step, applied, journal)
            self._play_poison(len(story) + 1)
        except ScenarioFailedError:
            return False
        except patience.GaveUpError as error:
            self._report.check("it comes to an end", holds=False, found=str(error))
            return False
        return True

    def _play_step(self, number: int, step: Step, applied: Sequence[Webhook], journal: Sequence[Webhook]) -> None:
        with self._report.step(number, step.title, step.meaning):
            if step.effect is Effect.REFUSED:
                self._send(step.sent, signer=self._forger, status=401)
            else:
                self._send(step.sent, signer=self._private_key, status=200)
            self._stack.settle()
            self._check_tables(applied, journal)

    def _play_poison(self, number: int) -> None:
        poison = simulator.sample_webhook(at=_now() + _FUTURE_TOLERANCE + _POISON_LEAD)
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
        self._check_tables([poison], [poison])

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

    def _check_tables(self, applied: Sequence[Webhook], journal: Sequence[Webhook]) -> None:
        service_request_id = applied[0].service_request_id
        item, entries = self._stack.service_request(service_request_id), self._stack.journal(service_request_id)
        self._report.service_request(service_request_id, item)
        self._report.journal(service_request_id, entries, new={entry["event_id"] for entry in entries} - self._shown)
        self._shown.update(entry["event_id"] for entry in entries)
        self._check_state(item, applied[-1], writes=len(applied))
        self._check_journal(entries, journal)

    def _check_state(self, item: Item | None, expected: Webhook, *, writes: int) -> None:
        # A revision starts from the clock at the first write.
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


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
