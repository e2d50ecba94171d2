"""Redrives of commands and of unpublished events, and the messages for them: drawn apart from all the rest.

What a seed sends, and when, stays what it was without them.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from verification.simulation.plan.content import MARKER
from verification.simulation.plan.plan import (
    MAX_RECEIVES,
    Expected,
    Operation,
    PlannedCommand,
    PlannedRedrive,
    SimulationPlan,
    Stray,
)
from verification.simulation.world.faults import Outage

_REASONS = {
    "outbound": ("exhausted", "exhausted", "not_json", "bad_service_request_id"),
    "unpublished": ("not_taken", "not_taken", "unreadable"),
}
_STRAYS = ("{", "[]", '{"detail_type": 5, "detail": {}}', '{"detail_type": "ServiceRequestUpdated"}', f"{MARKER}\n")


def draw_redrives(plan: SimulationPlan) -> SimulationPlan:
    """Add to a plan, as its seed decides, redrives of commands and of unpublished events, and dead letters for them."""
    return _Drawing(plan).plan()


class _Drawing:
    def __init__(self, plan: SimulationPlan) -> None:
        self._random = Random(f"redrives {plan.seed}")  # noqa: S311 it keeps no secret
        self._plan = plan
        self._span = plan.settings.span

    def plan(self) -> SimulationPlan:
        plan = self._plan
        commands = tuple(self._unreadable_commands()) if self._chance(0.3) else ()
        max_receives = self._random.choice((1, 2, 3, 8)) if self._chance(0.3) else MAX_RECEIVES
        outbound = replace(plan.outbound, commands=(*plan.outbound.commands, *commands), max_receives=max_receives)
        operations: list[Operation] = [*self._strays()] if self._chance(0.2) else []
        for queue, likelihood in (("outbound", 0.2 if max_receives == MAX_RECEIVES else 0.8), ("unpublished", 0.4)):
            if self._chance(likelihood):
                operations += self._redrives(queue)
        return replace(plan, operations=[*plan.operations, *operations], outbound=outbound)

    def _unreadable_commands(self) -> Iterator[PlannedCommand]:
        first = len(self._plan.outbound.commands)
        for number in range(first, first + self._random.randint(1, 3)):
            reason, service_request_id, body = self._unreadable(f"{MARKER} {self._plan.seed}-{number}")
            at = self._any_time()
            yield PlannedCommand(
                number, at, body, "unreadable", "", service_request_id, frozenset(), Expected.UNREADABLE, reason
            )

    def _unreadable(self, note: str) -> tuple[str, str, str]:
        """Write what is no command: why, whose it says it is, and the message."""
        command = {"command": "accept", "service_request_id": "VC-UNREADABLE", "response_notes": note}
        return self._random.choice(
            (
                ("not_json", "", json.dumps(command)[:-2]),
                ("not_json", "", json.dumps(command | {"lat": float("nan")})),
                ("not_an_object", "", json.dumps([note])),
                ("unknown_command", "VC-UNREADABLE", f" {json.dumps(command | {'command': 'applaud'})}\r\n\t"),
                ("bad_service_request_id", "", json.dumps(command | {"service_request_id": None})),
                ("bad_service_request_id", f"Zoë \U0001f691 {note}", _unescaped(command, f"Zoë \U0001f691 {note}")),
                ("bad_command_id", "VC-UNREADABLE", json.dumps(command | {"command_id": note})),
            )
        )

    def _strays(self) -> Iterator[Stray]:
        for _ in range(self._random.randint(1, 2)):
            yield Stray(self._any_time(), self._random.choice(_STRAYS))

    def _redrives(self, queue: str) -> Iterator[PlannedRedrive]:
        for _ in range(self._random.choice((1, 2, 3))):
            at, event = self._moment(), self._event(queue)
            yield PlannedRedrive(at, event, killed_after=self._seconds_to_live())
            if self._chance(0.3):
                # Two operators at the same time, or one who saw no answer.
                at += self._random.random() * self._random.choice((0.1, 3.0, 60.0))
                yield PlannedRedrive(at, event if self._chance(0.5) else {"queue": queue})

    def _seconds_to_live(self) -> float | None:
        """Draw how long a redrive lives: through some of its calls, or long enough."""
        calls = self._random.random() * 15
        return calls * self._plan.settings.latency if self._chance(0.3) else None

    def _moment(self) -> float:
        """Draw a time: about when an outage begins or ends, in the midst of the sender's work, or any."""
        random, plan = self._random, self._plan
        outages = [*plan.outbound.outages, *(one for one in plan.operations if isinstance(one, Outage))]
        way = random.randrange(4)
        if way == 0 and outages:
            outage = random.choice(outages)
            return max(0.0, random.choice((outage.begins, outage.ends)) + random.uniform(-10, 10))
        if way == 1 and plan.outbound.commands:
            return random.choice(plan.outbound.commands).at + random.expovariate(1 / random.choice((3, 60, 600)))
        return random.uniform(0.2, 1.5) * self._span

    def _event(self, queue: str) -> dict[str, Any]:
        random = self._random
        event: dict[str, Any] = {"queue": queue}
        if self._chance(0.2):
            event["dry_run"] = True
        if self._chance(0.3):
            event["limit"] = random.randint(1, 5)
        if self._chance(0.2):
            event["rate"] = random.choice((0.5, 2, 50))
        if self._chance(0.2):
            event["reason"] = random.choice(_REASONS[queue])
        if self._chance(0.1):
            event["service_request_id"] = random.choice(self._service_request_ids(queue))
        return event

    def _service_request_ids(self, queue: str) -> list[str]:
        if queue == "outbound":
            return ["VC-UNREADABLE", *(one.service_request_id or "VC-NEW" for one in self._plan.outbound.commands)]
        return [one.content.service_request_id or "VC-NONE" for one in self._plan.sendings]

    def _any_time(self) -> float:
        return self._random.random() * self._span

    def _chance(self, likelihood: float) -> bool:
        return self._random.random() < likelihood


def _unescaped(command: dict[str, str], service_request_id: str) -> str:
    return json.dumps(command | {"service_request_id": service_request_id}, ensure_ascii=False)
