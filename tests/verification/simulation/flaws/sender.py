"""Flaws of the sender."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.verification.simulation.flaws.variant import Trouble, Variant, flawed
from verification.simulation.flaw import Edit, Flaw, answers
from verification.simulation.models.vectorcare_api import API, TOKENS
from verification.simulation.plan.draw_outbound import draw_outbound
from verification.simulation.plan.plan import SimulationPlan
from verification.simulation.world import faults
from verification.simulation.world.faults import HANGING, Outage

_ATTEMPT, _ORDER, _LOG = "sender.attempt", "sender.trip_order", "sender.command_log"
_READ = "sender.vectorcare.call_result:read"
_OBSTACLE = Flaw(_ATTEMPT, "Attempts._obstacle", answers(None))


def _busy(**rates: float) -> Trouble:
    """Give many commands and few webhooks, in ten minutes, with faults of these kinds and no others."""

    def trouble(plan: SimulationPlan) -> SimulationPlan:
        commands = replace(draw_outbound(plan.seed, 3200, span=600.0), outages=(), rotations=(), rates={})
        return replace(
            plan,
            settings=replace(plan.settings, visibility_timeout=360, skew=0.0),
            sendings=plan.sendings[:10],
            operations=[],
            rates={getattr(faults, name): rate for name, rate in rates.items()},
            outbound=commands,
        )

    return trouble


def _with_outage(plan: SimulationPlan, outage: Outage, *, span: float = 600.0) -> SimulationPlan:
    commands = replace(draw_outbound(plan.seed, 3200, span=span), outages=(outage,), rotations=(), rates={})
    return replace(_busy()(plan), outbound=commands)


def _down_for_an_hour(plan: SimulationPlan) -> SimulationPlan:
    """Let VectorCare be out of reach for an hour, in the midst of the commands."""
    return _with_outage(plan, Outage(frozenset({API}), 100.0, 3700.0, "ServiceUnavailable"))


def _without_tokens(plan: SimulationPlan) -> SimulationPlan:
    """Let the token endpoint refuse for ten minutes, from the first command on."""
    return _with_outage(plan, Outage(frozenset({TOKENS}), 0.0, 600.0, "ServiceUnavailable"))


def burst_without_tokens(plan: SimulationPlan) -> SimulationPlan:
    """Give all commands within a second, while the token endpoint takes calls and answers none."""
    return _with_outage(plan, Outage(frozenset({TOKENS}), 0.0, 600.0, HANGING), span=1.0)


def _forgets(claim: Any) -> Any:
    """Forget that a command may have been sent."""

    def flawed(*args: Any, **named: Any) -> Any:
        found = claim(*args, **named)
        is_claim = isinstance(found, claim.__globals__["Claim"])
        return replace(found, may_have_been_sent=False) if is_claim else found

    return flawed


def _writes_nothing(claim: Any) -> Any:
    return lambda _self, command, *, holder, **_when: claim.__globals__["Claim"](command, holder, False)


def _reads(verdict: str, becomes: str, statuses: range) -> Any:
    """Read answers of these statuses and this verdict as answers of another verdict."""

    def change(read: Any) -> Any:
        def flawed(status: int, *args: Any, **named: Any) -> Any:
            answer = read(status, *args, **named)
            is_one = status in statuses and answer.verdict.name == verdict
            return replace(answer, verdict=type(answer.verdict)[becomes]) if is_one else answer

        return flawed

    return change


def _unanswered_is_later(spend: Any) -> Any:
    def flawed(self: Any, call: Any) -> Any:
        answer = spend(self, call)
        return replace(answer, verdict=type(answer.verdict).LATER) if answer.verdict.name == "LOST" else answer

    return flawed


def _sends_twice(locations: Any) -> Any:
    def flawed(commands: Any) -> Iterator[Any]:
        for call in locations(commands):
            yield replace(call, body=[one for command in call.commands for one in command.fields["locations"]])

    return flawed


def _asks_again(renew: Any) -> Any:
    def flawed(self: Any) -> Any:
        self._failure = None
        return renew(self)

    return flawed


def _looks_at_no_other_of_its_batch(hold_back: Any) -> Any:
    def flawed(self: Any, delivery: Any) -> Any:
        waiting, self._waiting = self._waiting, []
        try:
            return hold_back(self, delivery)
        finally:
            self._waiting = waiting

    return flawed


def _leaves_early(leave: Any) -> Any:
    def flawed(self: Any, service_request_id: str, gone: Any, waiting: Any, *, now: str) -> Any:
        return leave(self, service_request_id, [*gone, *(one.command_id for one in waiting)], [], now=now)

    return flawed


VARIANTS = (
    flawed(
        "what was sent before a crash is sent again, whatever it is",
        "VectorCare has twice what must not be repeated",
        f"{_LOG}:CommandLog.claim",
        _forgets,
        trouble=_busy(CRASH_AFTER=0.1),
    ),
    flawed(
        "a call without an answer is made again, whatever it is",
        "VectorCare has twice what must not be repeated",
        f"{_ATTEMPT}:Attempts._make_call",
        _unanswered_is_later,
        trouble=_busy(TIMES_OUT_DONE=0.3),
    ),
    Variant(
        "the command log knows of a command only when it has been sent",
        "VectorCare has twice what must not be repeated",
        (
            Flaw(_LOG, "CommandLog.claim", _writes_nothing),
            Flaw(
                _LOG,
                "CommandLog._put",
                lambda put: (
                    lambda self, item, *_condition, now: put(self, item, "attribute_not_exists(nothing)", {}, now=now)
                ),
            ),
        ),
        trouble=_busy(CRASH_AFTER=0.1),
    ),
    flawed(
        "what is over its time is sent all the same",
        "sent when its time was over",
        "sender.received_command:ReceivedCommand.is_expired",
        answers(False),
        trouble=_down_for_an_hour,
    ),
    flawed(
        "a position is sent as often as it was reported",
        "a position twice in a call",
        "sender.vectorcare.api_calls:_locations",
        _sends_twice,
        trouble=_busy(),
    ),
    flawed(
        "an end that the bus did not take counts as reported",
        "a command has no outcome",
        "vectorcare_bridge.edge.bus:Bus.publish",
        lambda publish: lambda self, entries: (publish(self, entries), [])[1],
        trouble=_busy(FAILS=0.5),
    ),
    flawed(
        "VectorCare being out of service counts as a permanent refusal",
        "nothing is wrong with it, and it failed",
        _READ,
        _reads("LOST", "REFUSED", range(503, 504)),
        trouble=_down_for_an_hour,
    ),
    flawed(
        "a repeated acceptance that is refused has failed",
        "nothing is wrong with it, and it failed",
        f"{_ATTEMPT}:Attempts._settle",
        Edit("one.claim.may_have_been_sent", "False"),
        trouble=_busy(TIMES_OUT_DONE=0.3),
    ),
    flawed(
        "what is refused after a 5xx has failed",
        "it failed, and VectorCare has it",
        f"{_ATTEMPT}:Attempts._settle",
        Edit("one.claim.may_have_been_sent", "False"),
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    flawed(
        "a 5xx means that the call was not made",
        "VectorCare has twice what must not be repeated",
        _READ,
        _reads("LOST", "LATER", range(500, 600)),
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    flawed(
        "a page counts as success",
        "it succeeded, and VectorCare does not have it",
        "sender.vectorcare.call_result:_is_done",
        answers(True),
        trouble=_busy(VECTORCARE_NOT_ITS_API=0.3),
    ),
    flawed(
        "a firewall's page counts as VectorCare's refusal",
        "nothing is wrong with it, and it failed",
        _READ,
        _reads("LATER", "REFUSED", range(403, 405)),
        trouble=_busy(VECTORCARE_NOT_ITS_API=0.3),
    ),
    Variant(
        "what could not be sent may have been sent",
        "it is uncertain, and was never sent",
        (
            _OBSTACLE,
            Flaw(
                _ATTEMPT,
                "Attempts._try_later",
                lambda try_later: lambda *given, **_may: try_later(*given, may_have_been_sent=True),
            ),
        ),
        trouble=_without_tokens,
    ),
    Variant(
        "each command waits for a token of its own, however long that takes",
        "timed out, and nothing but VectorCare was slow",
        (
            Flaw("sender.vectorcare.access_token", "AccessToken._renew", _asks_again),
            Flaw("sender.send", "Sender._send_trips", Edit("_seconds_left(invocation, CALL_RESERVE_SECONDS)", "None")),
            _OBSTACLE,
        ),
        trouble=burst_without_tokens,
    ),
    flawed(
        "a command that waits holds back those of its own batch alone",
        "sent before what waits ahead of it",
        f"{_LOG}:CommandLog.has_ended",
        answers(True),
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    flawed(
        "a command that waits holds back those of other batches alone",
        "sent before what waits ahead of it",
        f"{_ORDER}:TripOrder.hold_back",
        _looks_at_no_other_of_its_batch,
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    flawed(
        "positions do not wait for the acceptance",
        "sent before what waits ahead of it",
        f"{_ORDER}:_holds_back",
        lambda holds_back: lambda earlier, later: later != "location_update" and holds_back(earlier, later),
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    flawed(
        "a command gives up its place as soon as it waits",
        "sent before what waits ahead of it",
        "sender.pending_commands:PendingCommands.leave",
        _leaves_early,
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    flawed(
        "a command that came twice has two places",
        "a call was made that AWS refuses as it is",
        "sender.pending_commands:PendingCommands.leave",
        lambda leave: lambda self, trip, gone, waiting, **when: leave(self, trip, gone, [*waiting, *waiting], **when),
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    flawed(
        "the circuit never closes again",
        "VectorCare was up in time, and does not have it",
        "sender.circuit_state:Circuit.is_half_open",
        lambda _is_half_open: lambda _self, _now: False,
        trouble=_down_for_an_hour,
    ),
    flawed(
        "what VectorCare would refuse is sent to it",
        "a call was spent on what VectorCare would refuse",
        "vectorcare_bridge.commands.command_fields:MAX_TEXT_LENGTH",
        lambda _length: 10**6,
        trouble=_busy(),
    ),
)
