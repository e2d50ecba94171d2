"""The commands of one trip in a batch: sent in their order, unless they end without a call or have to wait."""

from collections import defaultdict
from collections.abc import Sequence

from sender.attempt import Attempts
from sender.command_result import Outcome
from sender.received_command import AttemptResult, Postponed, ReceivedCommand
from sender.trip_order import TripOrder, pending_command
from vectorcare_bridge.commands import command_fields
from vectorcare_bridge.commands.command import Kind, RefusedError
from vectorcare_bridge.edge import runtime


def by_trip(deliveries: Sequence[ReceivedCommand]) -> list[list[ReceivedCommand]]:
    """Group a batch's commands by service request, each group in its order."""
    groups: defaultdict[str, list[ReceivedCommand]] = defaultdict(list)
    for delivery in sorted(deliveries, key=lambda one: pending_command(one).key):
        groups[delivery.command.service_request_id or f"new/{delivery.command.command_id}"].append(delivery)
    return list(groups.values())


def send_trip(attempts: Attempts, order: TripOrder) -> list[AttemptResult]:
    """Send one trip's commands; whatever fails, each has a result."""
    try:
        order.join()
    except Exception as error:  # noqa: BLE001 nothing is sent while it is unknown what waits
        return [Postponed(delivery, "not_claimed", error=error) for delivery in order.commands]
    results: list[AttemptResult] = []
    for unit in _units(order.commands):
        try:
            of_unit = _send_unit(attempts, order, unit)
        except Exception as error:  # noqa: BLE001 these are tried again, and hold up no other trip
            of_unit = [Postponed(delivery, "failed", error=error) for delivery in unit]
        order.note(of_unit)
        results += of_unit
    return results


def _units(commands: Sequence[ReceivedCommand]) -> list[list[ReceivedCommand]]:
    """Divide commands into what goes in one call: location updates together, at the first one's place.

    Those after an acceptance do not go before it.
    """
    units: list[list[ReceivedCommand]] = []
    locations: list[ReceivedCommand] = []
    for delivery in commands:
        if delivery.command.kind is not Kind.LOCATION_UPDATE:
            units.append([delivery])
            if delivery.command.kind is Kind.ACCEPT:
                locations = []
            continue
        if not locations:
            units.append(locations)
        locations.append(delivery)
    return units


def _send_unit(attempts: Attempts, order: TripOrder, unit: Sequence[ReceivedCommand]) -> list[AttemptResult]:
    results: list[AttemptResult] = []
    together: list[ReceivedCommand] = []
    for delivery in unit:
        result = _without_call(attempts, delivery) or order.hold_back(delivery)
        if result:
            results.append(result)
        else:
            together.append(delivery)
    return results + attempts.send(together) if together else results


def _without_call(attempts: Attempts, delivery: ReceivedCommand) -> AttemptResult | None:
    """End a command that VectorCare would refuse, or that is too late; postpone a state that is ahead of its time."""
    now = runtime.now()
    try:
        command_fields.check(delivery.command)
        seconds_ahead = command_fields.check_time(delivery.command, now=now)
    except RefusedError as error:
        return attempts.end_without_call(delivery, Outcome.FAILED, error.reason)
    if delivery.is_expired(now):
        return attempts.end_without_call(delivery, Outcome.EXPIRED, "max_age")
    return Postponed(delivery, "ahead_of_time", seconds_ahead) if seconds_ahead else None
