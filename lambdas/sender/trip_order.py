"""Whose turn it is among the commands of one service request, in one invocation and over all of them.

A command that waits holds back those that came after it, until it has ended, whatever the end: then VectorCare
decides. Positions hold back nothing, and wait for an acceptance alone, without which VectorCare refuses them: each says
by itself when it was taken, and is of no use late. What no call is spent on ends out of turn.
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

# SQS tells milliseconds. Within one, what decides whose a trip is comes first.
_RANK = {Kind.ACCEPT: 0, Kind.DECLINE: 0, Kind.BEST_TIME: 0, Kind.CHANGE_REQUEST: 1}
_LAST_RANK = 2


class TripOrder:
    """The line of one service request, as one invocation goes through its commands.

    Parameters
    ----------
    lines : PendingCommands
        Knows the commands of all invocations.
    command_log : CommandLog
        Knows which of them have ended.
    group : sequence of Delivery
        The service request's commands in their order, or one that makes a new one.
    """

    def __init__(self, lines: PendingCommands, command_log: CommandLog, group: Sequence[ReceivedCommand]) -> None:
        self.group = group
        self._lines = lines
        self._command_log = command_log
        self._service_request_id = group[0].command.service_request_id
        # Of two messages with one name the first counts. Positions hold back nothing, and need no place.
        self._own = {one.command_id: one for one in map(place, reversed(group)) if one.kind != Kind.LOCATION_UPDATE}
        self._placed = set(self._own)
        self._ahead: list[PendingCommand] = []
        self._ended: list[str] = []
        self._waiting: list[ReceivedCommand] = []

    def take(self) -> None:
        """Take the places, and see who else has one; if the table's error is raised, nothing may be sent."""
        if self._service_request_id:
            line = self._lines.join(self._service_request_id, list(self._own.values()), now=runtime.now())
            self._ahead = [one for one in line if one.command_id not in self._own]
            self._placed |= {one.command_id for one in self._ahead}

    def hold_back(self, delivery: ReceivedCommand) -> Postponed | None:
        """Say that it is another's turn, and whose; None if it is this one's."""
        own = place(delivery)
        for earlier in self._waiting:
            if _holds_back(earlier.command.kind, own.kind):
                return Postponed(delivery, HELD_BACK, behind=earlier)
        for ahead in [one for one in self._ahead if one.key < own.key and _holds_back(one.kind, own.kind)]:
            if not self._command_log.has_ended(ahead.command_id):
                return Postponed(delivery, HELD_BACK, due_at=ahead.due_at)
            # Whoever ended it could not say so here.
            self._ahead.remove(ahead)
            self._ended.append(ahead.command_id)
        return None

    def note(self, results: Iterable[AttemptResult]) -> None:
        """Note how it went with some."""
        for result in results:
            if isinstance(result, Postponed):
                self._waiting.append(result.delivery)
            elif isinstance(result, Completed):
                self._ended.append(result.delivery.command.command_id)

    def leave(self, due_at: Mapping[int, UtcTimestamp]) -> None:
        """Give up the places of what has ended; `due_at` says, by a delivery's identity, when it comes again."""
        ended = set(self._ended)
        gone = sorted(ended & self._placed)
        # By their ids: several messages may bring one command, and DynamoDB takes no attribute twice in a write.
        waiting = {
            one.command.command_id: replace(self._own[one.command.command_id], due_at=due_at.get(id(one)))
            for one in reversed(self._waiting)
            if one.command.command_id in self._own and one.command.command_id not in ended
        }
        if self._service_request_id:
            self._lines.leave(self._service_request_id, gone, list(waiting.values()), now=runtime.now())


def place(delivery: ReceivedCommand) -> PendingCommand:
    """Say where a command stands: by its arrival on the queue, and within a millisecond by what it is about."""
    command = delivery.command
    told_at = _told_at(command) if command.kind is Kind.STATE_UPDATE else ""
    order = f"{delivery.message.sent_at} {_RANK.get(command.kind, _LAST_RANK)} {told_at}"
    return PendingCommand(command.command_id, order, command.kind)


def _holds_back(earlier: str, later: str) -> bool:
    return earlier == Kind.ACCEPT if later == Kind.LOCATION_UPDATE else earlier != Kind.LOCATION_UPDATE


def _told_at(command: Command) -> str:
    try:
        return utc_timestamp.parse(command.fields["timestamp"])
    except (KeyError, TypeError, ValueError):
        # It is refused for that, and holds back nothing.
        return ""
