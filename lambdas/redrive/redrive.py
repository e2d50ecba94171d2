"""From a dead-letter queue back to where its letters belong."""

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
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
    from collections.abc import Callable

    from mypy_boto3_sqs.type_defs import MessageTypeDef

Send: TypeAlias = "Callable[[MessageTypeDef], str | None]"
"""Takes a letter back, and answers the message id under which it may die again; raises if it was not taken."""

THREADS = 10
RESERVE_SECONDS = 60
"""What ten letters in hand, and giving back those that were held, may still take at the end."""

_IN_HAND_SECONDS = 60


@dataclass(slots=True)
class RedriveReport:
    """What a run did.

    Attributes
    ----------
    examined, moved, skipped : int
        Letters looked at, moved, and left because the filter or this same run had no use for them.
    refused : int
        Letters that were not taken, and left.
    would_move : int
        What a dry run would have moved.
    stopped : str
        Why it ended: `empty`, `limit`, `time`, `refused` (queue or bus took none; try again when it works),
        `unanswered` (neither did the dead-letter queue give more, or the journal say why they died; likewise),
        `in_flight_limit` (SQS hides no more than 120,000 messages at once; narrow the filter, or use a limit), or
        `error` (it was not begun; see `redrive.handler`).
    """

    examined: int = 0
    moved: int = 0
    skipped: int = 0
    refused: int = 0
    would_move: int = 0
    stopped: str = ""


class Redrive:
    """One run over a dead-letter queue.

    A letter is sent before it is deleted: interrupted anywhere, a run has at worst sent one twice, which does no harm.
    Letters it has no use for stay invisible until it ends, so that it meets each only once and comes to an end. One
    that dies again meanwhile is known: a webhook keeps the message id under which it was sent, and a command, which the
    sender may put back as a new message, carries its first one.

    Parameters
    ----------
    dead_letters : Queue
        From.
    send : callable
        To; see `redrive.send_back`.
    recorded : callable
        Looks up in the journal why webhooks died; asked if the request names a reason.
    executor : Executor
        Runs the calls of a batch side by side.
    deadline : float
        On `aws.monotonic`'s clock: nothing new is begun after it.
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
        """Move what is asked for until there is no more, or time, limit or a call that fails ends it.

        Whatever ends it, the report says what was done.
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
                except Exception as error:  # noqa: BLE001 whatever it is, what was moved until now is reported
                    observability.log("redrive.stopped", error=error)
                    report.stopped = "unanswered"
                # From when this batch began and not from the run's: what stood still must not catch up in a burst.
                due = began + (report.moved - moved) / request.rate if request.rate else began
        finally:
            list(self._executor.map(self._release, self._held))
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
        letters = self._dead_letters.receive(maximum=at_once, visibility_timeout=_IN_HAND_SECONDS)
        if not letters:
            report.stopped = "empty"
            return
        try:
            answers = list(self._executor.map(partial(self._is_wanted, request), letters))
        except Exception:
            self._held += [letter["ReceiptHandle"] for letter in letters]
            raise
        wanted = [letter for letter, is_wanted in zip(letters, answers, strict=True) if is_wanted]
        chosen = wanted if request.limit is None else wanted[: request.limit - report.moved - report.would_move]
        unreached = len(wanted) - len(chosen)
        report.examined += len(letters) - unreached
        report.skipped += len(letters) - len(wanted)
        if request.dry_run:
            report.would_move += len(chosen)
            moved = []
        else:
            outcomes = self._executor.map(self._move, chosen)
            moved = [letter for letter, is_moved in zip(chosen, outcomes, strict=True) if is_moved]
            report.moved += len(moved)
            self._sent.update(map(_first_message_id, moved))
            report.refused += len(chosen) - len(moved)
            # What is no event says nothing of the bus: others may follow that it takes.
            if not moved and any(dead_letter.can_go_back(request.queue, letter["Body"]) for letter in chosen):
                report.stopped = "refused"
        list(self._executor.map(self._hold, [letter for letter in letters if letter not in moved]))
        if request.limit in (report.moved, report.would_move):
            report.stopped = "limit"

    def _is_wanted(self, request: RedriveRequest, letter: "MessageTypeDef") -> bool:
        if _first_message_id(letter) in self._sent:
            return False
        values = message.values(letter.get("MessageAttributes", {}))
        body, source = letter["Body"], request.queue
        if request.service_request_id not in {None, dead_letter.service_request_id(source, body, values)}:
            return False
        if request.reason is None:
            return True
        return request.reason == dead_letter.reason(
            source, body, values, sent_at=send_back.sent_at(letter), recorded=self._recorded
        )

    def _move(self, letter: "MessageTypeDef") -> bool:
        try:
            message_id = self._send(letter)
        except Exception as error:  # noqa: BLE001 whatever it is, the letter stays where it is
            observability.log("redrive.refused", message_id=letter["MessageId"], error=error)
            return False
        if message_id:
            self._sent.add(message_id)
        observability.log("redrive.moved", message_id=message_id, redriven_from=letter["MessageId"])
        try:
            self._dead_letters.delete(letter["ReceiptHandle"])
        except Exception as error:  # noqa: BLE001 it comes back, and another run sends it once more, which does no harm
            observability.log("queue.refused", message_id=letter["MessageId"], error=error)
        return True

    def _hold(self, letter: "MessageTypeDef") -> None:
        until_the_end = self._deadline - runtime.monotonic() + RESERVE_SECONDS
        self._hide(letter["ReceiptHandle"], seconds=math.ceil(until_the_end))
        self._held.append(letter["ReceiptHandle"])

    def _release(self, receipt_handle: str) -> None:
        self._hide(receipt_handle, seconds=0)

    def _hide(self, receipt_handle: str, *, seconds: int) -> None:
        try:
            self._dead_letters.change_visibility(receipt_handle, seconds=seconds)
        except Exception as error:  # noqa: BLE001 it is seen again all the same, sooner or later than was meant
            observability.log("queue.refused", error=error)


def _first_message_id(letter: "MessageTypeDef") -> str:
    return redriven_command.first_message_id(message.values(letter.get("MessageAttributes", {})), letter["MessageId"])
