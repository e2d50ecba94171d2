"""A batch of messages: read, sent trip by trip, results published, and the rest returned to the queue."""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import TypeVar

from sender import backoff, telemetry
from sender.attempt import Attempts
from sender.circuit_breaker import CircuitBreaker
from sender.command_log import CommandLog
from sender.pending_commands import PendingCommands
from sender.received_command import (
    AttemptResult,
    Completed,
    Invocation,
    Postponed,
    ReceivedCommand,
    ReceivedMessage,
    UnreadableMessage,
)
from sender.send_trip import by_trip, send_trip
from sender.trip_order import HELD_BACK, TripOrder
from sender.vectorcare.api import VectorCareApi
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands import command, redriven_command
from vectorcare_bridge.commands.command import UnreadableError
from vectorcare_bridge.edge import observability, runtime
from vectorcare_bridge.edge.bus import Bus, BusEntry
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.webhooks.message import OutgoingMessage

THREADS = 10
_T = TypeVar("_T")
# Seconds before its end at which an invocation stops waiting for calls, the bus, the trips' order and the queue.
CALL_RESERVE_SECONDS, PUBLISH_RESERVE_SECONDS, ORDER_RESERVE_SECONDS, RETURN_RESERVE_SECONDS = 15, 9, 6, 2
# The longest wait for a command that is being sent right now, or is gone from the queue.
_HELD_BACK_SECONDS = 60


