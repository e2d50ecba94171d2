"""Each kind of dead letter goes back its own way, and stays if it was not taken."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from redrive import send_back
from redrive.send_back import NotTakenError
from vectorcare_bridge.commands import redriven_command
from vectorcare_bridge.dead_letters import unpublished
from vectorcare_bridge.edge.bus import Bus, BusEntry
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.message import OutgoingMessage, Webhook

if TYPE_CHECKING:
    from vectorcare_bridge.edge.queue import Queue

SENT_AT = UtcTimestamp("2026-03-01T11:00:00.123000Z")
DEAD_LETTER: dict[str, Any] = {
    "MessageId": "m-1",
    "ReceiptHandle": "r-1",
    "Body": "{}",
    "Attributes": {"SentTimestamp": "1772362800123"},
}


@dataclass
class Destination:
    """A queue and a bus that record what they get."""

    sent: list[OutgoingMessage] = field(default_factory=list)
    published: list[BusEntry] = field(default_factory=list)
    takes: bool = True

    def send(self, message: OutgoingMessage) -> str:
        self.sent.append(message)
        return f"sent {len(self.sent)}"

    def publish(self, entries: list[BusEntry]) -> list[BusEntry]:
        self.published += entries
        return [] if self.takes else entries


@pytest.mark.parametrize(
    ("given", "published"), [(["status"], ["status"]), (["\u00e9" * 60_000], None)], ids=["as it is", "too large"]
)
def test_an_event_is_published_without_the_names_of_what_changed_if_they_are_too_many(
    given: list[str], published: list[str] | None
) -> None:
    destination = Destination()
    dead = unpublished.write("ServiceRequestUpdated", {"service_request_id": "VC-1", "changed_fields": given})
    send_back.event(cast("Bus", destination), dead_letter(Body=dead["MessageBody"]))
    detail = {"service_request_id": "VC-1", "changed_fields": published}
    assert destination.published == [BusEntry("ServiceRequestUpdated", detail)]


def dead_letter(**changes: Any) -> Any:
    return DEAD_LETTER | changes


def test_a_command_goes_back_with_its_first_id_and_its_age() -> None:
    # Given a command that dies twice
    destination = Destination()
    assert send_back.command(cast("Queue", destination), dead_letter()) == "sent 1"
    again = dead_letter(
        MessageId="m-2",
        MessageAttributes=destination.sent[0]["MessageAttributes"],
        Attributes={"SentTimestamp": "1772362900000"},
    )
    # When it is sent back for the second time
    assert send_back.command(cast("Queue", destination), again) == "sent 2"
    # Then it names its first id and time, and both redrives
    first = redriven_command.origin(message_id="m-1", sent_at=SENT_AT, redriven="1")
    second = redriven_command.origin(message_id="m-1", sent_at=SENT_AT, redriven="2")
    assert destination.sent == [
        OutgoingMessage(MessageBody="{}", MessageAttributes=first),
        OutgoingMessage(MessageBody="{}", MessageAttributes=second),
    ]


@pytest.mark.parametrize(
    ("text", "carried", "encoding"), [('{"a": "\uffff"}', "eyJhIjogIu+/vyJ9", "base64"), ('{"a": 1}', '{"a": 1}', "")]
)
def test_a_webhook_is_rebuilt_from_its_bytes_and_what_counts(text: str, carried: str, encoding: str) -> None:
    # Given a dead letter with characters that SQS refuses, an empty signature, and attributes of all sorts
    others = {
        "signature": {"DataType": "String", "StringValue": ""},
        "redriven": {"DataType": "Number", "StringValue": "1"},
        "binary": {"DataType": "Binary", "BinaryValue": b""},
        **{f"attribute-{number}": {"DataType": "String", "StringValue": "x"} for number in range(8)},
    }
    destination = Destination()
    # When it is sent back, Then nothing is left that SQS would refuse, it is as old as it was and redriven once more
    assert send_back.webhook(cast("Queue", destination), dead_letter(Body=text, MessageAttributes=others)) == "sent 1"
    expected = message.encode(Webhook(text.encode(), "", SENT_AT, redriven=2))
    assert destination.sent == [expected]
    assert expected["MessageBody"] == carried
    assert set(expected["MessageAttributes"]) == {"source", "received_at", "redriven"} | (
        {"encoding"} if encoding else set()
    )


def test_a_webhook_without_attributes_goes_back_too() -> None:
    destination = Destination()
    send_back.webhook(cast("Queue", destination), dead_letter())
    assert destination.sent == [message.encode(Webhook(b"{}", "", SENT_AT, redriven=1))]


FIRST = {"first_message_id", "first_sent_at"}
ACCEPT = '{"command": "accept", "service_request_id": "VC-1", "note": "NOTE"}'


@pytest.mark.parametrize(("text", "room", "attributes"), [(ACCEPT, 71, FIRST), (ACCEPT, 0, FIRST), ("NOTE", 0, set())])
def test_a_command_that_fills_its_message_keeps_its_first_id_and_time(
    text: str, room: int, attributes: set[str]
) -> None:
    # Given commands, two of them readable, that leave just enough room for their first id and time,
    # or none
    text = text.replace("NOTE", "x" * (message.MAX_BYTES - room - len(text) + len("NOTE")))
    destination = Destination()
    # When it is sent back, Then only an unreadable command goes without them
    send_back.command(cast("Queue", destination), dead_letter(Body=text))
    assert set(destination.sent[0]["MessageAttributes"]) == attributes
    assert destination.sent[0]["MessageBody"] == text


def test_a_command_with_characters_that_sqs_refuses_goes_back_saying_the_same() -> None:
    destination = Destination()
    send_back.command(cast("Queue", destination), dead_letter(Body='{"note": "\uffff"}'))
    assert destination.sent[0]["MessageBody"] == '{"note": "\\uffff"}'


def test_an_event_that_the_bus_does_not_take_stays() -> None:
    body = unpublished.write("CommandFailed", {})["MessageBody"]
    with pytest.raises(NotTakenError):
        send_back.event(cast("Bus", Destination(takes=False)), dead_letter(Body=body))


def test_a_message_that_is_no_event_is_not_published() -> None:
    destination = Destination()
    with pytest.raises(unpublished.NotAnEventError):
        send_back.event(cast("Bus", destination), dead_letter(Body="x"))
    assert destination.published == []
