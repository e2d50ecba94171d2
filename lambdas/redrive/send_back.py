"""How each kind of dead letter goes back; each function raises if the message was not taken and must stay.

Each sends a message that SQS accepts, whatever the dead letter carried: somebody may have put it on the queue by hand,
with ten other attributes, or as large as a message may be.
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


def webhook(queue: Queue, received: "MessageTypeDef") -> str:
    """Send a webhook to the processor's queue, rebuilt from its bytes; return its new message id."""
    given = message.values(received.get("MessageAttributes", {}))
    found = message.decode(received["Body"], given, sent_at=sent_at(received))
    return queue.send(message.encode(replace(found, redriven=found.redriven + 1)))


def command(queue: Queue, received: "MessageTypeDef") -> str:
    """Send a command to the sender's queue, under its first id and as old as it is; return its new message id."""
    body = message.escaped(received["Body"])
    attributes = redriven_command.attributes(
        received.get("MessageAttributes", {}), message_id=received["MessageId"], sent_at=sent_at(received)
    )
    # Id and age keep a command from being sent twice or late, so only an unreadable one may go without them.
    is_readable = commands.reason_for_death(body) is FailureReason.EXHAUSTED
    dispensable = ["redriven"] if is_readable else list(attributes)
    return queue.send(
        message.fitting(OutgoingMessage(MessageBody=body, MessageAttributes=attributes), dispensable=dispensable)
    )


def event(bus: Bus, received: "MessageTypeDef") -> None:
    """Publish an event.

    Raises
    ------
    NotTakenError
        The bus did not take it.
    """
    detail_type, detail = unpublished.read(received["Body"])
    if bus.publish([BusEntry(detail_type, event_detail.fit(detail))]):
        raise NotTakenError


def sent_at(received: "MessageTypeDef") -> UtcTimestamp:
    """Return the time at which a dead letter was first sent."""
    return redriven_command.sent_at_of(received["Attributes"]["SentTimestamp"])
