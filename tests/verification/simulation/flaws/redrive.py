"""Flaws of the ways in which commands and unpublished events come back."""

from dataclasses import replace
from typing import Any

from tests.verification.simulation.flaws.inbound import deletes_first
from tests.verification.simulation.flaws.variant import Trouble, flawed, never_raises
from verification.simulation.flaw import Edit
from verification.simulation.plan.draw_outbound import draw_outbound
from verification.simulation.plan.plan import (
    Expected,
    Operation,
    OutboundPlan,
    PlannedCommand,
    PlannedRedrive,
    SimulationPlan,
)
from verification.simulation.world import faults
from verification.simulation.world.faults import Outage

_SEND_BACK, _REDRIVE = "redrive.send_back", "redrive.redrive"
_REDRIVEN = "vectorcare_bridge.commands.redriven_command"
_MESSAGE = "sender.received_command:read_record"
_MINUTES = range(60, 4200, 180)


def _unpublished(**asked: Any) -> Trouble:
    """Let the bus refuse four of five events each time, and redrive what it went on refusing again and again."""

    def trouble(plan: SimulationPlan) -> SimulationPlan:
        redrives: list[Operation] = [PlannedRedrive(at, {"queue": "unpublished", **asked}) for at in _MINUTES]
        return replace(
            plan,
            settings=replace(plan.settings, span=600.0),
            operations=redrives,
            rates={faults.EVENT_REFUSED: 0.8},
            outbound=OutboundPlan(),
        )

    return trouble


def _commands(plan: SimulationPlan) -> SimulationPlan:
    """Let many commands die before their time, as VectorCare is out of reach for an hour, and redrive them."""
    redrives: list[Operation] = [PlannedRedrive(at, {"queue": "outbound"}) for at in _MINUTES]
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


def _an_unreadable_command(plan: SimulationPlan) -> SimulationPlan:
    """Redrive a command that cannot be read."""
    plan = _commands(plan)
    command = PlannedCommand(0, 1.0, "{", "unreadable", "", "", frozenset(), Expected.UNREADABLE, "not_json")
    redrives: list[Operation] = [PlannedRedrive(100.0, {"queue": "outbound"})]
    return replace(plan, operations=redrives, outbound=OutboundPlan(commands=(command,)))


def _commands_delivered_twice(plan: SimulationPlan) -> SimulationPlan:
    """Let commands die while they are sent, and redrive them."""
    plan = _commands(plan)
    return replace(
        plan,
        settings=replace(plan.settings, visibility_timeout=2, latency=0.3),
        rates={faults.SLOW: 0.3, faults.BATCH_TWICE: 0.3},
        outbound=replace(plan.outbound, outages=(), max_receives=1),
    )


def _moves_events_in_dry_runs(move_some: Any) -> Any:
    def flawed(self: Any, request: Any, report: Any) -> Any:
        return move_some(self, replace(request, dry_run=request.dry_run and request.queue == "inbound"), report)

    return flawed


def _claims_what_has_ended(claim: Any) -> Any:
    def flawed(self: Any, command: Any, *, holder: str, **when: Any) -> Any:
        make = claim.__globals__["Claim"]
        found = claim(self, command, holder=holder, **when)
        return found if isinstance(found, make) else make(command, holder, may_have_been_sent=False)

    return flawed


VARIANTS = (
    flawed(
        "a redrive deletes an event before it publishes it",
        "no dead letter any more, and not published",
        f"{_REDRIVE}:Redrive._move",
        deletes_first,
        trouble=_unpublished(),
    ),
    flawed(
        "an event that the bus does not take a second time is deleted all the same",
        "no dead letter any more, and not published",
        f"{_SEND_BACK}:event",
        never_raises,
        trouble=_unpublished(),
    ),
    flawed(
        "an event is published without what it says",
        "published, and never happened",
        f"{_SEND_BACK}:event",
        Edit("event_detail.fit(detail)", "{}"),
        trouble=_unpublished(),
    ),
    flawed(
        "a dry run publishes",
        "a dry run moved something",
        f"{_REDRIVE}:Redrive._move_some",
        _moves_events_in_dry_runs,
        trouble=_unpublished(dry_run=True),
    ),
    flawed(
        "events are chosen by no reason",
        "a redrive moved what its filter leaves out",
        f"{_REDRIVE}:Redrive._is_wanted",
        lambda is_wanted: lambda self, request, message: is_wanted(self, replace(request, reason=None), message),
        trouble=_unpublished(reason="unreadable"),
    ),
    flawed(
        "a redrive deletes a command before it sends it",
        "the last copy of a command went before its end was reported",
        f"{_REDRIVE}:Redrive._move",
        deletes_first,
        trouble=_commands,
    ),
    flawed(
        "a redriven command gets another name",
        "reported, and that command was never given",
        _MESSAGE,
        Edit("redriven_command.first_message_id(values, record['messageId'])", "record['messageId']"),
        trouble=_commands,
    ),
    flawed(
        "a redriven command does not say what it was called",
        "a command came back under another name",
        f"{_SEND_BACK}:command",
        lambda send: lambda queue, message: send(queue, message | {"MessageId": message["ReceiptHandle"]}),
        trouble=_commands,
    ),
    flawed(
        "a redriven command's age starts from nothing",
        "sent when its time was over",
        _MESSAGE,
        Edit("redriven_command.first_sent_at(values, sent_at)", "sent_at"),
        trouble=_commands,
    ),
    flawed(
        "a redriven command is as old as its last dead letter",
        "a command came back older or younger than it is",
        f"{_REDRIVEN}:first_sent_at",
        lambda _first_sent_at: lambda _values, sent_at: sent_at,
        trouble=_commands,
    ),
    flawed(
        "a redriven command gets a blank at its end",
        "a command came back with other bytes",
        f"{_SEND_BACK}:command",
        lambda send: lambda queue, message: send(queue, message | {"Body": message["Body"] + " "}),
        trouble=_commands,
    ),
    flawed(
        "a redrive does not know again what it sent",
        "a redrive sends again what it sent",
        f"{_REDRIVE}:_first_message_id",
        lambda _first_message_id: lambda message: message["MessageId"],
        trouble=_an_unreadable_command,
    ),
    flawed(
        "a command that ended is sent again when it is redriven",
        "sent again though it had succeeded",
        "sender.command_log:CommandLog.claim",
        _claims_what_has_ended,
        trouble=_commands_delivered_twice,
    ),
)
