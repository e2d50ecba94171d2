"""A batch of messages: read, checked, sent side by side by service request, told on the bus, given back where due."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace

from sender import report
from sender.attempt import Attempts
from sender.breaker import Breaker
from sender.delivery import Dead, Delivery, Ended, Invocation, Later, Message, Result
from sender.turns import HELD_BACK, Turns, place
from vectorcare_bridge import aws, command, command_fields, instant, observability, redriven_command, retry
from vectorcare_bridge.bus import Bus, Entry
from vectorcare_bridge.command import Kind, RefusedError, UnreadableError
from vectorcare_bridge.ledger import Ledger
from vectorcare_bridge.line import Lines
from vectorcare_bridge.message import Message as SqsMessage
from vectorcare_bridge.outcome import Outcome
from vectorcare_bridge.queue import Queue
from vectorcare_bridge.vectorcare_api import VectorCareApi

THREADS = 10
# What waits for a command that is being sent right now, or is gone from the queue.
_HELD_BACK_SECONDS = 60


class Sender:
    """Sends batches of commands.

    Parameters
    ----------
    api : VectorCareApi
        Takes them.
    ledger : Ledger
        Knows which have been sent.
    bus : Bus
        Is told how each ended.
    queue : Queue
        Where those are given back that are to be tried again.
    dead_letters : Queue
        Where those go that cannot be read.
    lines : Lines
        Know which wait.
    executor, ledger_executor : Executor
        Run service requests, and within them calls to the ledger, side by side.
    """

    def __init__(
        self,
        api: VectorCareApi,
        ledger: Ledger,
        bus: Bus,
        queue: Queue,
        dead_letters: Queue,
        *,
        lines: Lines,
        executor: Executor,
        ledger_executor: Executor,
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._lines = lines
        self._bus = bus
        self._queue = queue
        self._dead_letters = dead_letters
        self._executor = executor
        self._ledger_executor = ledger_executor

    def send(self, messages: Sequence[Message], invocation: Invocation) -> list[str]:
        """Send a batch.

        Returns
        -------
        list of str
            Message ids of what is not done with. SQS keeps them.
        """
        results: list[Result] = []
        deliveries: list[Delivery] = []
        for message in messages:
            read = _read(message)
            if isinstance(read, Delivery):
                deliveries.append(read)
            else:
                results.append(read)
        turns = [Turns(self._lines, self._ledger, group) for group in _by_service_request(deliveries)]
        if turns:
            results += self._send(turns, invocation)
        results = self._publish(results)
        report.report(results)
        later = [result for result in results if isinstance(result, Later)]
        seconds = _wait_seconds(later)
        # First this: what is given back may come to another invocation at once.
        list(self._executor.map(lambda one: self._leave(one, seconds), turns))
        list(self._executor.map(lambda result: self._give_back(result, seconds[id(result.delivery)]), later))
        dead = [result.message for result in results if isinstance(result, Dead)]
        are_set_aside = list(self._executor.map(self._set_aside, dead))
        not_set_aside = [message for message, is_set_aside in zip(dead, are_set_aside, strict=True) if not is_set_aside]
        return [message.message_id for message in [*(one.delivery.message for one in later), *not_set_aside]]

    def _send(self, turns: Sequence[Turns], invocation: Invocation) -> list[Result]:
        try:
            breaker = Breaker(self._ledger)
        except Exception as error:  # noqa: BLE001 nothing is sent while the ledger cannot be read
            return [Later(delivery, "not_claimed", error=error) for one in turns for delivery in one.group]
        attempts = Attempts(self._api, self._ledger, breaker, invocation, executor=self._ledger_executor)
        to_go = list(turns)
        results: list[Result] = []
        # One call decides whether there are more, so nothing runs beside it.
        while to_go and breaker.is_probing:
            results += _send_group(attempts, to_go.pop(0))
        for together in self._executor.map(lambda one: _send_group(attempts, one), to_go):
            results += together
        return [_wait_for(breaker, result) for result in results]

    def _publish(self, results: Sequence[Result]) -> list[Result]:
        """Tell the bus how commands ended; one that it does not take comes again, and the ledger knows its end."""
        entries = {
            index: Entry(result.ending.outcome, result.ending.detail())
            for index, result in enumerate(results)
            if isinstance(result, Ended)
        }
        not_taken = {id(entry) for entry in self._bus.publish(list(entries.values()))}
        return [
            Later(result.delivery, "not_published")
            if isinstance(result, Ended) and id(entries[index]) in not_taken
            else result
            for index, result in enumerate(results)
        ]

    def _leave(self, turns: Turns, seconds: Mapping[int, int]) -> None:
        now = aws.now()
        try:
            turns.leave({one: instant.later(now, minutes=wait / 60) for one, wait in seconds.items()})
        except Exception as error:  # noqa: BLE001 what has ended can be seen in the ledger, too
            observability.log("line.not_left", error=error)

    def _give_back(self, result: Later, seconds: int) -> None:
        message = result.delivery.message
        try:
            self._queue.hide(message.receipt_handle, seconds=seconds)
        except Exception as error:  # noqa: BLE001 it comes back all the same, when the queue's own time-out ends
            observability.log("queue.refused", message_id=message.message_id, error=error)

    def _set_aside(self, message: Message) -> bool:
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


def _read(message: Message) -> Delivery | Dead:
    try:
        return Delivery(message, command.read(message.body, message_id=message.first_id))
    except UnreadableError as error:
        return Dead(message, error.reason)


def _by_service_request(deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
    """Bring together what belongs to one service request, in its order."""
    groups: defaultdict[str, list[Delivery]] = defaultdict(list)
    for delivery in sorted(deliveries, key=lambda one: place(one).key):
        groups[delivery.command.service_request_id or f"new/{delivery.command.command_id}"].append(delivery)
    return list(groups.values())


def _send_group(attempts: Attempts, turns: Turns) -> list[Result]:
    """Send one service request's commands in their order."""
    try:
        turns.take()
    except Exception as error:  # noqa: BLE001 nothing is sent while nobody knows what waits
        return [Later(delivery, "not_claimed", error=error) for delivery in turns.group]
    results: list[Result] = []
    for unit in _units(turns.group):
        try:
            of_unit = _send_unit(attempts, turns, unit)
        except Exception as error:  # noqa: BLE001 whatever it is, these are tried again and hold up no other request
            of_unit = [Later(delivery, "failed", error=error) for delivery in unit]
        turns.note(of_unit)
        results += of_unit
    return results


