"""Where every command's message is, on the queue or among the dead, and under which name and age it comes back."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from verification.simulation.models.queue import QueuedMessage
from verification.simulation.plan.plan import Expected, PlannedCommand
from verification.simulation.world.run_context import RunContext
from verification.simulation.world.scheduler import seconds_of, timestamp_at

# SQS gives milliseconds.
_PRECISION_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class _Origin:
    body: str
    at: float


class Copies:
    """Counts a command's copies, and knows under which id and when each first came on the queue.

    `may_die`: the queue may give up a command that can be read, as it has fewer receives than the stack's, or hides
    messages for less time. `is_reported` says of a command's name whether its end has been reported.
    """

    def __init__(self, context: RunContext, *, may_die: bool, is_reported: Callable[[str], bool]) -> None:
        self.have_died: set[str] = set()
        self._may_die = may_die
        self._is_reported = is_reported
        self._violate = context.violate
        self._put: PlannedCommand | None = None
        self._commands: dict[str, PlannedCommand] = {}
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        self._origins: dict[str, _Origin] = {}
        self._copies: Counter[str] = Counter()

    def put(self, command: PlannedCommand) -> None:
        """Note that the CAD is about to put a command on the queue: what comes next is that, and not a redrive's."""
        self._put = command

    def about(self, message: QueuedMessage) -> dict[str, str]:
        """Why a message is a dead letter, and its service request."""
        command = self._commands[message.body]
        reason = command.reason or "exhausted"
        return {"queue": "outbound", "reason": reason, "service_request_id": command.service_request_id}

    def name(self, message: QueuedMessage) -> str:
        """Under which id a message first came, by its own word."""
        return _value(message, "first_message_id")

    def comes(self, message: QueuedMessage) -> None:
        """Count a copy more, on the queue or among the dead."""
        self._copies[message.body] += 1
        command, self._put = self._put, None
        if command is not None:
            self._commands[command.body] = command
            self._names[command.body].add(command.command_id or message.id)
            self._origins[message.id] = _Origin(command.body, message.sent_at)
        elif message.id not in self._origins:
            self._check_origin(message)

    def dies(self, message: QueuedMessage) -> None:
        self.comes(message)
        command = self._commands.get(message.body)
        if command is None:
            self._violate("a dead letter is not a command that was given", message.id)
            return
        self.have_died |= self._names[message.body]
        if command.expected is not Expected.UNREADABLE and not self._may_die:
            self._violate("a command died that can be read", f"{command.kind} {command.number}")

    def goes(self, message: QueuedMessage) -> None:
        """Count a copy less; the last may go only once the command's end was reported."""
        self._copies[message.body] -= 1
        if self._copies[message.body] or all(map(self._is_reported, self._names[message.body])):
            return
        command = self._commands[message.body]
        self._violate("the last copy of a command went before its end was reported", f"{command.kind} {command.number}")

    def _check_origin(self, message: QueuedMessage) -> None:
        origin = self._origins.get(self.name(message))
        if origin is None:
            self._violate("a command came back under another name", message.id)
        elif origin.body != message.body:
            self._violate("a command came back with other bytes", message.id)
        elif abs(seconds_of(_value(message, "first_sent_at") or timestamp_at(0)) - origin.at) > _PRECISION_SECONDS:
            self._violate("a command came back older or younger than it is", message.id)


def _value(message: QueuedMessage, name: str) -> str:
    value: str = message.attributes.get(name, {}).get("StringValue", "")
    return value
