"""A command that comes back from the dead-letter queue keeps its first message id and its age.

SQS gives a message that is sent again a new id and a new age. If these counted, a command without a `command_id` could
be sent to VectorCare twice, and an expired one again.
"""

from collections.abc import Mapping
from typing import Any

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message

_MESSAGE_ID, _SENT_AT, _REDRIVEN = "first_message_id", "first_sent_at", "redriven"


def attributes(given: Mapping[str, Any], *, message_id: str, sent_at: UtcTimestamp) -> dict[str, Any]:
    """Make the attributes with which a dead letter goes back; the sender reads no others.

    `given` are the dead letter's own, as ReceiveMessage returns them. Its id and time count unless it was redriven
    before.
    """
    values = message.values(given)
    first_id, since = first_message_id(values, message_id), first_sent_at(values, sent_at)
    return origin(message_id=first_id, sent_at=since, redriven=str(int(redriven(values)) + 1))


def origin(*, message_id: str, sent_at: UtcTimestamp, redriven: str) -> dict[str, Any]:
    """Make the attributes that say under which id and when a command first came, and how often it was redriven."""
    return {
        _REDRIVEN: {"DataType": "Number", "StringValue": redriven},
        _MESSAGE_ID: {"DataType": "String", "StringValue": message_id},
        _SENT_AT: {"DataType": "String", "StringValue": sent_at},
    }


def first_message_id(values: Mapping[str, str], message_id: str) -> str:
    """Say under which id a command first came on the queue, by its attributes' values and the message's own id."""
    return values.get(_MESSAGE_ID) or message_id


def first_sent_at(values: Mapping[str, str], sent_at: UtcTimestamp) -> UtcTimestamp:
    """Say when a command first came on the queue; a wrong attribute does not make it younger."""
    try:
        return min(sent_at, utc_timestamp.parse(values.get(_SENT_AT, "")))
    except ValueError:
        return sent_at


def redriven(values: Mapping[str, str]) -> str:
    """Say how often a command was redriven, in digits; 0 if the attribute is not a number."""
    return str(message.count(values.get(_REDRIVEN, "0")))


def sent_at_of(sent_timestamp: str) -> UtcTimestamp:
    """Read SQS's `SentTimestamp`, milliseconds since 1970."""
    return utc_timestamp.of_epoch(int(sent_timestamp) / 1000)
