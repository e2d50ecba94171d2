"""Flaws of the sender."""

from collections.abc import Callable
from dataclasses import replace

from tests.verification.simulation.flaws.variant import Variant, in_module
from verification.simulation.models.vectorcare_api import API, TOKENS
from verification.simulation.plan.draw_outbound import draw_outbound
from verification.simulation.plan.plan import Plan
from verification.simulation.world import faults
from verification.simulation.world.faults import HANGING, Outage
from verification.simulation.world.loader import Flaw

_ATTEMPT, _SEND, _TURNS = "sender.attempt", "sender.send", "sender.trip_order"
_ANSWER, _LEDGER = "sender.vectorcare.call_result", "sender.command_log"


def _busy(**rates: float) -> Callable[[Plan], Plan]:
    """Give many commands and few webhooks, in ten minutes, with faults of these kinds and no others."""

    def trouble(plan: Plan) -> Plan:
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


def _down_for_an_hour(plan: Plan) -> Plan:
    """Let VectorCare be out of reach for an hour, in the midst of the commands."""
    busy = _busy()(plan)
    outage = Outage(frozenset({API}), 100.0, 3700.0, "ServiceUnavailable")
    return replace(busy, outbound=replace(busy.outbound, outages=(outage,)))


def _without_tokens(plan: Plan) -> Plan:
    """Let the token endpoint refuse for ten minutes, from the first command on."""
    busy = _busy()(plan)
    outage = Outage(frozenset({TOKENS}), 0.0, 600.0, "ServiceUnavailable")
    return replace(busy, outbound=replace(busy.outbound, outages=(outage,)))


def at_once_without_tokens(plan: Plan) -> Plan:
    """Give all commands within a second, while the token endpoint takes calls and answers none."""
    busy = _busy()(plan)
    outage = Outage(frozenset({TOKENS}), 0.0, 600.0, HANGING)
    commands = replace(draw_outbound(plan.seed, 3200, span=1.0), outages=(outage,), rotations=(), rates={})
    return replace(busy, outbound=commands)


