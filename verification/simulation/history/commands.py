"""What the CAD asked for, what reached VectorCare, and what was reported of it.

What must hold of each command, whatever VectorCare and the proxies before it answer:

- what must not be repeated, VectorCare has once at most;
- it is not reported to have succeeded if VectorCare does not have it, nor to have failed or expired if it has;
- it is reported to be uncertain only if a call was begun, as far as the sender can know: not after a crash, nor after a
  call to AWS that went wrong.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from simulator.http_types import Request, Response
from verification.simulation.history.copies import Copies
from verification.simulation.history.order import Order
from verification.simulation.models.queue import QueuedMessage
from verification.simulation.plan.plan import Expected, PlannedCommand
from verification.simulation.world.run_context import RunContext

_MINUTE, _HOUR = 60.0, 3600.0
# A state is refused a week after its own time, up to five minutes before it came; a dead one may wait so long.
_WEEK = 7 * 24 * _HOUR - 5 * _MINUTE
_MAX_AGE_SECONDS = defaultdict(lambda: 30 * _MINUTE, {"state_update": 24 * _HOUR, "location_update": 15 * _MINUTE})
_REPEATABLE = ("state_update", "location_update", "accept", "decline")
_MAX_LOCATIONS = 200
# A command is looked at when an invocation begins its service request, and sent within that invocation.
_FUNCTION_SECONDS = 60.0
_OUTCOMES = {"CommandSucceeded", "CommandFailed", "CommandExpired", "CommandUncertain"}

Mark = tuple[str, str]
"""A service request, and what distinguishes a part of a command from all others there."""


class CommandHistory:
    """Notes what happens, checks what must hold at all times, and the rest in the end; for `may_die` see `Copies`."""

    def __init__(self, context: RunContext, *, may_die: bool) -> None:
        self.copies = Copies(context, may_die=may_die, is_reported=lambda name: bool(self._outcomes[name]))
        self.order = Order(context)
        self._context = context
        self._skew = context.settings.skew
        self._violate = context.violate
        self._put: defaultdict[str, list[PlannedCommand]] = defaultdict(list)
        self._owners: defaultdict[Mark, list[PlannedCommand]] = defaultdict(list)
        self._effects: Counter[Mark] = Counter()
        self._begun: set[Mark] = set()
        self._first_begun: dict[Mark, float] = {}
        self._taken_at: dict[Mark, float] = {}
        self._in_doubt: set[str] = set()
        self._outcomes: defaultdict[str, set[str]] = defaultdict(set)
        self._names: dict[int, str] = {}
        self._reported_at: dict[str, float] = {}
        self._succeeded_at: dict[str, float] = {}

    def put(self, command: PlannedCommand, message_id: str) -> None:
        name = command.command_id or message_id
        self._put[name].append(command)
        self._names[command.number] = name
        self.order.put(name, command)
        for mark in _marks(command):
            self._owners[mark].append(command)

    def begun(self, request: Request, *, invocation: str, began_at: float) -> None:
        """Note that an invocation that `began_at` then begins a call."""
        service_request_id, marks = _read(request)
        owners = [owner for mark in marks for owner in self._owners[service_request_id, mark]]
        self._begun |= {(service_request_id, mark) for mark in marks}
        for mark in marks:
            self._first_begun.setdefault((service_request_id, mark), self._context.now)
        self.order.begun({self._names[owner.number] for owner in owners}, invocation=invocation, began_at=began_at)

    def worked(
        self, records: Iterable[Mapping[str, Any]], *, returned: Container[str], began_at: float, is_troubled: bool
    ) -> None:
        """Note how an invocation of `records` ended; `is_troubled`: it crashed, or a call to AWS went wrong."""
        for record in records:
            name = self._name_of(record)
            if is_troubled and name:
                self._in_doubt.add(name)
            elif name and record["messageId"] in returned:
                self.order.returned(name, began_at=began_at)

    def _name_of(self, record: Mapping[str, Any]) -> str | None:
        first = record["messageAttributes"].get("first_message_id", {}).get("stringValue", record["messageId"])
        try:
            name = json.loads(record["body"])["command_id"]
        except (ValueError, KeyError, TypeError):
            name = first
        return name if name in self._put else None

    def arrived(self, request: Request, response: Response, *, asked_at: float, is_known: bool) -> None:
        """Check a call, whatever VectorCare answered; `is_known` is its token."""
        if not is_known:
            self._violate("a forged token", request.path)
        service_request_id, marks = _read(request)
        if len(set(marks)) != len(marks):
            self._violate("a position twice in a call", service_request_id)
        if len(marks) > _MAX_LOCATIONS:
            self._violate("too many positions in a call", service_request_id)
        is_taken = 200 <= response.status < 300  # noqa: PLR2004 HTTP's success
        for mark in {(service_request_id, mark) for mark in marks}:
            if is_taken:
                self._taken_at.setdefault(mark, self._context.now)
            self._effects[mark] += is_taken
            owners = self._owners[mark]
            if not owners:
                self._violate("a call for a command that was never given", service_request_id)
            elif all(asked_at > self._ends(one) for one in owners):
                self._violate("sent when its time was over", f"{owners[0].kind} {owners[0].number}")
            if self._effects[mark] > 1 and not any(one.kind in _REPEATABLE for one in owners):
                self._violate("VectorCare has twice what must not be repeated", _name(owners))
            if owners and all(asked_at > self._may_be_sent_until(one) for one in owners):
                self._violate("sent again though it had succeeded", _name(owners))

    def reported(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Note an outcome that the bus took."""
        if detail_type not in _OUTCOMES or detail["command_id"] not in self._put:
            self._violate("reported, and that command was never given", detail_type)
        self._outcomes[detail["command_id"]].add(detail_type)
        self._reported_at.setdefault(detail["command_id"], self._context.now)
        if detail_type == "CommandSucceeded":
            self._succeeded_at.setdefault(detail["command_id"], self._context.now)

    def check(
        self,
        dead_letters: Iterable[QueuedMessage],
        *,
        up_from: float,
        patience: Callable[[float], float],
        is_untroubled: bool,
    ) -> None:
        """Check that every command has come to its one end.

        Nothing was in the way of a call after `up_from`, and nothing ever if the run `is_untroubled`. `patience` says
        for how many seconds a command of that greatest age may then still wait.
        """
        dead = {message.body for message in dead_letters}
        for name, commands in self._put.items():
            outcomes, command = self._outcomes[name], commands[-1]
            if (command.body in dead) != (command.expected is Expected.UNREADABLE):
                self._violate("dead though it can be read, or not dead though it cannot", _name(commands))
            elif command.expected is not Expected.UNREADABLE and not outcomes:
                self._violate("a command has no outcome", _name(commands))
            elif len(outcomes) > 1:
                self._violate("a command has two outcomes", f"{_name(commands)} {sorted(outcomes)}")
            elif outcomes:
                self._check_outcome(commands, *outcomes, is_untroubled=is_untroubled)
                first = commands[0]
                is_in_time = first.at + _age(first) - self._skew > up_from + patience(_age(first))
                if command.kind in _REPEATABLE and is_in_time and name not in self.copies.have_died:
                    self._check_delivered(commands)

    def _check_outcome(self, commands: list[PlannedCommand], outcome: str, *, is_untroubled: bool) -> None:
        command = commands[-1]
        own = [mark for mark in _marks(command) if all(one in commands for one in self._owners[mark])]
        if command.expected is Expected.REFUSED and self._begun & set(own):
            self._violate("a call was spent on what VectorCare would refuse", _name(commands))
        # After a crash it is unknown, and not looked at, whether a call was possible at all.
        if command.expected is Expected.REFUSED and outcome not in {"CommandFailed", "CommandUncertain"}:
            self._violate("VectorCare would refuse it, and it did not fail", f"{_name(commands)} {outcome}")
        if command.expected is Expected.FORBIDDEN and outcome == "CommandSucceeded":
            self._violate("VectorCare refused it, and it succeeded", _name(commands))
        may_know = self._skew < 1 and not self._in_doubt & {self._names[one.number] for one in commands}
        if outcome == "CommandUncertain" and may_know and not self._begun & set(_marks(command)):
            self._violate("it is uncertain, and was never sent", _name(commands))
        if outcome == "CommandFailed" and any(self._effects[mark] for mark in own):
            self._violate("it failed, and VectorCare has it", _name(commands))
        if command.expected not in {Expected.TAKEN, Expected.FOLLOWS}:
            return
        is_too_old = (
            command.kind == "state_update" and self._reported_at[self._names[command.number]] > command.at + _WEEK
        )
        may_fail = is_too_old or (command.expected is Expected.FOLLOWS and not self._was_ours(command))
        if outcome == "CommandFailed" and not may_fail:
            self._violate("nothing is wrong with it, and it failed", _name(commands))
        if outcome == "CommandSucceeded" and not all(self._effects[mark] for mark in _marks(command)):
            self._violate("it succeeded, and VectorCare does not have it", _name(commands))
        if outcome == "CommandExpired" and any(self._effects[mark] for mark in own):
            self._violate("it expired, and VectorCare has it", _name(commands))
        if is_untroubled and outcome != "CommandSucceeded" and command.expected is Expected.TAKEN:
            self._violate("nothing was in its way, and it did not succeed", f"{_name(commands)} {outcome}")

    def _check_delivered(self, commands: list[PlannedCommand]) -> None:
        command = commands[-1]
        if command.expected is Expected.TAKEN and not all(self._effects[mark] for mark in _marks(command)):
            self._violate("VectorCare was up in time, and does not have it", _name(commands))

    def _was_ours(self, command: PlannedCommand) -> bool:
        """Whether VectorCare had the acceptance before any call for the command was begun."""
        begun = min(self._first_begun.get(mark, float("inf")) for mark in _marks(command))
        return any(
            owner.kind == "accept" and self._taken_at.get(mark, float("inf")) < begun
            for mark, owners in self._owners.items()
            if mark[0] == command.service_request_id
            for owner in owners
        )

    def _may_be_sent_until(self, command: PlannedCommand) -> float:
        """Until when an invocation that began before the command was known to have succeeded may still send it."""
        return self._succeeded_at.get(self._names[command.number], float("inf")) + _FUNCTION_SECONDS

    def _ends(self, command: PlannedCommand) -> float:
        return command.at + _age(command) + _FUNCTION_SECONDS + self._skew


def _age(command: PlannedCommand) -> float:
    return _MAX_AGE_SECONDS[command.kind]


def _marks(command: PlannedCommand) -> list[Mark]:
    return [(command.service_request_id, mark) for mark in command.marks]


def _read(request: Request) -> tuple[str, list[str]]:
    """Find out whose call it is, and what it says."""
    *_, service_request_id, verb, _ = request.path.split("/")
    body = json.loads(request.body)
    match verb:
        case "locations":
            return service_request_id, [str(location["timestamp"]) for location in body]
        case "state":
            return service_request_id, [body["timestamp"]]
        case "accept" | "decline":
            return service_request_id, [body["response_notes"]]
        case "best-time":
            return service_request_id, [body["proposed_agreed_dt"]]
        case "change-request":
            return service_request_id, [body["change_reason"]]
    return "", [body["note"]]


def _name(commands: list[PlannedCommand]) -> str:
    return f"{commands[-1].kind} {[one.number for one in commands]}"
