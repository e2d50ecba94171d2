"""One run over a dead-letter queue: its messages go back to where they came from."""

import math
from collections import Counter
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING, TypeAlias

from redrive import send_back
from redrive.request import RedriveRequest
from vectorcare_bridge.commands import redriven_command
from vectorcare_bridge.dead_letters import dead_letter
from vectorcare_bridge.dead_letters.dead_letter import Recorded
from vectorcare_bridge.edge import observability, runtime
from vectorcare_bridge.edge.metric import Metric
from vectorcare_bridge.edge.queue import MAX_BATCH, InFlightLimitError, Queue
from vectorcare_bridge.webhooks import message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_sqs.type_defs import MessageTypeDef

Send: TypeAlias = "Callable[[MessageTypeDef], str | None]"
"""Sends a message back, and returns the message id under which it may die again; raises if it was not taken."""

THREADS = 10
RESERVE_SECONDS = 60
"""Time at the end for ten messages in hand, and for the return of those that were held."""

DESCRIPTIONS = ("reasons", "first")
"""What the report of a dry run says beside its counts."""
DESCRIBED = 10
"""How many messages a dry run describes."""
UNKNOWN = "unknown"
"""In the place of a reason that the journal did not answer for."""

_IN_HAND_SECONDS = 60


@dataclass(slots=True)
class RedriveReport:
    """What a run did.

    `stopped` says why it ended: `empty`, `limit`, `time`, `refused` (queue or bus took none; try again when it works),
    `unanswered` (the dead-letter queue or the journal did not answer; try again), `in_flight_limit` (SQS allows no more
    than 120,000 messages in flight; narrow the filter, or use a limit), or `error` (it did not begin; see
    `redrive.handler`).

    A dry run also says why the messages are there: `reasons` counts those that it would move by reason, and `first`
    describes the first ten of them. `unknown` is a reason that the journal did not answer for.
    """

    examined: int = 0
    moved: int = 0
    skipped: int = 0  # not named by the filter, or sent by this run before
    refused: int = 0  # not taken by queue or bus, and still there
    would_move: int = 0  # by a dry run
    stopped: str = ""
    reasons: dict[str, int] = field(default_factory=dict)
    first: list[dict[str, str | None]] = field(default_factory=list)


