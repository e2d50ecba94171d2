"""Whether the commands of a service request reached VectorCare in the order in which the CAD gave them.

A standard queue may deliver a later command first, when the earlier one cannot be known. But once an invocation
has begun with a command, or has returned it to the queue, neither that one nor any that begins after that may send a
later one of the same service request before the first has ended; unless it was not seen for half an hour.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from verification.simulation.plan.plan import Expected, PlannedCommand
from verification.simulation.world.run_context import RunContext

_FORGOTTEN_SECONDS = 1800.0
# An invocation notes a command when it begins with its service request, and claims it before its call.
_FUNCTION_SECONDS = 60.0
_PRECISION_SECONDS = 0.001


class Order:
    """Notes what the sender knows of each command, and checks each call."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._skew = context.settings.skew
        self._violate = context.violate
        self._copies: defaultdict[str, list[PlannedCommand]] = defaultdict(list)
        self._of_trip: defaultdict[str, set[str]] = defaultdict(set)
        self._ended: set[str] = set()
        self._tried: defaultdict[str, set[str]] = defaultdict(set)
        # Since when the sender has known of a command without forgetting it, and when it last saw it.
        self._known: dict[str, float] = {}
        self._seen: dict[str, float] = {}

    def put(self, name: str, command: PlannedCommand) -> None:
        self._copies[name].append(command)
        if command.service_request_id and command.expected is not Expected.UNREADABLE:
            self._of_trip[command.service_request_id].add(name)

    def noted(self, key: tuple[str, ...], _old: Any, new: Mapping[str, Any]) -> None:
        """Note what the sender writes down of a command."""
        progress = new.get("progress", {}).get("S")
        if progress == "ended":
            self._ended.add(key[0])
        elif progress == "sending":
            self._sees(key[0], self._context.now - _FUNCTION_SECONDS)

    def returned(self, name: str, *, began_at: float) -> None:
        """Note that an invocation that `began_at` then ended without the command's end."""
        self._sees(name, began_at)

    def begun(self, names: Collection[str], *, invocation: str, began_at: float) -> None:
        """Check a call of commands by an invocation that `began_at` then."""
        tried = self._tried[invocation]
        for name in names:
            first = min(self._copies[name], key=lambda one: one.at)
            for other in self._of_trip[first.service_request_id] - {name}:
                is_waiting = self._is_waiting(other, began_at) or (other in tried and other not in self._ended)
                if is_waiting and self._has_to_wait(first, self._copies[other]):
                    earlier = self._copies[other][0]
                    self._violate(
                        "sent before what waits ahead of it",
                        f"{first.kind} {first.number} before {earlier.kind} {earlier.number}",
                    )
        tried.update(names)

    def _sees(self, name: str, at: float) -> None:
        if at > self._seen.get(name, -math.inf) + _FORGOTTEN_SECONDS:
            self._known[name] = self._context.now
        self._seen[name] = max(at, self._seen.get(name, at))

    @staticmethod
    def _has_to_wait(command: PlannedCommand, others: list[PlannedCommand]) -> bool:
        """Positions wait for an acceptance alone, and nothing waits for them."""
        if others[0].kind == "location_update" or (command.kind == "location_update" and others[0].kind != "accept"):
            return False
        return all(other.at + _PRECISION_SECONDS < command.at for other in others)

    def _is_waiting(self, name: str, began_at: float) -> bool:
        is_forgotten = self._context.now > self._seen.get(name, 0) + _FORGOTTEN_SECONDS - 2 * self._skew
        return self._known.get(name, math.inf) < began_at and name not in self._ended and not is_forgotten
