"""Deliberate faults in the functions, and the rule that each must be caught breaking."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from simulation.plan.plan import Operation, Plan, Redrive, Sending
from simulation.plan.unwelcome import unreadable
from simulation.world import faults
from simulation.world.faults import Outage
from simulation.world.loader import Flaw


@dataclass(frozen=True)
class Variant:
    """A flawed product: what is wrong with it, and what the simulation has to say of it, among other things.

    `first` is the seed from which on to look, and `trouble` adds to its plan, for flaws that show only where something
    rare happens.
    """

    name: str
    rule: str
    flaw: Flaw | None = None
    settings: dict[str, Any] | None = None
    first: int = 0
    trouble: Callable[[Plan], Plan] = lambda plan: plan

    def plan(self, drawn: Plan) -> Plan:
        """Put the faults of the stack, and the trouble, into a plan."""
        return self.trouble(replace(drawn, settings=replace(drawn.settings, **(self.settings or {}))))


def _in(module: str, right: str, wrong: str) -> Flaw:
    return Flaw(module, ((right, wrong),))


def _outage(service: str) -> Callable[[Plan], Plan]:
    """Let a service refuse for an hour, from before the first webhook."""

    def trouble(plan: Plan) -> Plan:
        outage = Outage(frozenset({service}), begins=plan.begins, ends=plan.begins + 3600)
        return replace(plan, operations=[outage, *plan.operations])

    return trouble


def _faults(**rates: float) -> Callable[[Plan], Plan]:
    """Let faults of these kinds strike, and no others."""
    kinds = {getattr(faults, name): rate for name, rate in rates.items()}
    return lambda plan: replace(plan, rates=kinds)


def _poisoned(plan: Plan) -> Plan:
    """Send fourteen webhooks that cannot be read, a binary one among them, and redrive."""
    numbers = range(24, 38)
    poison = [Sending(1_000_000 + number, float(number), unreadable(Random(number), number)) for number in numbers]
    redrives: list[Operation] = [Redrive(100.0 * number, {}) for number in range(1, 6)]
    return replace(plan, sendings=[*plan.sendings, *poison], operations=redrives, rates={})


def _untroubled(plan: Plan) -> Plan:
    return replace(_poisoned(plan), operations=[])


def _poisoned_without_tables(plan: Plan) -> Plan:
    return _outage("dynamodb")(_poisoned(plan))


def _poisoned_and_crashing(plan: Plan) -> Plan:
    return _faults(CRASH_BEFORE=0.1)(_poisoned(plan))


def _simultaneous(plan: Plan) -> Plan:
    """Send, after each of some events, another of the same instant."""
    events = [one.event for one in plan.sendings if one.event and one.event.event_id][:40]
    others = [replace(event, event_id=f"{event.event_id}z", data={"after": event.event_id}) for event in events]
    twins = [Sending(1_000_000 + n, max(0.0, one.at) + 60, one.content(), one) for n, one in enumerate(others)]
    return replace(plan, sendings=[*plan.sendings, *twins], rates={})


def _from_the_future(plan: Plan) -> Plan:
    """Send an event two hours early."""
    sending = next(one for one in plan.sendings if one.event and one.at >= 0)
    assert sending.event
    event = replace(sending.event, event_id="future", at=sending.at + 7200)
    early = Sending(1_000_000, sending.at, event.content(), event)
    return replace(plan, sendings=[*plan.sendings, early], rates={})


_STORE, _FOLD, _ENVELOPE = (f"vectorcare_bridge.{name}" for name in ("store", "fold", "envelope"))

VARIANTS = (
    Variant(
        "the condition is `<=`, so that the tie-break decides nothing",
        "the state went back in time",
        _in(_STORE, "f\"({first.format('<')} OR", "f\"({first.format('<=')} OR"),
    ),
    Variant(
        "no tie-break: the first of two events of one instant stays",
        "the state is not the newest event",
        _in(_STORE, "AND {second.format('<')}))", "AND {second.format('<')} AND {second.format('>')}))"),
        settings={"order_by": "event_timestamp"},
        trouble=_simultaneous,
    ),
    Variant(
        "an event without data erases the data",
        "the state went back in time",
        _in(
            _STORE,
            "        if event.data is not None:\n            assignments |= fold.data_register(event)\n",
            "        assignments |= (fold.data_register(event) if event.data is not None else\n"
            "            dict.fromkeys(('data', 'data_as_of', 'data_event_id')))\n",
        ),
    ),
    Variant(
        "an event without data keeps older data out",
        "the state's data is not the newest",
        _in(_STORE, "if with_data is not None and not data_taken and", "if with_data is event and not data_taken and"),
    ),
    Variant(
        "the journal is checked by nobody: the last delivery wins",
        "a journal entry was changed",
        _in(_STORE, '                ConditionExpression="attribute_not_exists(event_id)",\n', ""),
    ),
    Variant(
        "other bytes under a known event id are not kept",
        "accepted, and not in the journal",
        _in(_STORE, "if has_other_bytes:", "if False:"),
    ),
    Variant(
        "an old event may make an item",
        "an event older than the retention made an item",
        _in(_STORE, "may_create=may_create, received_at", "may_create=True, received_at"),
    ),
    Variant(
        "a request that is open again keeps its expiry",
        "a closed request does not expire, or an open one does",
        _in(
            _STORE,
            "absent = sorted(assignments.keys() - present.keys())",
            "absent = sorted(assignments.keys() - present.keys() - {'expires_at'})\n"
            "        assignments = {\n            name: value\n            for name, value in assignments.items()\n"
            "            if value is not None or name in absent\n        }",
        ),
    ),
    Variant(
        "an event that overtakes an older one of its batch keeps that one's data out",
        "the state's data is not the newest",
        _in(
            _FOLD,
            "newest_data=with_data[-1] if with_data else None",
            "newest_data=with_data[-1] if with_data and with_data[-1] is oldest_first[-1] else None",
        ),
    ),
    Variant(
        "times are compared as they were written",
        "journaled under a wrong key or time",
        _in(_ENVELOPE, "return instant.parse(value)", "instant.parse(value)\n        return value"),
    ),
    Variant(
        "events of the future are applied",
        "dated in the future, and applied",
        _in(_ENVELOPE, "FUTURE_TOLERANCE_MINUTES = 15", "FUTURE_TOLERANCE_MINUTES = 10**6"),
        trouble=_from_the_future,
    ),
    Variant(
        "the state moves although the journal refused",
        "in the state before it was in the journal",
        _in(
            "processor.process",
            "        except Exception as error:  # noqa: BLE001 whatever it is, the message is tried again\n"
            "            return _Failed(delivery, error, event=event)\n\n    def _enter_unreadable",
            "        except Exception:\n"
            "            return _Journaled(delivery, Entry(event, delivery.webhook.received_at))\n\n"
            "    def _enter_unreadable",
        ),
        trouble=_faults(FAILS=0.4),
    ),
    Variant(
        "what is poisonous is dropped",
        "can never be applied, and is not among the dead",
        _in(
            "processor.process",
            "return [one.delivery.message_id for one in failed]",
            "return [one.delivery.message_id for one in failed if one.reason is None]",
        ),
    ),
    Variant(
        "a permanent failure is tried again like any other",
        "a permanent failure has to wait",
        _in("processor.process", "seconds = 0 if failed.reason else", "seconds ="),
    ),
    Variant(
        "neither queue nor spool took it, and the answer is 200",
        "answered 2xx before it was kept",
        _in("ingest.keep", "raise NotKeptError from None", "return"),
    ),
    Variant(
        "the answer does not wait for the queue",
        "answered 2xx before it was kept",
        _in(
            "ingest.keep",
            "queue.send(message.encode(webhook))).result(timeout=QUEUE_SECONDS)",
            "queue.send(message.encode(webhook)))",
        ),
    ),
    Variant(
        "any signature will do",
        "forged or another customer's, and accepted",
        _in("vectorcare_bridge.signature", "            continue\n", "            return key\n"),
    ),
    Variant(
        "the customer is not looked at",
        "forged or another customer's, and accepted",
        _in("ingest.request", "if not hmac.compare_digest(given, customer_id.encode()):", "if False:"),
    ),
    Variant(
        "the drain deletes before it sends",
        "lost",
        _in(
            "drain.drain",
            "        message_id = queue.send(message.encode(webhook))\n",
            "        spool.delete(key)\n        message_id = queue.send(message.encode(webhook))\n",
        ),
    ),
    Variant(
        "a redriven letter loses its attributes",
        "what nobody may send was kept",
        _in(
            "redrive.ways",
            'MessageAttributes=message.redriven(letter.get("MessageAttributes", {})),',
            "MessageAttributes={},",
        ),
        trouble=_poisoned,
    ),
    Variant(
        "the text of an error is logged",
        "a payload value was logged",
        _in(
            "vectorcare_bridge.observability",
            'return f"{type(error).__name__}: {code}" if code else type(error).__name__',
            'return f"{type(error).__name__}: {error}{code}"',
        ),
    ),
    Variant(
        "the reason for a death is not in the list",
        "died for no reason of the list",
        _in("vectorcare_bridge.failure", 'UNSTORABLE = "unstorable"', 'UNSTORABLE = "strange"'),
    ),
    Variant(
        "after a conflict in the journal the delivery's own event goes on to the state",
        "the state is not what the journal says",
        _in(
            _STORE,
            'event=replace(envelope.read(known_body), last_updated=stored["last_updated"])',
            "event=event",
        ),
        first=12,
    ),
    Variant(
        "what is poisonous is given up before it is journaled",
        "a webhook died that nothing is wrong with",
        _in(
            "processor.process",
            "        except Exception as error:  # noqa: BLE001 not yet kept for good, so not yet given up\n"
            "            return _Failed(delivery, error, event=event)\n",
            "        except Exception:\n            pass\n",
        ),
        trouble=_poisoned_without_tables,
    ),
    Variant(
        "ten receives instead of thirty",
        "a webhook died that nothing is wrong with",
        settings={"max_receives": 10},
        trouble=_outage("dynamodb"),
    ),
    Variant(
        "the longest wait is half a minute",
        "a webhook died that nothing is wrong with",
        _in("vectorcare_bridge.failure", "LONGEST_BACKOFF_SECONDS = 900", "LONGEST_BACKOFF_SECONDS = 30"),
        trouble=_outage("dynamodb"),
    ),
    Variant(
        "all webhooks of a second share one place in the spool",
        "lost",
        _in(
            "vectorcare_bridge.spool",
            "{webhook.received_at}-{envelope.digest(webhook.body)}",
            "{webhook.received_at[:19]}",
        ),
        trouble=_outage("sqs"),
    ),
    Variant(
        "the redrive deletes before it sends",
        "can never be applied, and is not among the dead",
        _in(
            "redrive.redrive",
            "        try:\n            message_id = self._send(letter)\n",
            "        self._dead_letters.delete(letter['ReceiptHandle'])\n"
            "        try:\n            message_id = self._send(letter)\n",
        ),
        trouble=_poisoned_and_crashing,
    ),
    Variant(
        "the signature is checked over the body written anew",
        "signed for us, and refused",
        Flaw(
            "ingest.handler",
            (
                ("import os\n", "import json\nimport os\n"),
                ("signature.verify(asked.body,", "signature.verify(json.dumps(json.loads(asked.body)).encode(),"),
            ),
        ),
    ),
    Variant(
        "the body is parsed before the signature is checked",
        "signed for us, and not accepted though nothing was in its way",
        Flaw(
            "ingest.handler",
            (
                ("import os\n", "import json\nimport os\n"),
                ("        key = _verify(asked)\n", "        json.loads(asked.body)\n        key = _verify(asked)\n"),
            ),
        ),
        trouble=_untroubled,
    ),
    Variant(
        "the body is logged",
        "a payload value was logged",
        _in(
            "ingest.handler",
            "valid=True, key=key.fingerprint)",
            "valid=True, key=asked.body.decode(errors='replace'))",
        ),
    ),
    Variant(
        "the attribute of the time to live is misspelled",
        "a closed request does not expire, or an open one does",
        _in(_FOLD, '"expires_at": expires_at(', '"expire_at": expires_at('),
    ),
    Variant(
        "the answer does not wait for the spool",
        "answered 2xx before it was kept",
        _in(
            "ingest.keep",
            "spool.store(webhook)).result(timeout=SPOOL_SECONDS)",
            "spool.store(webhook))",
        ),
    ),
    Variant(
        "after a conflict in the journal the delivery's own time goes on to the state",
        "the state is not what the journal says",
        _in(_STORE, 'last_updated=stored["last_updated"])', "last_updated=event.last_updated)"),
        first=12,
    ),
    Variant(
        "the journal is asked first and written to afterwards",
        "a journal entry was changed",
        _in(
            _STORE,
            """        try:
            self._client.put_item(
                TableName=self._table,
                Item=_attributes(item),
                ConditionExpression="attribute_not_exists(event_id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except""",
            """        try:
            self._client.update_item(
                TableName=self._table,
                Key=_attributes({name: item[name] for name in ("service_request_id", "event_id")}),
                UpdateExpression="SET #asked = :asked",
                ConditionExpression="#asked = :asked",
                ExpressionAttributeNames={"#asked": "asked"},
                ExpressionAttributeValues=_attributes({":asked": 1}),
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            stored = _stored_item(error)
            if stored:
                return stored
        try:
            self._client.put_item(TableName=self._table, Item=_attributes(item))
        except""",
        ),
    ),
    Variant(
        "what the bus refuses is forgotten",
        "a change was not published",
        _in("publisher.publish", "        for entry in failed:\n            self._set_aside(entry)\n", ""),
    ),
    Variant(
        "a call to the bus that is answered counts as taken",
        "a change was not published",
        _in("vectorcare_bridge.bus", 'if "EventId" not in taken]', "if False]"),
    ),
    Variant(
        "what is set aside holds patient data",
        "patient data was set aside",
        _in("publisher.publish", 'if name != "data"}', "}"),
    ),
    Variant(
        "patient data is published though nobody asked for it",
        "patient data was published",
        _in("publisher.publish", "one.with_data() if self.with_data else one.detail", "one.with_data()"),
    ),
    Variant(
        "a batch that could not be published counts as done",
        "a change was not published",
        _in("publisher.handler", "        raise NotPublishedError from None\n", ""),
        trouble=_faults(FAILS=0.5),
    ),
)
