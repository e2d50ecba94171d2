"""A batch of messages: read, checked, sent side by side by service request, told on the bus, given back where due."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import TypeVar

from sender import backoff, telemetry
from sender.attempt import Attempts
from sender.circuit_breaker import CircuitBreaker
from sender.command_log import CommandLog
from sender.command_result import Outcome
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
from sender.trip_order import HELD_BACK, TripOrder, place
from sender.vectorcare.api import VectorCareApi
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands import command, command_fields, redriven_command
from vectorcare_bridge.commands.command import Kind, RefusedError, UnreadableError
from vectorcare_bridge.edge import observability, runtime
from vectorcare_bridge.edge.bus import Bus, BusEntry
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.webhooks.message import OutgoingMessage as SqsMessage

THREADS = 10
_T = TypeVar("_T")
# How many seconds before its end an invocation waits no longer for whatever hangs: calls, the bus, the line, the queue.
CALL_RESERVE_SECONDS, PUBLISH_RESERVE_SECONDS, ORDER_RESERVE_SECONDS, RETURN_RESERVE_SECONDS = 15, 9, 6, 2
# What waits for a command that is being sent right now, or is gone from the queue.
_HELD_BACK_SECONDS = 60


class Sender:
    """Sends batches of commands.

    Parameters
    ----------
    api : VectorCareApi
        Takes them.
    command_log : CommandLog
        Knows which have been sent.
    bus : Bus
        Is told how each ended.
    queue : Queue
        Where those are given back that are to be tried again.
    dead_letters : Queue
        Where those go that cannot be read.
    lines : PendingCommands
        Know which wait.
    executor, aws_executor : Executor
        Run service requests, and within them calls to the command log and what follows, side by side.
    """

    def __init__(
        self,
        api: VectorCareApi,
        command_log: CommandLog,
        bus: Bus,
        queue: Queue,
        dead_letters: Queue,
        *,
        lines: PendingCommands,
        executor: Executor,
        aws_executor: Executor,
    ) -> None:
        self._api = api
        self._command_log = command_log
        self._lines = lines
        self._bus = bus
        self._queue = queue
        self._dead_letters = dead_letters
        self._executor = executor
        self._aws_executor = aws_executor

    def send(self, messages: Sequence[ReceivedMessage], invocation: Invocation) -> list[str]:
        """Send a batch.

        Returns
        -------
        list of str
            Message ids of what is not done with. SQS keeps them.
        """
        results: list[AttemptResult] = []
        deliveries: list[ReceivedCommand] = []
        for message in messages:
            read = _read(message)
            if isinstance(read, ReceivedCommand):
                deliveries.append(read)
            else:
                results.append(read)
        turns = [TripOrder(self._lines, self._command_log, group) for group in _by_service_request(deliveries)]
        if turns:
            results += self._send(turns, invocation)
        results = self._publish_in_time(results, invocation)
        telemetry.report(results)
        later = [result for result in results if isinstance(result, Postponed)]
        seconds = _wait_seconds(later)
        # First this: what is given back may come to another invocation at once.
        self._run([partial(self._leave, one, seconds) for one in turns], invocation, ORDER_RESERVE_SECONDS)
        dead = [result.message for result in results if isinstance(result, UnreadableMessage)]
        hide = [partial(self._return_to_queue, result, seconds[id(result.delivery)]) for result in later]
        self._run(hide, invocation, RETURN_RESERVE_SECONDS)
        are_moved = self._run(
            [partial(self._send_to_dead_letters, one) for one in dead], invocation, RETURN_RESERVE_SECONDS
        )
        not_moved = [message for message, is_moved in zip(dead, are_moved, strict=True) if not is_moved]
        return [message.message_id for message in [*(one.delivery.message for one in later), *not_moved]]

    def _send(self, turns: Sequence[TripOrder], invocation: Invocation) -> list[AttemptResult]:
        try:
            breaker = CircuitBreaker(self._command_log)
        except Exception as error:  # noqa: BLE001 nothing is sent while the command log cannot be read
            return [Postponed(delivery, "not_claimed", error=error) for one in turns for delivery in one.group]
        attempts = Attempts(self._api, self._command_log, breaker, invocation, executor=self._aws_executor)
        to_go = list(turns)
        results: list[AttemptResult] = []
        # One call decides whether there are more, so nothing runs beside it.
        while to_go and breaker.is_probing:
            results += self._send_groups(attempts, [to_go.pop(0)], invocation)
        results += self._send_groups(attempts, to_go, invocation)
        return [_wait_for(breaker, result) for result in results]

    def _send_groups(
        self, attempts: Attempts, groups: Sequence[TripOrder], invocation: Invocation
    ) -> list[AttemptResult]:
        """Send side by side, for as long as the invocation has time.

        Time-outs do not hold for everything, such as looking up a name, so the bound is kept from outside. What is
        given up so makes no more calls, and the command log knows of the one that it may have made.
        """
        futures = [self._executor.submit(_send_group, attempts, group) for group in groups]
        results: list[AttemptResult] = []
        for group, future in zip(groups, futures, strict=True):
            try:
                results += future.result(timeout=_seconds_left(invocation, CALL_RESERVE_SECONDS))
            except TimeoutError:
                reason = "out_of_time" if future.cancel() else "unfinished"
                results += [Postponed(delivery, reason) for delivery in group.group]
        return results

    def _run(self, calls: Sequence[Callable[[], _T]], invocation: Invocation, by: float) -> list[_T | None]:
        """Run calls to AWS side by side; None for what is not over in time."""
        # Not where commands are sent: there, all threads may hang.
        futures = [self._aws_executor.submit(call) for call in calls]
        results: list[_T | None] = []
        for future in futures:
            try:
                results.append(future.result(timeout=_seconds_left(invocation, by)))
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
        """Tell the bus how commands ended; one that it does not take comes again, and the command log knows its end."""
        entries = {
            index: BusEntry(result.ending.outcome, result.ending.detail())
            for index, result in enumerate(results)
            if isinstance(result, Completed)
        }
        not_taken = {id(entry) for entry in self._bus.publish(list(entries.values()))}
        return [
            Postponed(result.delivery, "not_published")
            if isinstance(result, Completed) and id(entries[index]) in not_taken
            else result
            for index, result in enumerate(results)
        ]

    def _leave(self, turns: TripOrder, seconds: Mapping[int, int]) -> None:
        now = runtime.now()
        try:
            turns.leave({one: utc_timestamp.later(now, minutes=wait / 60) for one, wait in seconds.items()})
        except Exception as error:  # noqa: BLE001 what has ended can be seen in the command log, too
            observability.log("line.not_left", error=error)

    def _return_to_queue(self, result: Postponed, seconds: int) -> None:
        message = result.delivery.message
        try:
            self._queue.change_visibility(message.receipt_handle, seconds=seconds)
        except Exception as error:  # noqa: BLE001 it comes back all the same, when the queue's own time-out ends
            observability.log("queue.refused", message_id=message.message_id, error=error)

    def _send_to_dead_letters(self, message: ReceivedMessage) -> bool:
        """Put among the dead letters what cannot be read: left to SQS, it would be received 300 times before."""
        try:
            origin = redriven_command.origin(
                message_id=message.first_id, sent_at=message.sent_at, redriven=message.redriven
            )
            self._dead_letters.send(SqsMessage(MessageBody=message.body, MessageAttributes=origin))
        except Exception as error:  # noqa: BLE001 it comes back, when the queue's own time-out ends
            observability.log("queue.refused", message_id=message.message_id, error=error)
            return False
        return True


def _seconds_left(invocation: Invocation, before_its_end: float) -> float:
    return max(0, utc_timestamp.seconds_between(runtime.now(), invocation.ends_at) - before_its_end)


def _read(message: ReceivedMessage) -> ReceivedCommand | UnreadableMessage:
    try:
        return ReceivedCommand(message, command.read(message.body, message_id=message.first_id))
    except UnreadableError as error:
        return UnreadableMessage(message, error.reason)


def _by_service_request(deliveries: Sequence[ReceivedCommand]) -> list[list[ReceivedCommand]]:
    """Bring together what belongs to one service request, in its order."""
    groups: defaultdict[str, list[ReceivedCommand]] = defaultdict(list)
    for delivery in sorted(deliveries, key=lambda one: place(one).key):
        groups[delivery.command.service_request_id or f"new/{delivery.command.command_id}"].append(delivery)
    return list(groups.values())


def _send_group(attempts: Attempts, turns: TripOrder) -> list[AttemptResult]:
    """Send one service request's commands in their order."""
    try:
        turns.take()
    except Exception as error:  # noqa: BLE001 nothing is sent while nobody knows what waits
        return [Postponed(delivery, "not_claimed", error=error) for delivery in turns.group]
    results: list[AttemptResult] = []
    for unit in _units(turns.group):
        try:
            of_unit = _send_unit(attempts, turns, unit)
        except Exception as error:  # noqa: BLE001 whatever it is, these are tried again and hold up no other request
            of_unit = [Postponed(delivery, "failed", error=error) for delivery in unit]
        turns.note(of_unit)
        results += of_unit
    return results


