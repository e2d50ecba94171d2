"""What the queue delivered, and what became of it."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from sender.command_result import CommandResult
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands import redriven_command
from vectorcare_bridge.commands.command import Command, Kind, Unreadable
from vectorcare_bridge.utc_timestamp import UtcTimestamp

_MINUTE, _HOUR = 60, 3600
MAX_AGE_SECONDS = {
    Kind.STATE_UPDATE: 24 * _HOUR,
    Kind.LOCATION_UPDATE: 15 * _MINUTE,
    Kind.ACCEPT: 30 * _MINUTE,
    Kind.DECLINE: 30 * _MINUTE,
    Kind.BEST_TIME: 30 * _MINUTE,
    Kind.CHANGE_REQUEST: 30 * _MINUTE,
    # By then the person who waits for it has made it by hand: a late one would be a second one.
    Kind.CREATE_REQUEST: 30 * _MINUTE,
}
"""How long a command is tried, from its arrival on the queue: a late one is worse than none."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of the function; at `ends_at` it is over for certain."""

    request_id: str
    ends_at: UtcTimestamp


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message as the queue delivered it."""

    message_id: str
    first_id: str  # under which the command first came; another one only if it was redriven
    redriven: str  # how often, in digits
    receipt_handle: str
    receives: int  # how often it was delivered, this time included
    sent_at: UtcTimestamp  # when the command first came on the queue
    body: str


def read_record(record: dict[str, Any]) -> ReceivedMessage:
    """Read a record of Lambda's event ("Using Lambda with Amazon SQS", Lambda developer guide)."""
    values = {name: one["stringValue"] for name, one in record["messageAttributes"].items() if "stringValue" in one}
    sent_at = redriven_command.sent_at_of(record["attributes"]["SentTimestamp"])
    return ReceivedMessage(
        message_id=record["messageId"],
        first_id=redriven_command.first_message_id(values, record["messageId"]),
        redriven=redriven_command.redriven(values),
        receipt_handle=record["receiptHandle"],
        receives=int(record["attributes"]["ApproximateReceiveCount"]),
        sent_at=redriven_command.first_sent_at(values, sent_at),
        body=record["body"],
    )


@dataclass(frozen=True, slots=True)
class ReceivedCommand:
    """A message that could be read."""

    message: ReceivedMessage
    command: Command

    @property
    def max_age(self) -> float:
        """Seconds from its arrival for which the command is tried."""
        return MAX_AGE_SECONDS[self.command.kind]

    def age(self, now: UtcTimestamp) -> float:
        """Seconds since the command came on the queue."""
        return utc_timestamp.seconds_between(self.message.sent_at, now)

    def is_expired(self, now: UtcTimestamp) -> bool:
        return self.age(now) >= self.max_age


@dataclass(frozen=True, slots=True)
class Completed:
    """The command has ended; `is_repeated` if it had ended before this delivery."""

    delivery: ReceivedCommand
    result: CommandResult
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Postponed:
    """The command is tried again."""

    delivery: ReceivedCommand
    reason: str  # why it has not ended
    at_least: float = 0  # seconds before which trying it would be useless
    error: Exception | None = None  # what kept it from ending
    behind: ReceivedCommand | None = None  # the delivery of the same batch that it has to wait for
    due_at: UtcTimestamp | None = None  # when the command that it waits for is delivered again, to any invocation


@dataclass(frozen=True, slots=True)
class UnreadableMessage:
    """The message is not a command."""

    message: ReceivedMessage
    reason: Unreadable


AttemptResult: TypeAlias = Completed | Postponed | UnreadableMessage
