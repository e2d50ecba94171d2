"""A webhook on its way: the bytes VectorCare signed, as an SQS message and back."""

import base64
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypedDict

from vectorcare_bridge import instant

SOURCE = "vectorcare"

_MAX_COUNT_DIGITS = 9
# SQS takes these characters and refuses all others (SQS API reference, SendMessage, MessageBody).
_REFUSED_BY_SQS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class MessageAttribute(TypedDict):
    """One SQS message attribute, as SendMessage takes it."""

    DataType: str
    StringValue: str


class Message(TypedDict):
    """The part of an SQS message that is the webhook's, as SendMessage takes it."""

    MessageBody: str
    MessageAttributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it was accepted.

    Attributes
    ----------
    body : bytes
        Exactly what was signed.
    signature : str
        The value of the signature header.
    received_at : str
        27-character instant at which it was accepted.
    redriven : int
        How often it was taken out of the dead-letter queue.
    """

    body: bytes
    signature: str
    received_at: str
    redriven: int = 0


def encode(webhook: Webhook) -> Message:
    """Make the SQS message: the body as text where SQS carries it unchanged, as base64 where it would not."""
    attributes: dict[str, Any] = {
        "source": _text(SOURCE),
        "signature": _text(webhook.signature),
        "received_at": _text(webhook.received_at),
        "redriven": MessageAttribute(DataType="Number", StringValue=str(webhook.redriven)),
    }
    try:
        text = webhook.body.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or _REFUSED_BY_SQS.search(text):
        text = base64.b64encode(webhook.body).decode()
        attributes["encoding"] = _text("base64")
    return Message(MessageBody=text, MessageAttributes=attributes)


def decode(body: str, attributes: Mapping[str, str], *, sent_at: str) -> Webhook:
    """Read a message's body and attribute values back.

    Parameters
    ----------
    body : str
        The SQS message body.
    attributes : mapping of str to str
        Attribute values by name. A message that somebody put on the queue by hand has none of ours: it is read all
        the same, so that it ends where its content says and not in an endless retry.
    sent_at : str
        27-character instant that stands in for an absent or unreadable `received_at`.

    Returns
    -------
    Webhook
        With an empty `signature` where the message names none.
    """
    content = body.encode("utf-8", "surrogatepass")
    if attributes.get("encoding") == "base64":
        with suppress(ValueError):
            content = base64.b64decode(body, validate=True)
    return Webhook(
        body=content,
        signature=attributes.get("signature", ""),
        received_at=_instant(attributes.get("received_at", "")) or sent_at,
        redriven=count(attributes.get("redriven", "0")),
    )


def values(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Take the texts out of attributes as ReceiveMessage gives them."""
    return {name: attribute["StringValue"] for name, attribute in attributes.items() if "StringValue" in attribute}


def redriven(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a dead letter's attributes, as ReceiveMessage gives them, for its way back: its redrives counted one up."""
    times = count(attributes.get("redriven", {}).get("StringValue", "0"))
    number = MessageAttribute(DataType="Number", StringValue=str(times + 1))
    return {**attributes, "redriven": number}


def count(text: str) -> int:
    """Read a count; 0 for what is none, or longer than anybody counts."""
    return int(text) if text.isdecimal() and len(text) <= _MAX_COUNT_DIGITS else 0


def _instant(text: str) -> str | None:
    try:
        return instant.parse(text)
    except ValueError:
        return None


def _text(value: str) -> MessageAttribute:
    return MessageAttribute(DataType="String", StringValue=value)