VARIANTS = (
    Variant(
        "what was sent before a crash is sent again, whatever it is",
        "VectorCare has twice what must not be repeated",
        in_module(_ATTEMPT, "if claim.may_have_been_sent and command.kind not in REPEATABLE:", "if False:"),
        trouble=_busy(CRASH_AFTER=0.1),
    ),
    Variant(
        "a call without an answer is made again, whatever it is",
        "VectorCare has twice what must not be repeated",
        Flaw(
            _ATTEMPT,
            (
                ("if answer.verdict is Verdict.LOST and kind not in REPEATABLE:", "if False:"),
                (
                    "may_have_been_sent=any(each.verdict is Verdict.LOST for each in answers)",
                    "may_have_been_sent=False",
                ),
            ),
        ),
        trouble=_busy(TIMES_OUT_DONE=0.3),
    ),
    Variant(
        "the command_log is told of a command only when it has been sent",
        "VectorCare has twice what must not be repeated",
        Flaw(
            _LEDGER,
            (
                (
                    "stored = self._put("
                    'item | {"may_have_been_sent": False}, "attribute_not_exists(command_id)", {}, now=now)',
                    "stored = None",
                ),
                (
                    'if self._put(item, "holder = :holder", {":holder": claim.holder}, now=now) is not None:',
                    'if self._put(item, "attribute_not_exists(nothing)", {}, now=now) is not None:',
                ),
            ),
        ),
        trouble=_busy(CRASH_AFTER=0.1),
    ),
    Variant(
        "what is over its time is sent all the same",
        "sent when its time was over",
        in_module("sender.received_command", "return self.age(now) >= self.max_age", "return False"),
        trouble=_down_for_an_hour,
    ),
    Variant(
        "a position is sent as often as it was reported",
        "a position twice in a call",
        in_module(
            "sender.vectorcare.api_calls",
            "body=[positions[time] for time in together],",
            "body=[positions[time] for time in together for _owner in owners[time]],",
        ),
        trouble=_busy(),
    ),
    Variant(
        "an end that the bus did not take counts as told",
        "a command has no outcome",
        in_module(_SEND, "if isinstance(result, Completed) and id(entries[index]) in not_taken", "if False"),
        trouble=_busy(FAILS=0.5),
    ),
    Variant(
        "VectorCare being out of service is an answer for good",
        "nothing is wrong with it, and it failed",
        Flaw(
            "sender.vectorcare.call_result",
            (
                ("<= status < HTTPStatus.INTERNAL_SERVER_ERROR:", "<= status <= HTTPStatus.SERVICE_UNAVAILABLE:"),
                ("if code is not None:", "if code or status == HTTPStatus.SERVICE_UNAVAILABLE:"),
            ),
        ),
        trouble=_down_for_an_hour,
    ),
    Variant(
        "a repeated acceptance that is refused has failed",
        "nothing is wrong with it, and it failed",
        in_module(_ATTEMPT, "is_uncertain = one.claim.may_have_been_sent", "is_uncertain = False"),
        trouble=_busy(TIMES_OUT_DONE=0.3),
    ),
    Variant(
        "a 5xx means that the call was not made",
        "VectorCare has twice what must not be repeated",
        in_module(
            _ANSWER,
            "    return Answer(Verdict.LOST, reason, status, retry_after=wait, is_outage=True)",
            "    return Answer(Verdict.LATER, reason, status, retry_after=wait, is_outage=True)",
        ),
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    Variant(
        "what is refused after a 5xx has failed",
        "it failed, and VectorCare has it",
        in_module(_ATTEMPT, "is_uncertain = one.claim.may_have_been_sent", "is_uncertain = False"),
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    Variant(
        "a page counts as success",
        "it succeeded, and VectorCare does not have it",
        in_module(_ANSWER, "if _is_done(kind, status, body, content, code):", "if True:"),
        trouble=_busy(VECTORCARE_NOT_ITS_API=0.3),
    ),
    Variant(
        "a firewall's page counts as VectorCare's refusal",
        "nothing is wrong with it, and it failed",
        in_module(_ANSWER, "if code is not None:", "if True:"),
        trouble=_busy(VECTORCARE_NOT_ITS_API=0.3),
    ),
    Variant(
        "what could not be sent may have been sent",
        "it is uncertain, and was never sent",
        Flaw(
            _ATTEMPT,
            (
                ("return self._closed() or self._without_token() or self._closed()", "return None"),
                (
                    "may_have_been_sent = may_have_been_sent or one.claim.may_have_been_sent",
                    "may_have_been_sent = True",
                ),
            ),
        ),
        trouble=_without_tokens,
    ),
    Variant(
        "each command waits for a token of its own, however long that takes",
        "timed out, and nothing but VectorCare was slow",
        in_module(
            "sender.vectorcare.access_token", "if self._failure and aws.now() < self._ask_again_at:", "if False:"
        ),
        trouble=at_once_without_tokens,
        more=(
            in_module(
                _SEND, "future.result(timeout=_seconds_left(invocation, CALL_RESERVE_SECONDS))", "future.result()"
            ),
            in_module(_ATTEMPT, "return self._closed() or self._without_token() or self._closed()", "return None"),
        ),
    ),
    Variant(
        "a command that waits holds back those of its own batch alone",
        "sent before what waits ahead of it",
        in_module(_TURNS, "if not self._command_log.has_ended(ahead.command_id):", "if False:"),
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    Variant(
        "a command that waits holds back those of other batches alone",
        "sent before what waits ahead of it",
        in_module(_TURNS, "for earlier in self._waiting:", "for earlier in ():"),
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    Variant(
        "positions do not wait for the acceptance",
        "sent before what waits ahead of it",
        in_module(_TURNS, "return earlier == Kind.ACCEPT if", "return False if"),
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    Variant(
        "a command gives up its place as soon as it waits",
        "sent before what waits ahead of it",
        in_module(_TURNS, "gone, waiting, now=aws.now())", "list(self._placed), [], now=aws.now())"),
        trouble=_busy(VECTORCARE_UNKNOWN=0.3),
    ),
    Variant(
        "the circuit never closes again",
        "VectorCare was up in time, and does not have it",
        in_module(
            "sender.circuit",
            "return CircuitState.OPEN if self.seconds_left(now) > 0 else CircuitState.HALF_OPEN",
            "return CircuitState.OPEN",
        ),
        trouble=_down_for_an_hour,
    ),
    Variant(
        "what VectorCare would refuse is sent to it",
        "a call was spent on what VectorCare would refuse",
        in_module(
            "vectorcare_bridge.commands.command_fields",
            "_require(len(value) <= MAX_TEXT_LENGTH, Refusal.TOO_LONG)",
            "pass",
        ),
        trouble=_busy(),
    ),
)
