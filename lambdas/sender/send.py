"""A batch of messages: read, checked, sent side by side by service request, told on the bus, given back where due."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace

from sender import report
from sender.attempt import Attempts
from sender.breaker import Breaker
from sender.delivery import Dead, Delivery, Ended, Invocation, Later, Message, Result
from vectorcare_bridge import aws, command, command_fields, observability, redriven_command, retry
from vectorcare_bridge.bus import Bus, Entry
from vectorcare_bridge.command import Kind, RefusedError, UnreadableError
from vectorcare_bridge.ledger import Ledger
from vectorcare_bridge.message import Message as SqsMessage
from vectorcare_bridge.outcome import Outcome
from vectorcare_bridge.queue import Queue
from vectorcare_bridge.vectorcare_api import VectorCareApi

THREADS = 10


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
        executor: Executor,
        ledger_executor: Executor,
    ) -> None:
        self._api = api
        self._ledger = ledger
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
        if deliveries:
            results += self._send(deliveries, invocation)
        results = self._publish(results)
        report.report(results)
        later = [result for result in results if isinstance(result, Later)]
        list(self._executor.map(self._give_back, later))
        dead = [result.message for result in results if isinstance(result, Dead)]
        are_set_aside = list(self._executor.map(self._set_aside, dead))
        not_set_aside = [message for message, is_set_aside in zip(dead, are_set_aside, strict=True) if not is_set_aside]
        return [message.message_id for message in [*(one.delivery.message for one in later), *not_set_aside]]

    def _send(self, deliveries: Sequence[Delivery], invocation: Invocation) -> list[Result]:
        try:
            breaker = Breaker(self._ledger)
        except Exception as error:  # noqa: BLE001 nothing is sent while the ledger cannot be read
            return [Later(delivery, "not_claimed", error=error) for delivery in deliveries]
        attempts = Attempts(self._api, self._ledger, breaker, invocation, executor=self._ledger_executor)
        groups = _by_service_request(deliveries)
        results: list[Result] = []
        # One call decides whether there are more, so nothing runs beside it.
        while groups and breaker.is_probing:
            results += _send_group(attempts, groups.pop(0))
        for together in self._executor.map(lambda group: _send_group(attempts, group), groups):
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

    def _give_back(self, result: Later) -> None:
        message = result.delivery.message
        try:
            self._queue.hide(message.receipt_handle, seconds=_wait_seconds(result))
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
    """Bring together what belongs to one service request, in the order in which it came on the queue."""
    groups: defaultdict[str, list[Delivery]] = defaultdict(list)
    for delivery in sorted(deliveries, key=lambda one: one.message.sent_at):
        groups[delivery.command.service_request_id or f"new/{delivery.command.command_id}"].append(delivery)
    return list(groups.values())


def _send_group(attempts: Attempts, group: Sequence[Delivery]) -> list[Result]:
    """Send one service request's commands in their order, its location updates together at the first one's place."""
    results: list[Result] = []
    units: list[list[Delivery]] = []
    locations: list[Delivery] = []
    for delivery in group:
        obstacle = _obstacle(attempts, delivery)
        if obstacle:
            results.append(obstacle)
        elif delivery.command.kind is not Kind.LOCATION_UPDATE:
            units.append([delivery])
        else:
            if not locations:
                units.append(locations)
            locations.append(delivery)
    for unit in units:
        try:
            results += attempts.send(unit)
        except Exception as error:  # noqa: BLE001 whatever it is, these are tried again and hold up no others
            results += [Later(delivery, "failed", error=error) for delivery in unit]
    return results


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


def _wait_seconds(result: Later) -> int:
    delivery = result.delivery
    return retry.wait_seconds(
        delivery.message.receives,
        max_age=delivery.max_age,
        age=delivery.age(aws.now()),
        at_least=result.at_least,
        uniform=aws.uniform,
    )
