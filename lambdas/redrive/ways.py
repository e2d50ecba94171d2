"""The way back of a letter, for each kind of them; each raises if the letter was not taken, and has to stay."""

from typing import TYPE_CHECKING

from vectorcare_bridge import change, message, redriven_command, unpublished
from vectorcare_bridge.bus import Bus, Entry
from vectorcare_bridge.message import Message
from vectorcare_bridge.queue import Queue

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef


class NotTakenError(Exception):
    """The bus did not take the event."""


def webhook(queue: Queue, letter: "MessageTypeDef") -> str:
    """Send a webhook to the processor's queue; answer its new message id."""
    return queue.send(
        Message(
            MessageBody=letter["Body"],
            MessageAttributes=message.redriven(letter.get("MessageAttributes", {})),
        )
    )


def command(queue: Queue, letter: "MessageTypeDef") -> str:
    """Send a command to the sender's queue, under its first name and as old as it is; answer its new message id."""
    return queue.send(
        Message(
            MessageBody=letter["Body"],
            MessageAttributes=redriven_command.attributes(
                letter.get("MessageAttributes", {}),
                message_id=letter["MessageId"],
                sent_at=redriven_command.instant_of(letter["Attributes"]["SentTimestamp"]),
            ),
        )
    )


def event(bus: Bus, letter: "MessageTypeDef") -> None:
    """Publish an event.

    Raises
    ------
    NotTakenError
        The bus did not take it.
    """
    detail_type, detail = unpublished.read(letter["Body"])
    if bus.publish([Entry(detail_type, change.fitting(detail))]):
        raise NotTakenError
