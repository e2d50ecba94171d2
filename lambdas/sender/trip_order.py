"""The order of commands within a trip (a service request), in one invocation and over all of them.

A command that waits holds back later ones until it has ended, whatever its outcome: then VectorCare decides.
Location updates hold back nothing and wait only for an acceptance, without which VectorCare refuses them: each
position carries its own time, and is of no use late. A command that ends without a call does not wait for others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sender.command_log import CommandLog
from sender.pending_commands import PendingCommand, PendingCommands
from sender.received_command import AttemptResult, Completed, Postponed, ReceivedCommand
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands.command import Command, Kind
from vectorcare_bridge.edge import runtime
from vectorcare_bridge.utc_timestamp import UtcTimestamp

HELD_BACK = "held_back"

# SQS stamps milliseconds. Within one, the commands that decide who gets the trip come first.
_RANK = {Kind.ACCEPT: 0, Kind.DECLINE: 0, Kind.BEST_TIME: 0, Kind.CHANGE_REQUEST: 1}
_LAST_RANK = 2


class TripOrder:
    """The order of one trip's commands, as one invocation goes through them.

    `commands` are the trip's commands of this batch in their order, or one that creates a trip.
    """

    def __init__(self, pending: PendingCommands, command_log: CommandLog, commands: Sequence[ReceivedCommand]) -> None:
        self.commands = commands
        self._pending = pending
        self._command_log = command_log
        self._service_request_id = commands[0].command.service_request_id
        # Of two messages with one command id the first counts. Location updates hold back nothing: they are not noted.
        by_id = {one.command_id: one for one in map(pending_command, reversed(commands))}
        self._own = {name: one for name, one in by_id.items() if one.kind != Kind.LOCATION_UPDATE}
        self._noted = set(self._own)
        self._ahead: list[PendingCommand] = []
        self._ended: list[str] = []
        self._waiting: list[ReceivedCommand] = []

    def join(self) -> None:
        """Note the commands as pending, and see which others are; if this raises, nothing may be sent."""
        if self._service_request_id:
            pending = self._pending.join(self._service_request_id, list(self._own.values()), now=runtime.now())
            self._ahead = [one for one in pending if one.command_id not in self._own]
            self._noted |= {one.command_id for one in self._ahead}

    def hold_back(self, delivery: ReceivedCommand) -> Postponed | None:
        """Postpone a command if an earlier one has not ended; None if it may be sent."""
        own = pending_command(delivery)
        for earlier in self._waiting:
            if _holds_back(earlier.command.kind, own.kind):
                return Postponed(delivery, HELD_BACK, behind=earlier)
        for ahead in [one for one in self._ahead if one.key < own.key and _holds_back(one.kind, own.kind)]:
            if not self._command_log.has_ended(ahead.command_id):
                return Postponed(delivery, HELD_BACK, due_at=ahead.due_at)
            # The invocation that ended it could not remove it.
            self._ahead.remove(ahead)
            self._ended.append(ahead.command_id)
        return None

    def note(self, results: Iterable[AttemptResult]) -> None:
        """Note which commands wait and which have ended."""
        for result in results:
            if isinstance(result, Postponed):
                self._waiting.append(result.delivery)
            elif isinstance(result, Completed):
                self._ended.append(result.delivery.command.command_id)

    def leave(self, due_at: Mapping[int, UtcTimestamp]) -> None:
        """Remove what has ended, and note when the others are delivered again: `due_at`, by a delivery's identity."""
        ended = set(self._ended)
        # By id: several messages may carry one command, and DynamoDB refuses an attribute twice in a write.
        waiting = {
            one.command.command_id: replace(self._own[one.command.command_id], due_at=due_at.get(id(one)))
            for one in reversed(self._waiting)
            if one.command.command_id in self._own and one.command.command_id not in ended
        }
        if self._service_request_id:
            gone = sorted(ended & self._noted)
            self._pending.leave(self._service_request_id, gone, list(waiting.values()), now=runtime.now())


def pending_command(delivery: ReceivedCommand) -> PendingCommand:
    """Give a command its place: by its arrival on the queue, and within a millisecond by its kind and time."""
    command = delivery.command
    reported_at = _reported_at(command) if command.kind is Kind.STATE_UPDATE else ""
    order = f"{delivery.message.sent_at} {_RANK.get(command.kind, _LAST_RANK)} {reported_at}"
    return PendingCommand(command.command_id, order, command.kind)


def _holds_back(earlier: str, later: str) -> bool:
    return earlier == Kind.ACCEPT if later == Kind.LOCATION_UPDATE else earlier != Kind.LOCATION_UPDATE


def _reported_at(command: Command) -> str:
    try:
        return utc_timestamp.parse(command.fields["timestamp"])
    except (KeyError, TypeError, ValueError):
        # The command is refused for that, and holds back nothing.
        return ""
