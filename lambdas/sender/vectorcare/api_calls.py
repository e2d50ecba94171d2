"""Commands as calls of VectorCare's API; the positions of many location updates in few calls.

Paths, methods and bodies: VectorCare Open API 2.0, "Requests". Every path ends in a slash.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands.command import Command, Kind
from vectorcare_bridge.commands.command_fields import MAX_LOCATIONS

_METHOD_AND_SUFFIX = {
    Kind.STATE_UPDATE: ("POST", "state"),
    Kind.LOCATION_UPDATE: ("POST", "locations"),
    Kind.ACCEPT: ("PUT", "accept"),
    Kind.DECLINE: ("PUT", "decline"),
    Kind.BEST_TIME: ("PUT", "best-time"),
    Kind.CHANGE_REQUEST: ("POST", "change-request"),
}
_TIMES = ("timestamp", "proposed_agreed_dt", "agreed_dt")


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request to VectorCare, and the commands that it carries."""

    commands: Sequence[Command]  # one; or all location updates whose positions are in it
    method: str
    path: str  # follows the base URL
    body: Any  # JSON values


def calls(commands: Sequence[Command]) -> Iterator[ApiCall]:
    """Make the calls for commands of one service request: location updates, however many, or one other command."""
    if commands[0].kind is Kind.LOCATION_UPDATE:
        yield from _locations(commands)
    else:
        [command] = commands
        yield _single(command)


def _single(command: Command) -> ApiCall:
    fields = command.fields
    if command.kind is Kind.CREATE_REQUEST:
        return ApiCall([command], "POST", f"/requests/service/{fields['service_id']}/", fields["request"])
    method, suffix = _METHOD_AND_SUFFIX[command.kind]
    body = {name: _utc(value) if name in _TIMES else value for name, value in fields.items()}
    return ApiCall([command], method, f"/requests/{command.service_request_id}/{suffix}/", body)


def _locations(commands: Sequence[Command]) -> Iterator[ApiCall]:
    """Sort positions by time, one for each point in time, and divide them into calls of 200 at most."""
    positions: dict[float, Any] = {}
    owners: dict[float, list[Command]] = {}
    for command in commands:
        for location in command.fields["locations"]:
            positions.setdefault(location["timestamp"], location)
            owners.setdefault(location["timestamp"], []).append(command)
    times = sorted(positions)
    for start in range(0, len(times), MAX_LOCATIONS):
        together = times[start : start + MAX_LOCATIONS]
        involved = {command.command_id: command for time in together for command in owners[time]}
        yield ApiCall(
            commands=list(involved.values()),
            method="POST",
            path=f"/requests/{commands[0].service_request_id}/locations/",
            body=[positions[time] for time in together],
        )


def _utc(text: str) -> str:
    """Write a time as VectorCare does: UTC, milliseconds; finer digits are cut off."""
    return f"{utc_timestamp.parse(text)[:23]}Z"
