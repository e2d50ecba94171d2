"""Flaws of the ways in which commands and unpublished events come back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.verification.simulation.flaws.variant import Variant, in_module
from verification.simulation.plan.draw_outbound import draw_outbound
from verification.simulation.plan.outbound import Expected, OutboundPlan, PlannedCommand
from verification.simulation.plan.plan import Operation, Plan, Redrive
from verification.simulation.world import faults
from verification.simulation.world.faults import Outage
from verification.simulation.world.loader import Flaw

_WAYS, _REDRIVE, _HANDLER = "redrive.send_back", "redrive.redrive", "sender.handler"
_MINUTES = range(60, 4200, 180)


def _unpublished(**asked: Any) -> Callable[[Plan], Plan]:
    """Let the bus refuse four of five events each time, and redrive what it went on refusing again and again."""

    def trouble(plan: Plan) -> Plan:
        redrives: list[Operation] = [Redrive(at, {"queue": "unpublished", **asked}) for at in _MINUTES]
        return replace(
            plan,
            settings=replace(plan.settings, span=600.0),
            operations=redrives,
            rates={faults.EVENT_REFUSED: 0.8},
            outbound=OutboundPlan(),
        )

    return trouble


def _commands(plan: Plan) -> Plan:
    """Let many commands die before their time, as VectorCare is out of reach for an hour, and redrive them."""
    redrives: list[Operation] = [Redrive(at, {"queue": "outbound"}) for at in _MINUTES]
    outage = Outage(frozenset({"vectorcare"}), 100.0, 3700.0, "ServiceUnavailable")
    commands = draw_outbound(plan.seed, 1600, span=600.0)
    return replace(
        plan,
        settings=replace(plan.settings, visibility_timeout=360, skew=0.0),
        sendings=plan.sendings[:10],
        operations=redrives,
        rates={},
        outbound=replace(commands, outages=(outage,), rotations=(), max_receives=3),
    )


def _an_unreadable_command(plan: Plan) -> Plan:
    """Redrive a command that cannot be read."""
    plan = _commands(plan)
    command = PlannedCommand(0, 1.0, "{", "unreadable", "", "", frozenset(), Expected.UNREADABLE, "not_json")
    redrives: list[Operation] = [Redrive(100.0, {"queue": "outbound"})]
    return replace(plan, operations=redrives, outbound=OutboundPlan(commands=(command,)))


def _commands_delivered_twice(plan: Plan) -> Plan:
    """Let commands die while they are sent, and redrive them."""
    plan = _commands(plan)
    return replace(
        plan,
        settings=replace(plan.settings, visibility_timeout=2, latency=0.3),
        rates={faults.SLOW: 0.3, faults.BATCH_TWICE: 0.3},
        outbound=replace(plan.outbound, outages=(), max_receives=1),
    )


_DELETES_FIRST = in_module(
    _REDRIVE,
    "        try:\n            message_id = self._send(letter)\n",
    "        self._dead_letters.delete(letter['ReceiptHandle'])\n"
    "        try:\n            message_id = self._send(letter)\n",
)

VARIANTS = (
    Variant(
        "a redrive deletes an event before it publishes it",
        "no longer set aside, and not published",
        _DELETES_FIRST,
        trouble=_unpublished(),
    ),
    Variant(
        "an event that the bus does not take a second time is deleted all the same",
        "no longer set aside, and not published",
        in_module(_WAYS, "        raise NotTakenError\n", "        return\n"),
        trouble=_unpublished(),
    ),
    Variant(
        "an event is published without what it says",
        "published, and never happened",
        in_module(_WAYS, "event_detail.fit(detail)", "{}"),
        trouble=_unpublished(),
    ),
    Variant(
        "a dry run publishes",
        "a dry run moved something",
        in_module(
            _REDRIVE, "        if request.dry_run:\n", "        if request.dry_run and request.queue == 'inbound':\n"
        ),
        trouble=_unpublished(dry_run=True),
    ),
    Variant(
        "events are chosen by no reason",
        "a redrive moved what its filter leaves out",
        in_module(
            _REDRIVE,
            "        if request.reason is None:\n            return True\n",
            "        if request.reason != 'something':\n            return True\n",
        ),
        trouble=_unpublished(reason="unreadable"),
    ),
    Variant(
        "a redrive deletes a command before it sends it",
        "the last copy of a command went before its end was told",
        _DELETES_FIRST,
        trouble=_commands,
    ),
    Variant(
        "a redriven command gets another name",
        "told, and nobody gave that command",
        in_module(
            _HANDLER,
            'first_id=redriven_command.first_message_id(values, record["messageId"]),',
            'first_id=record["messageId"],',
        ),
        trouble=_commands,
    ),
    Variant(
        "a redriven command does not say what it was called",
        "a command came back under another name",
        in_module(
            _WAYS,
            'message_id=letter["MessageId"],',
            'message_id=letter["ReceiptHandle"],',
        ),
        trouble=_commands,
    ),
    Variant(
        "a redriven command's age starts anew",
        "sent when its time was over",
        in_module(
            _HANDLER, "sent_at=redriven_command.first_sent_at(\n            values, ", "sent_at=max(\n            '', "
        ),
        trouble=_commands,
    ),
    Variant(
        "a redriven command is as old as its last letter",
        "a command came back older or younger than it is",
        in_module(
            "vectorcare_bridge.commands.redriven_command",
            'return min(sent_at, instant.parse(values.get(_SENT_AT, "")))',
            "return sent_at",
        ),
        trouble=_commands,
    ),
    Variant(
        "a redriven command loses a blank at its end",
        "a command came back with other bytes",
        in_module(
            _WAYS,
            'body = message.escaped(letter["Body"])',
            'body = message.escaped(letter["Body"]) + " "',
        ),
        trouble=_commands,
    ),
    Variant(
        "a redrive does not know again what it sent",
        "a redrive sends again what it sent",
        in_module(_REDRIVE, "if _first_message_id(letter) in self._sent:", "if letter['MessageId'] in self._sent:"),
        trouble=_an_unreadable_command,
    ),
    Variant(
        "a command that ended is sent again when it is redriven",
        "sent again though it had succeeded",
        Flaw(
            "sender.command_log",
            (
                (
                    'if stored is None or stored.get("holder") == holder:',
                    'if stored is None or stored["progress"] == _ENDED or stored.get("holder") == holder:',
                ),
            ),
        ),
        trouble=_commands_delivered_twice,
    ),
)