def _units(group: Sequence[Delivery]) -> list[list[Delivery]]:
    """Divide commands into what goes in one call: location updates together at the first one's place.

    Those after an acceptance do not go before it.
    """
    units: list[list[Delivery]] = []
    locations: list[Delivery] = []
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


def _send_unit(attempts: Attempts, turns: Turns, unit: Sequence[Delivery]) -> list[Result]:
    results: list[Result] = []
    together: list[Delivery] = []
    for delivery in unit:
        result = _obstacle(attempts, delivery) or turns.hold_back(delivery)
        if result:
            results.append(result)
        else:
            together.append(delivery)
    return results + attempts.send(together) if together else results


def _obstacle(attempts: Attempts, delivery: Delivery) -> Result | None:
    """End what no call may be spent on; hold back what VectorCare's clock has not come to."""
    now = aws.now()
    try:
        command_fields.check(delivery.command)
        seconds_ahead = command.check_time(delivery.command, now=now)
    except RefusedError as error:
        return attempts.end_without_call(delivery, Outcome.FAILED, error.reason)
    if delivery.is_expired(now):
        return attempts.end_without_call(delivery, Outcome.EXPIRED, "max_age")
    return Later(delivery, "ahead_of_time", seconds_ahead) if seconds_ahead else None


def _wait_for(breaker: Breaker, result: Result) -> Result:
    """Let what is tried again stay away while no call may be spent."""
    if not isinstance(result, Later):
        return result
    return replace(result, at_least=max(result.at_least, breaker.seconds_left()))


def _wait_seconds(later: Sequence[Later]) -> dict[int, int]:
    """Draw for how long each is hidden, by the delivery's identity; what is held back comes after what holds it."""
    seconds: dict[int, int] = {}
    for result in later:
        delivery, now = result.delivery, aws.now()
        age = delivery.age(now)
        drawn = retry.wait_seconds(
            delivery.message.receives,
            max_age=delivery.max_age,
            age=age,
            at_least=result.at_least,
            uniform=aws.uniform,
        )
        if result.behind:
            drawn = seconds[id(result.behind)] + 1
        elif result.reason == HELD_BACK:
            is_due_in = instant.seconds_between(now, result.due_at) if result.due_at else 0
            drawn = math.ceil(is_due_in) + 1 if is_due_in > 0 else min(drawn, _HELD_BACK_SECONDS)
        seconds[id(delivery)] = retry.until_the_end(drawn, max_age=delivery.max_age, age=age)
    return seconds