def _units(group: Sequence[ReceivedCommand]) -> list[list[ReceivedCommand]]:
    """Divide commands into what goes in one call: location updates together at the first one's place.

    Those after an acceptance do not go before it.
    """
    units: list[list[ReceivedCommand]] = []
    locations: list[ReceivedCommand] = []
    for delivery in group:
        if delivery.command.kind is not Kind.LOCATION_UPDATE:
            units.append([delivery])
            if delivery.command.kind is Kind.ACCEPT:
                locations = []
            continue
        if not locations:
            units.append(locations)
        locations.append(delivery)
    return units


def _send_unit(attempts: Attempts, turns: TripOrder, unit: Sequence[ReceivedCommand]) -> list[AttemptResult]:
    results: list[AttemptResult] = []
    together: list[ReceivedCommand] = []
    for delivery in unit:
        result = _obstacle(attempts, delivery) or turns.hold_back(delivery)
        if result:
            results.append(result)
        else:
            together.append(delivery)
    return results + attempts.send(together) if together else results


def _obstacle(attempts: Attempts, delivery: ReceivedCommand) -> AttemptResult | None:
    """End what no call may be spent on; hold back what VectorCare's clock has not come to."""
    now = runtime.now()
    try:
        command_fields.check(delivery.command)
        seconds_ahead = command.check_time(delivery.command, now=now)
    except RefusedError as error:
        return attempts.end_without_call(delivery, Outcome.FAILED, error.reason)
    if delivery.is_expired(now):
        return attempts.end_without_call(delivery, Outcome.EXPIRED, "max_age")
    return Postponed(delivery, "ahead_of_time", seconds_ahead) if seconds_ahead else None


def _wait_for(breaker: CircuitBreaker, result: AttemptResult) -> AttemptResult:
    """Let what is tried again stay away while no call may be spent."""
    if not isinstance(result, Postponed):
        return result
    return replace(result, at_least=max(result.at_least, breaker.seconds_left()))


def _wait_seconds(later: Sequence[Postponed]) -> dict[int, int]:
    """Draw for how long each is hidden, by the delivery's identity; what is held back comes after what holds it."""
    seconds: dict[int, int] = {}
    for result in later:
        delivery, now = result.delivery, runtime.now()
        age = delivery.age(now)
        drawn = backoff.wait_seconds(
            delivery.message.receives,
            max_age=delivery.max_age,
            age=age,
            at_least=result.at_least,
            uniform=runtime.uniform,
        )
        if result.behind:
            drawn = seconds[id(result.behind)] + 1
        elif result.reason == HELD_BACK:
            is_due_in = utc_timestamp.seconds_between(now, result.due_at) if result.due_at else 0
            drawn = math.ceil(is_due_in) + 1 if is_due_in > 0 else min(drawn, _HELD_BACK_SECONDS)
        seconds[id(delivery)] = backoff.until_the_end(drawn, max_age=delivery.max_age, age=age)
    return seconds