class Sender:
    """Sends batches of commands; `executor` runs trips side by side, `aws_executor` calls to AWS."""

    def __init__(
        self,
        api: VectorCareApi,
        command_log: CommandLog,
        bus: Bus,
        queue: Queue,
        dead_letters: Queue,
        *,
        pending: PendingCommands,
        executor: Executor,
        aws_executor: Executor,
    ) -> None:
        self._api = api
        self._command_log = command_log
        self._pending = pending
        self._bus = bus
        self._queue = queue
        self._dead_letters = dead_letters
        self._executor = executor
        self._aws_executor = aws_executor

    def send(self, messages: Sequence[ReceivedMessage], invocation: Invocation) -> list[str]:
        """Send a batch; return the ids of the messages that SQS must keep."""
        read = [_read(message) for message in messages]
        deliveries = [one for one in read if isinstance(one, ReceivedCommand)]
        unreadable = [one for one in read if isinstance(one, UnreadableMessage)]
        orders = [TripOrder(self._pending, self._command_log, group) for group in by_trip(deliveries)]
        results = self._publish_in_time(self._send(orders, invocation) if orders else [], invocation)
        telemetry.report([*unreadable, *results])
        postponed = [result for result in results if isinstance(result, Postponed)]
        seconds = _wait_seconds(postponed)
        # Before messages return to the queue: another invocation may get them immediately.
        self._run([partial(self._leave, order, seconds) for order in orders], invocation, ORDER_RESERVE_SECONDS)
        returns = [partial(self._return_to_queue, one, seconds[id(one.delivery)]) for one in postponed]
        self._run(returns, invocation, RETURN_RESERVE_SECONDS)
        moves = [partial(self._send_to_dead_letters, one.message) for one in unreadable]
        are_moved = self._run(moves, invocation, RETURN_RESERVE_SECONDS)
        kept = [one.delivery.message for one in postponed]
        kept += [one.message for one, is_moved in zip(unreadable, are_moved, strict=True) if not is_moved]
        return [message.message_id for message in kept]

    def _send(self, orders: Sequence[TripOrder], invocation: Invocation) -> list[AttemptResult]:
        try:
            breaker = CircuitBreaker(self._command_log)
        except Exception as error:  # noqa: BLE001 nothing is sent while the command log cannot be read
            return [Postponed(delivery, "not_claimed", error=error) for order in orders for delivery in order.commands]
        attempts = Attempts(self._api, self._command_log, breaker, invocation, executor=self._aws_executor)
        remaining = list(orders)
        results: list[AttemptResult] = []
        # One call decides whether there are more, so it runs alone.
        while remaining and breaker.is_probing:
            results += self._send_trips(attempts, [remaining.pop(0)], invocation)
        results += self._send_trips(attempts, remaining, invocation)
        return [
            replace(result, at_least=max(result.at_least, breaker.seconds_left()))
            if isinstance(result, Postponed)
            else result
            for result in results
        ]

    def _send_trips(
        self, attempts: Attempts, orders: Sequence[TripOrder], invocation: Invocation
    ) -> list[AttemptResult]:
        """Send trips side by side, for as long as the invocation has time.

        Not everything has a timeout, for example a name look-up, so the limit is enforced here. A trip that is
        abandoned makes no more calls, and the command log knows of the call that it may have made.
        """
        futures = [self._executor.submit(send_trip, attempts, order) for order in orders]
        results: list[AttemptResult] = []
        for order, future in zip(orders, futures, strict=True):
            try:
                results += future.result(timeout=_seconds_left(invocation, CALL_RESERVE_SECONDS))
            except TimeoutError:
                reason = "out_of_time" if future.cancel() else "unfinished"
                results += [Postponed(delivery, reason) for delivery in order.commands]
        return results

    def _run(self, calls: Sequence[Callable[[], _T]], invocation: Invocation, reserve: float) -> list[_T | None]:
        """Run calls to AWS side by side; None for each that does not end in time."""
        # Not on the threads of the trips: those may all hang.
        futures = [self._aws_executor.submit(call) for call in calls]
        results: list[_T | None] = []
        for future in futures:
            try:
                results.append(future.result(timeout=_seconds_left(invocation, reserve)))
            except TimeoutError:
                future.cancel()
                results.append(None)
        return results

    def _publish_in_time(self, results: Sequence[AttemptResult], invocation: Invocation) -> list[AttemptResult]:
        [published] = self._run([partial(self._publish, results)], invocation, PUBLISH_RESERVE_SECONDS)
        if published is not None:
            return published
        return [Postponed(one.delivery, "not_published") if isinstance(one, Completed) else one for one in results]

    def _publish(self, results: Sequence[AttemptResult]) -> list[AttemptResult]:
        """Publish results; a command whose result the bus does not take is delivered again, and not sent again."""
        entries = {
            index: BusEntry(one.result.outcome, one.result.detail())
            for index, one in enumerate(results)
            if isinstance(one, Completed)
        }
        not_taken = {id(entry) for entry in self._bus.publish(list(entries.values()))}
        return [
            Postponed(one.delivery, "not_published")
            if isinstance(one, Completed) and id(entries[index]) in not_taken
            else one
            for index, one in enumerate(results)
        ]

    def _leave(self, order: TripOrder, seconds: Mapping[int, int]) -> None:
        now = runtime.now()
        try:
            order.leave({one: utc_timestamp.later(now, seconds=wait) for one, wait in seconds.items()})
        except Exception as error:  # noqa: BLE001 the command log shows what has ended, too
            observability.log("line.not_left", error=error)

    def _return_to_queue(self, postponed: Postponed, seconds: int) -> None:
        message = postponed.delivery.message
        try:
            self._queue.change_visibility(message.receipt_handle, seconds=seconds)
        except Exception as error:  # noqa: BLE001 it returns when the queue's own visibility timeout ends
            observability.log("queue.refused", message_id=message.message_id, error=error)

    def _send_to_dead_letters(self, message: ReceivedMessage) -> bool:
        """Send a message to the dead-letter queue now; SQS would deliver it 300 times first."""
        try:
            origin = redriven_command.origin(
                message_id=message.first_id, sent_at=message.sent_at, redriven=message.redriven
            )
            self._dead_letters.send(OutgoingMessage(MessageBody=message.body, MessageAttributes=origin))
        except Exception as error:  # noqa: BLE001 it returns when the queue's own visibility timeout ends
            observability.log("queue.refused", message_id=message.message_id, error=error)
            return False
        return True


def _seconds_left(invocation: Invocation, reserve: float) -> float:
    return max(0, utc_timestamp.seconds_between(runtime.now(), invocation.ends_at) - reserve)


def _read(message: ReceivedMessage) -> ReceivedCommand | UnreadableMessage:
    try:
        return ReceivedCommand(message, command.read(message.body, message_id=message.first_id))
    except UnreadableError as error:
        return UnreadableMessage(message, error.reason)


def _wait_seconds(postponed: Sequence[Postponed]) -> dict[int, int]:
    """Draw each wait, by the delivery's identity; a command that is held back returns after the one ahead of it."""
    seconds: dict[int, int] = {}
    for one in postponed:
        delivery, now = one.delivery, runtime.now()
        age = delivery.age(now)
        drawn = backoff.wait_seconds(
            delivery.message.receives, max_age=delivery.max_age, age=age, at_least=one.at_least, uniform=runtime.uniform
        )
        if one.behind:
            drawn = seconds[id(one.behind)] + 1
        elif one.reason == HELD_BACK:
            due_in = utc_timestamp.seconds_between(now, one.due_at) if one.due_at else 0
            drawn = math.ceil(due_in) + 1 if due_in > 0 else min(drawn, _HELD_BACK_SECONDS)
        seconds[id(delivery)] = backoff.until_the_end(drawn, max_age=delivery.max_age, age=age)
    return seconds