class Redrive:
    """One run over a dead-letter queue.

    A message is sent before it is deleted: interrupted anywhere, a run has at worst sent one twice, which does no harm.
    Messages that are not moved stay invisible until the run ends, so that it meets each only once and comes to an end.
    A message that dies again meanwhile is recognized: a webhook keeps the message id under which it was sent, and a
    command, which the sender may send to the dead-letter queue as a new message, carries its first id.

    Nothing new begins after the `deadline`, on `runtime.monotonic`'s clock.
    """

    def __init__(
        self, dead_letters: Queue, send: Send, *, recorded: Recorded, executor: Executor, deadline: float
    ) -> None:
        self._dead_letters = dead_letters
        self._send = send
        self._recorded = recorded
        self._executor = executor
        self._deadline = deadline
        self._sent: set[str] = set()
        self._held: list[str] = []

    def run(self, request: RedriveRequest) -> RedriveReport:
        """Move what is asked for until none is left, or time, limit or a failed call ends it.

        The report always says what was done.
        """
        report = RedriveReport()
        due = runtime.monotonic()
        try:
            while self._waited_until(due, report):
                began, moved = runtime.monotonic(), report.moved
                try:
                    self._move_some(request, report)
                except InFlightLimitError:
                    report.stopped = "in_flight_limit"
                except Exception as error:  # noqa: BLE001 whatever it is, the report says what was moved before
                    observability.log("redrive.stopped", error=error)
                    report.stopped = "unanswered"
                # From this batch's start and not from the run's: after a pause it must not catch up in a burst.
                due = began + (report.moved - moved) / request.rate if request.rate else began
        finally:
            list(self._executor.map(partial(self._change_visibility, seconds=0), self._held))
        observability.count(Metric.REDRIVEN, report.moved)
        return report

    def _waited_until(self, due: float, report: RedriveReport) -> bool:
        if report.stopped:
            return False
        if max(due, runtime.monotonic()) > self._deadline:
            report.stopped = "time"
            return False
        if due > runtime.monotonic():
            runtime.sleep(due - runtime.monotonic())
        return True

    def _move_some(self, request: RedriveRequest, report: RedriveReport) -> None:
        at_once = min(MAX_BATCH, math.ceil(request.rate or MAX_BATCH))
        received = self._dead_letters.receive(maximum=at_once, visibility_timeout=_IN_HAND_SECONDS)
        if not received:
            report.stopped = "empty"
            return
        try:
            wanted = list(compress(received, self._executor.map(partial(self._is_wanted, request), received)))
        except Exception:
            self._held += [one["ReceiptHandle"] for one in received]
            raise
        chosen = wanted if request.limit is None else wanted[: request.limit - report.moved - report.would_move]
        beyond_limit = len(wanted) - len(chosen)
        report.examined += len(received) - beyond_limit
        report.skipped += len(received) - len(wanted)
        if request.dry_run:
            report.would_move += len(chosen)
            self._describe(request, chosen, report)
            moved = []
        else:
            moved = list(compress(chosen, self._executor.map(self._move, chosen)))
            report.moved += len(moved)
            self._sent.update(map(_first_message_id, moved))
            report.refused += len(chosen) - len(moved)
            # A message that is not an event says nothing about the bus: others may follow that the bus takes.
            if not moved and any(dead_letter.can_go_back(request.queue, one["Body"]) for one in chosen):
                report.stopped = "refused"
        list(self._executor.map(self._hold, [one for one in received if one not in moved]))
        if request.limit in (report.moved, report.would_move):
            report.stopped = "limit"

    def _is_wanted(self, request: RedriveRequest, received: "MessageTypeDef") -> bool:
        if _first_message_id(received) in self._sent:
            return False
        values = message.values(received.get("MessageAttributes", {}))
        body, source = received["Body"], request.queue
        if request.service_request_id not in {None, dead_letter.service_request_id(source, body, values)}:
            return False
        return request.reason is None or request.reason == self._reason(request, received)

    def _reason(self, request: RedriveRequest, received: "MessageTypeDef") -> str:
        values, sent_at = message.values(received.get("MessageAttributes", {})), send_back.sent_at(received)
        return dead_letter.reason(request.queue, received["Body"], values, sent_at=sent_at, recorded=self._recorded)

    def _describe(self, request: RedriveRequest, chosen: "Sequence[MessageTypeDef]", report: RedriveReport) -> None:
        reasons = list(self._executor.map(partial(self._known_reason, request), chosen))
        report.reasons = dict(Counter(report.reasons) + Counter(reasons))
        for number, received in enumerate(chosen[: DESCRIBED - len(report.first)]):
            source, body, reason = request.queue, received["Body"], reasons[number]
            values = message.values(received.get("MessageAttributes", {}))
            report.first.append(
                {
                    "message_id": received["MessageId"],
                    "service_request_id": dead_letter.service_request_id(source, body, values),
                    "reason": reason,
                    "if_redriven": dead_letter.if_redriven(source, body, values, reason=reason, now=runtime.now()),
                }
            )

    def _known_reason(self, request: RedriveRequest, received: "MessageTypeDef") -> str:
        try:
            return self._reason(request, received)
        except Exception as error:  # noqa: BLE001 whatever it is, the count is worth having without the reason
            observability.log("journal.refused", error=error)
            return UNKNOWN

    def _move(self, received: "MessageTypeDef") -> bool:
        try:
            message_id = self._send(received)
        except Exception as error:  # noqa: BLE001 whatever it is, the message stays in its queue
            observability.log("redrive.refused", message_id=received["MessageId"], error=error)
            return False
        if message_id:
            self._sent.add(message_id)
        observability.log("redrive.moved", message_id=message_id, redriven_from=received["MessageId"])
        try:
            self._dead_letters.delete(received["ReceiptHandle"])
        except Exception as error:  # noqa: BLE001 it is visible again later, and sending it twice does no harm
            observability.log("queue.refused", message_id=received["MessageId"], error=error)
        return True

    def _hold(self, received: "MessageTypeDef") -> None:
        until_the_end = self._deadline - runtime.monotonic() + RESERVE_SECONDS
        self._change_visibility(received["ReceiptHandle"], seconds=math.ceil(until_the_end))
        self._held.append(received["ReceiptHandle"])

    def _change_visibility(self, receipt_handle: str, *, seconds: int) -> None:
        try:
            self._dead_letters.change_visibility(receipt_handle, seconds=seconds)
        except Exception as error:  # noqa: BLE001 it is visible again anyway, sooner or later than intended
            observability.log("queue.refused", error=error)


def _first_message_id(received: "MessageTypeDef") -> str:
    values = message.values(received.get("MessageAttributes", {}))
    return redriven_command.first_message_id(values, received["MessageId"])
