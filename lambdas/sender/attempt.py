"""One trip's commands of a batch: claimed, sent and recorded, in this order."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from http import HTTPStatus

from sender.circuit_breaker import CircuitBreaker
from sender.command_log import BusyError, Claim, CommandLog
from sender.command_result import CommandResult, Outcome
from sender.received_command import AttemptResult, Completed, Invocation, Postponed, ReceivedCommand
from sender.vectorcare import api_calls
from sender.vectorcare.access_token import NoTokenError
from sender.vectorcare.api import VectorCareApi
from sender.vectorcare.api_calls import ApiCall
from sender.vectorcare.call_result import CallResult, Verdict
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands.command import Command, Kind
from vectorcare_bridge.edge import observability, runtime
from vectorcare_bridge.edge.metric import Metric

REPEATABLE = frozenset({Kind.STATE_UPDATE, Kind.LOCATION_UPDATE, Kind.ACCEPT, Kind.DECLINE})
"""Commands that are sent again if it is unknown whether VectorCare has them: a repetition does no harm, a loss does."""

LONGEST_CALL_SECONDS = 45
"""A call, the secret and another token in case that is refused, and the record: each may use up its timeout."""

_CIRCUIT_OPEN = CallResult(Verdict.LATER, "circuit_open")
_OUT_OF_TIME = CallResult(Verdict.LATER, "out_of_time")
NOT_ATTEMPTED = frozenset({_CIRCUIT_OPEN.reason, _OUT_OF_TIME.reason})
"""Reasons for which a command returns to the queue without an attempt."""


@dataclass(frozen=True, slots=True)
class _Claimed:
    delivery: ReceivedCommand
    claim: Claim


class Attempts:
    """Sends commands, and writes the command log before and after each call; no call outlasts the invocation.

    `executor` runs the writes side by side. It must not be the executor that runs this.
    """

    def __init__(
        self,
        api: VectorCareApi,
        command_log: CommandLog,
        breaker: CircuitBreaker,
        invocation: Invocation,
        *,
        executor: Executor,
    ) -> None:
        self._api = api
        self._command_log = command_log
        self._breaker = breaker
        self._invocation = invocation
        self._executor = executor

    def send(self, deliveries: Sequence[ReceivedCommand]) -> list[AttemptResult]:
        """Send the location updates of one trip, or one command.

        Each is claimed right before its call and recorded right after it, so that a crash leaves few in doubt.
        """
        obstacle = self._obstacle()
        if obstacle:
            return [Postponed(one, obstacle.reason or "", obstacle.retry_after) for one in deliveries]
        results: list[AttemptResult] = []
        claimed: list[_Claimed] = []
        for answer in self._executor.map(self._claim, deliveries):
            if isinstance(answer, _Claimed):
                claimed.append(answer)
            else:
                results.append(answer)
        if not claimed:
            return results
        answers = self._call([one.claim.command for one in claimed])
        settled = self._executor.map(lambda one: self._settle(one, answers[one.claim.command.command_id]), claimed)
        return results + list(settled)

    def end_without_call(self, delivery: ReceivedCommand, outcome: Outcome, reason: str) -> AttemptResult:
        """End a command that gets no call; an earlier attempt may have made one."""
        answer = self._claim(delivery)
        if not isinstance(answer, _Claimed):
            return answer
        if answer.claim.may_have_been_sent:
            return self._end(answer, Outcome.UNCERTAIN, "no_answer")
        return self._end(answer, outcome, reason)

    def _obstacle(self) -> CallResult | None:
        """Say what forbids a call now: circuit, clock, no token, or a wait for the token that took too long."""
        return self._closed() or self._without_token() or self._closed()

    def _closed(self) -> CallResult | None:
        if not self._breaker.allows_call():
            return _CIRCUIT_OPEN
        seconds_left = utc_timestamp.seconds_between(runtime.now(), self._invocation.ends_at)
        return _OUT_OF_TIME if seconds_left < LONGEST_CALL_SECONDS else None

    def _without_token(self) -> CallResult | None:
        try:
            self._api.authorize()
        except NoTokenError as error:
            return self._note(error)
        return None

    def _note(self, error: NoTokenError) -> CallResult:
        """Count that there is no token, once for all who waited for it."""
        if not error.is_remembered:
            if error.is_refused:
                observability.log("token.refused", reason=error.answer.reason, status_code=error.answer.status)
                observability.count(Metric.CREDENTIALS_REFUSED)
            self._breaker.note(error.answer)
        return error.answer

    def _claim(self, delivery: ReceivedCommand) -> _Claimed | AttemptResult:
        message, command = delivery.message, delivery.command
        holder = f"{message.message_id}/{message.receives}/{self._invocation.request_id}"
        now, ends_at = runtime.now(), self._invocation.ends_at
        try:
            claim = self._command_log.claim(command, holder=holder, now=now, lease_until=ends_at)
        except BusyError:
            return Postponed(delivery, "busy")
        except Exception as error:  # noqa: BLE001 nothing is sent that the command log does not know of
            return Postponed(delivery, "not_claimed", error=error)
        if isinstance(claim, CommandResult):
            return Completed(delivery, claim, is_repeated=True)
        claimed = _Claimed(delivery, claim)
        if claim.may_have_been_sent and command.kind not in REPEATABLE:
            return self._end(claimed, Outcome.UNCERTAIN, "no_answer")
        return claimed

    def _call(self, commands: Sequence[Command]) -> dict[str, list[CallResult]]:
        """Make the calls; return the results of all calls that a command was part of, by its id."""
        answers: defaultdict[str, list[CallResult]] = defaultdict(list)
        for call in api_calls.calls(commands):
            answer = self._obstacle() or self._make_call(call)
            answered = {command.command_id: [answer] for command in call.commands}
            is_refused = answer.verdict is Verdict.REFUSED and answer.status == HTTPStatus.BAD_REQUEST
            if is_refused and len(call.commands) > 1:
                # One of them is at fault: the call is halved until only that one fails.
                middle = len(call.commands) // 2
                answered = self._call(call.commands[:middle]) | self._call(call.commands[middle:])
            for command_id, more in answered.items():
                answers[command_id] += more
        return answers

    def _make_call(self, call: ApiCall) -> CallResult:
        try:
            answer = self._api.send(call, obstacle=self._closed)
        except NoTokenError as error:
            return self._note(error)
        except Exception as error:  # noqa: BLE001 whatever it is, the command needs a result
            observability.log("vectorcare.unanswered", error=error)
            answer = CallResult(Verdict.LOST, "no_answer", is_outage=True)
        if answer.reason not in NOT_ATTEMPTED:
            self._breaker.note(answer)
        return answer

    def _settle(self, one: _Claimed, answers: Sequence[CallResult]) -> AttemptResult:
        answer = max(answers, key=_weight)
        kind = one.claim.command.kind
        if answer.verdict is Verdict.DONE:
            return self._end(one, Outcome.SUCCEEDED, None, service_request_id=answer.service_request_id)
        if answer.verdict is Verdict.REFUSED:
            # An earlier attempt may have taken effect, and be the reason why this one is refused.
            is_uncertain = one.claim.may_have_been_sent
            return self._end(one, Outcome.UNCERTAIN if is_uncertain else Outcome.FAILED, answer.reason)
        if answer.verdict is Verdict.LOST and kind not in REPEATABLE:
            return self._end(one, Outcome.UNCERTAIN, answer.reason)
        return self._try_later(one, answer, may_have_been_sent=any(each.verdict is Verdict.LOST for each in answers))

    def _try_later(self, one: _Claimed, answer: CallResult, *, may_have_been_sent: bool) -> AttemptResult:
        may_have_been_sent = may_have_been_sent or one.claim.may_have_been_sent
        try:
            self._command_log.release(one.claim, may_have_been_sent=may_have_been_sent, now=runtime.now())
        except Exception as error:  # noqa: BLE001 the claim ends with the invocation
            return Postponed(one.delivery, answer.reason or "", answer.retry_after, error)
        return Postponed(one.delivery, answer.reason or "", answer.retry_after)

    def _end(
        self, one: _Claimed, outcome: Outcome, reason: str | None, *, service_request_id: str | None = None
    ) -> AttemptResult:
        now, command = runtime.now(), one.claim.command
        result = CommandResult(
            outcome=outcome,
            command_id=command.command_id,
            command=command.kind,
            service_request_id=service_request_id or command.service_request_id,
            reason=reason,
            attempts=one.delivery.message.receives,
            lag_seconds=round(one.delivery.age(now), 3),
        )
        try:
            self._command_log.record(one.claim, result, now=now)
        except Exception as error:  # noqa: BLE001 not recorded, it would be sent or ended again without a trace
            return Postponed(one.delivery, "not_recorded", error=error)
        return Completed(one.delivery, result)


def _weight(answer: CallResult) -> int:
    """Rank what decides over a command that was part of several calls: a refusal first, then what is not done."""
    return [Verdict.DONE, Verdict.LATER, Verdict.LOST, Verdict.REFUSED].index(answer.verdict)
