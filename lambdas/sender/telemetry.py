"""Log lines and metrics of a batch."""

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
    """Log and count how commands ended, or why they have not.

    Commands that return to the queue without an attempt share a line: in an outage there are many, again and again.
    """
    not_attempted: Counter[str] = Counter()
    _count_oldest([result for result in results if isinstance(result, Postponed)])
    for result in results:
        if isinstance(result, Completed):
            _report_completed(result)
        elif isinstance(result, UnreadableMessage):
            _report_unreadable(result)
        elif result.reason in NOT_ATTEMPTED or result.reason == HELD_BACK:
            not_attempted[result.reason] += 1
        else:
            _report_postponed(result)
    for reason, messages in not_attempted.items():
        observability.log("sending.untried", reason=reason, messages=messages)
        observability.count(Metric.COMMAND_RETRIED, messages)


def _count_oldest(postponed: Sequence[Postponed]) -> None:
    """Count the age of the oldest command that waits: no other metric shows it before it ends."""
    if postponed:
        now = runtime.now()
        observability.count(Metric.COMMAND_WAITING_SECONDS, max(result.delivery.age(now) for result in postponed))


def _report_completed(completed: Completed) -> None:
    message, result = completed.delivery.message, completed.result
    if completed.is_repeated:
        observability.log("sending.repeated", message_id=message.message_id, command_id=result.command_id)
        observability.count(Metric.COMMAND_REPEATED)
        return
    observability.log(
        "sending.completed",
        message_id=message.message_id,
        service_request_id=result.service_request_id,
        command=result.command,
        command_id=result.command_id,
        outcome=result.outcome,
        reason=result.reason,
        attempt=message.receives,
    )
    _count(result)


def _count(result: CommandResult) -> None:
    observability.count(Metric.COMMAND_LAG_SECONDS, result.lag_seconds)
    if result.command != Kind.LOCATION_UPDATE:
        # There are so many location updates that no other command's failure would show among them.
        observability.count(Metric.COMMAND_FAILED_PERCENT, 100 if result.outcome is Outcome.FAILED else 0)
    if result.outcome is Outcome.FAILED:
        observability.count_by(Metric.COMMAND_FAILED, reason=observability.documented(result.reason, _REASONS))
    else:
        observability.count(_METRIC_OF_OUTCOME[result.outcome])


def _report_postponed(result: Postponed) -> None:
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


def _report_unreadable(result: UnreadableMessage) -> None:
    if result.message.receives > 1:
        # It was counted the first time, when the dead-letter queue did not take it.
        return
    observability.log("sending.unreadable", message_id=result.message.message_id, reason=result.reason)
    observability.count_by(Metric.COMMAND_UNREADABLE, reason=result.reason)
