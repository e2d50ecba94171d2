"""Encode a webhook as an SQS message, and decode it."""

import base64
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypedDict

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp

SOURCE = "vectorcare"

MAX_BYTES = 1024 * 1024
"""Of a message, its attributes counted ("Amazon SQS message quotas", SQS developer guide)."""

_MAX_COUNT_DIGITS = 9
# A key of 16,384 bits makes signatures of 2,732 bytes.
MAX_SIGNATURE_BYTES = 3072
# Left out of a message that is too large, in this order.
_DISPENSABLE = ("source", "redriven", "received_at", "signature")
# SQS takes these characters and refuses all others (SQS API reference, SendMessage, MessageBody).
_REFUSED_BY_SQS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class MessageAttribute(TypedDict):
    """One SQS message attribute, as SendMessage takes it."""

    DataType: str
    StringValue: str


class OutgoingMessage(TypedDict):
    """The part of an SQS message that is the webhook's, as SendMessage takes it."""

    MessageBody: str
    MessageAttributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it was accepted: the signed bytes, and how often they were redriven."""

    body: bytes
    signature: str
    received_at: UtcTimestamp
    redriven: int = 0


def encode(webhook: Webhook) -> OutgoingMessage:
    """Make the SQS message: the body as text if SQS carries it unchanged, else as base64.

    Attributes are left out if SQS would refuse them: empty ones, and some if the message becomes too large.
    """
    attributes: dict[str, Any] = {
        "source": _text(SOURCE),
        "signature": _text(webhook.signature),
        "received_at": _text(webhook.received_at),
        "redriven": MessageAttribute(DataType="Number", StringValue=str(webhook.redriven)),
    }
    attributes = {name: one for name, one in attributes.items() if _is_carried(one["StringValue"])}
    try:
        text = webhook.body.decode()
    except UnicodeDecodeError:
        text = ""
    if not _is_carried(text):
        text = base64.b64encode(webhook.body).decode()
        attributes["encoding"] = _text("base64")
    return fitting(OutgoingMessage(MessageBody=text, MessageAttributes=attributes), dispensable=_DISPENSABLE)


def fitting(message: OutgoingMessage, *, dispensable: Sequence[str]) -> OutgoingMessage:
    """Leave out dispensable attributes, in their order, until the message is small enough for SQS."""
    attributes = dict(message["MessageAttributes"])
    for name in dispensable:
        if _size(message["MessageBody"], attributes) <= MAX_BYTES:
            break
        attributes.pop(name, None)
    return OutgoingMessage(MessageBody=message["MessageBody"], MessageAttributes=attributes)


def escaped(json: str) -> str:
    """Write the characters of a JSON text that SQS refuses as JSON escapes."""
    return _REFUSED_BY_SQS.sub(lambda found: f"\\u{ord(found[0]):04x}", json)


def decode(body: str, attributes: Mapping[str, str], *, sent_at: UtcTimestamp) -> Webhook:
    """Read a message's body and attribute values back.

    Parameters
    ----------
    attributes : mapping of str to str
        Attribute values by name. A message that was sent by hand may have none of them. It is read too, so that its
        content decides what becomes of it.
    sent_at : UtcTimestamp
        Replaces an absent or unreadable `received_at`.

    Returns
    -------
    Webhook
        With an empty `signature` if the message has none, or one that is too long.
    """
    signature = attributes.get("signature", "")
    return Webhook(
        body=signed_bytes(body, attributes),
        signature=signature if len(signature.encode("utf-8", "surrogatepass")) <= MAX_SIGNATURE_BYTES else "",
        received_at=_timestamp(attributes.get("received_at", "")) or sent_at,
        redriven=count(attributes.get("redriven", "0")),
    )


def signed_bytes(body: str, attributes: Mapping[str, str]) -> bytes:
    """Read only the webhook's bytes out of a message's body and attribute values."""
    if attributes.get("encoding") == "base64":
        with suppress(ValueError):
            return base64.b64decode(body, validate=True)
    return body.encode("utf-8", "surrogatepass")


def values(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Take the texts out of the attributes that ReceiveMessage returns."""
    return {name: attribute["StringValue"] for name, attribute in attributes.items() if "StringValue" in attribute}


def count(text: str) -> int:
    """Read a count; 0 if it is not a number, or has more than nine digits."""
    return int(text) if text.isdecimal() and len(text) <= _MAX_COUNT_DIGITS else 0


def _timestamp(text: str) -> UtcTimestamp | None:
    try:
        return utc_timestamp.parse(text)
    except ValueError:
        return None


def _is_carried(text: str) -> bool:
    return bool(text) and not _REFUSED_BY_SQS.search(text)


def _size(body: str, attributes: Mapping[str, MessageAttribute]) -> int:
    texts = [body, *(text for name, one in attributes.items() for text in (name, one["DataType"], one["StringValue"]))]
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def _text(value: str) -> MessageAttribute:
    return MessageAttribute(DataType="String", StringValue=value)
