"""What the operator reads and counts."""

from collections import Counter
from collections.abc import Sequence

from sender.attempt import NOT_ATTEMPTED
from sender.command_result import CommandResult, Outcome
from sender.received_command import AttemptResult, Completed, Postponed, UnreadableMessage
from sender.trip_order import HELD_BACK
from sender.vectorcare import call_result
from vectorcare_bridge.commands.command import Kind, Refusal
from vectorcare_bridge.edge import observability, runtime
from vectorcare_bridge.edge.metric import Metric

_METRIC_OF_OUTCOME = {
    Outcome.SUCCEEDED: Metric.COMMAND_SUCCEEDED,
    Outcome.EXPIRED: Metric.COMMAND_EXPIRED,
    Outcome.UNCERTAIN: Metric.COMMAND_UNCERTAIN,
}
_REASONS = frozenset(map(str, Refusal)) | call_result.CODES


def report(results: Sequence[AttemptResult]) -> None:
    """Log and count how messages ended, or why they have not.

    What is given back without an attempt is one line a batch: in an outage it is all there is, and often.
    """
    untried: Counter[str] = Counter()
    _count_waiting([result for result in results if isinstance(result, Postponed)])
    for result in results:
        if isinstance(result, Completed):
            _report_end(result)
        elif isinstance(result, UnreadableMessage):
            _report_dead(result)
        elif result.reason in NOT_ATTEMPTED or result.reason == HELD_BACK:
            untried[result.reason] += 1
        else:
            _report_retry(result)
    for reason, messages in untried.items():
        observability.log("sending.untried", reason=reason, messages=messages)
        observability.count(Metric.COMMAND_RETRIED, messages)


def _count_waiting(postponed: Sequence[Postponed]) -> None:
    """Count the age of the oldest command that is given back: until it ends, nothing else tells of it."""
    if postponed:
        now = runtime.now()
        observability.count(Metric.COMMAND_WAITING_SECONDS, max(result.delivery.age(now) for result in postponed))


def _report_end(result: Completed) -> None:
    message, ending = result.delivery.message, result.ending
    if result.is_repeated:
        observability.log("sending.repeated", message_id=message.message_id, command_id=ending.command_id)
        observability.count(Metric.COMMAND_REPEATED)
        return
    observability.log(
        "sending.completed",
        message_id=message.message_id,
        service_request_id=ending.service_request_id,
        command=ending.command,
        command_id=ending.command_id,
        outcome=ending.outcome,
        reason=ending.reason,
        attempt=message.receives,
    )
    _count(ending)


def _count(ending: CommandResult) -> None:
    observability.count(Metric.COMMAND_LAG_SECONDS, ending.lag_seconds)
    if ending.command != Kind.LOCATION_UPDATE:
        # Positions are so many more that among them no other command's failure would show.
        observability.count(Metric.COMMAND_FAILED_PERCENT, 100 if ending.outcome is Outcome.FAILED else 0)
    if ending.outcome is Outcome.FAILED:
        reason = observability.documented(ending.reason, _REASONS)
        observability.count_by(Metric.COMMAND_FAILED, reason=reason)
    else:
        observability.count(_METRIC_OF_OUTCOME[ending.outcome])


def _report_retry(result: Postponed) -> None:
    delivery = result.delivery
    observability.log(
        "sending.postponed",
        message_id=delivery.message.message_id,
        service_request_id=delivery.command.service_request_id,
        command=delivery.command.kind,
        command_id=delivery.command.command_id,
        reason=result.reason,
        attempt=delivery.message.receives,
        error=result.error,
    )
    observability.count(Metric.COMMAND_RETRIED)


def _report_dead(result: UnreadableMessage) -> None:
    if result.message.receives > 1:
        # The dead-letter queue did not take it the first time: once is said enough.
        return
    observability.log("sending.unreadable", message_id=result.message.message_id, reason=result.reason)
    observability.count_by(Metric.COMMAND_UNREADABLE, reason=result.reason)
