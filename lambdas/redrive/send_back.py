"""The way back of a dead letter, for each kind of them; each raises if it was not taken, and has to stay.

What goes back is a message that SQS takes, whatever else the dead letter carried: somebody may have put it on the queue
by hand, with ten attributes of their own, or as large as a message may be.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from vectorcare_bridge.commands import command as commands
from vectorcare_bridge.commands import redriven_command
from vectorcare_bridge.dead_letters import unpublished
from vectorcare_bridge.edge import event_detail
from vectorcare_bridge.edge.bus import Bus, BusEntry
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.failure import FailureReason
from vectorcare_bridge.webhooks.message import OutgoingMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef


class NotTakenError(Exception):
    """The bus did not take the event."""


def webhook(queue: Queue, letter: "MessageTypeDef") -> str:
    """Send a webhook to the processor's queue, rebuilt from its bytes; answer its new message id."""
    given = message.values(letter.get("MessageAttributes", {}))
    found = message.decode(letter["Body"], given, sent_at=sent_at(letter))
    return queue.send(message.encode(replace(found, redriven=found.redriven + 1)))


def command(queue: Queue, letter: "MessageTypeDef") -> str:
    """Send a command to the sender's queue, under its first name and as old as it is; answer its new message id."""
    body = message.escaped(letter["Body"])
    attributes = redriven_command.attributes(
        letter.get("MessageAttributes", {}),
        message_id=letter["MessageId"],
        sent_at=sent_at(letter),
    )
    # Name and age keep a command from being sent twice or late, so only one that cannot be read may do without.
    is_readable = commands.reason_for_death(body) is FailureReason.EXHAUSTED
    dispensable = ["redriven"] if is_readable else list(attributes)
    return queue.send(
        message.fitting(OutgoingMessage(MessageBody=body, MessageAttributes=attributes), dispensable=dispensable)
    )


def event(bus: Bus, letter: "MessageTypeDef") -> None:
    """Publish an event.

    Raises
    ------
    NotTakenError
        The bus did not take it.
    """
    detail_type, detail = unpublished.read(letter["Body"])
    if bus.publish([BusEntry(detail_type, event_detail.fit(detail))]):
        raise NotTakenError


def sent_at(letter: "MessageTypeDef") -> UtcTimestamp:
    """Say when a dead letter came on the queue."""
    return redriven_command.sent_at_of(letter["Attributes"]["SentTimestamp"])
