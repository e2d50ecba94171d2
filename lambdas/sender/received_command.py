"""What the queue delivered, and what became of it."""

from dataclasses import dataclass
from typing import TypeAlias

from sender.command_result import CommandResult
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands.command import MAX_AGE_SECONDS, Command, Unreadable
from vectorcare_bridge.utc_timestamp import UtcTimestamp


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of the function; `ends_at` is when it is over for certain."""

    request_id: str
    ends_at: UtcTimestamp


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message as the queue delivered it.

    Attributes
    ----------
    message_id, receipt_handle : str
        SQS's.
    first_id : str
        The id under which the command first came on the queue; another one only where it was redriven.
    redriven : str
        How often it was taken out of the dead-letter queue, in digits.
    receives : int
        Counts this delivery.
    sent_at : str
        When the command first came on the queue.
    body : str
        The command.
    """

    message_id: str
    first_id: str
    redriven: str
    receipt_handle: str
    receives: int
    sent_at: UtcTimestamp
    body: str


@dataclass(frozen=True, slots=True)
class ReceivedCommand:
    """A message that has been read."""

    message: ReceivedMessage
    command: Command

    @property
    def max_age(self) -> float:
        """Seconds for which the command is tried."""
        return MAX_AGE_SECONDS[self.command.kind]

    def age(self, now: UtcTimestamp) -> float:
        """Seconds since the command came on the queue."""
        return utc_timestamp.seconds_between(self.message.sent_at, now)

    def is_expired(self, now: UtcTimestamp) -> bool:
        """Tell whether the command is worse than none by now."""
        return self.age(now) >= self.max_age


@dataclass(frozen=True, slots=True)
class Completed:
    """The command has come to its end; `is_repeated` where it had come to it before."""

    delivery: ReceivedCommand
    ending: CommandResult
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Postponed:
    """The command is tried again, not before `at_least` seconds are over.

    `behind` is the delivery, of the same batch, that it has to wait for; `due_at` is when
    what it waits for is delivered again, to whichever invocation.
    """

    delivery: ReceivedCommand
    reason: str
    at_least: float = 0
    error: Exception | None = None
    behind: ReceivedCommand | None = None
    due_at: UtcTimestamp | None = None


@dataclass(frozen=True, slots=True)
class UnreadableMessage:
    """The message cannot be read."""

    message: ReceivedMessage
    reason: Unreadable


AttemptResult: TypeAlias = Completed | Postponed | UnreadableMessage
