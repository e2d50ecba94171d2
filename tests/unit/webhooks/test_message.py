"""A webhook's bytes survive the queue, whatever they are."""

import json

import pytest

from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.message import OutgoingMessage, Webhook

SENT_AT = UtcTimestamp("2026-03-01T11:59:00.000000Z")


def webhook(body: bytes, redriven: int = 0) -> Webhook:
    return Webhook(
        body=body, signature="c2ln", received_at=UtcTimestamp("2026-03-01T10:00:00.000000Z"), redriven=redriven
    )


def values(encoded: message.OutgoingMessage) -> dict[str, str]:
    return {name: attribute["StringValue"] for name, attribute in encoded["MessageAttributes"].items()}


@pytest.mark.parametrize("body", [b'{"a": 1}', "\u00fc\U0001f691\t\r\n".encode(), b" "])
def test_text_that_sqs_carries_travels_as_text(body: bytes) -> None:
    encoded = message.encode(webhook(body))
    assert encoded["MessageBody"] == body.decode()
    assert "encoding" not in encoded["MessageAttributes"]


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"\0", b"a\x0bb", "\uffff".encode(), "\ufffe".encode(), b"\xed\xa0\x80", b"\xc0\x80"]
)
def test_bytes_that_sqs_refuses_or_would_change_travel_as_base64(body: bytes) -> None:
    # Given bytes that are no text, or hold characters that SQS refuses
    # When they are encoded
    encoded = message.encode(webhook(body))
    # Then the message is plain text, says so, and decodes to the same bytes
    assert encoded["MessageBody"].isascii()
    assert values(encoded)["encoding"] == "base64"
    assert message.decode(encoded["MessageBody"], values(encoded), sent_at=SENT_AT) == webhook(body)


def test_signature_time_and_redrives_travel_as_attributes_of_the_types_that_sqs_asks_for() -> None:
    encoded = message.encode(webhook(b"\xff", redriven=2))
    assert encoded["MessageAttributes"] == {
        "source": {"DataType": "String", "StringValue": "vectorcare"},
        "signature": {"DataType": "String", "StringValue": "c2ln"},
        "received_at": {"DataType": "String", "StringValue": "2026-03-01T10:00:00.000000Z"},
        "encoding": {"DataType": "String", "StringValue": "base64"},
        "redriven": {"DataType": "Number", "StringValue": "2"},
    }
    assert message.decode(encoded["MessageBody"], values(encoded), sent_at=SENT_AT) == webhook(b"\xff", redriven=2)


@pytest.mark.parametrize("received_at", [{}, {"received_at": ""}, {"received_at": "soon"}])
def test_a_message_sent_by_hand_is_read_as_it_is(received_at: dict[str, str]) -> None:
    # Given a message without our attributes, or with malformed ones
    # When it is decoded, Then its content counts, and the time at which SQS took it
    by_hand = message.decode("{}", received_at, sent_at=SENT_AT)
    assert by_hand == Webhook(body=b"{}", signature="", received_at=SENT_AT)


def test_a_message_with_a_false_encoding_is_read_as_it_is() -> None:
    attributes = {"encoding": "base64", "redriven": "many"}
    assert message.decode("%%%", attributes, sent_at=SENT_AT) == Webhook(b"%%%", "", SENT_AT)
    assert message.decode("ü", attributes, sent_at=SENT_AT) == Webhook("ü".encode(), "", SENT_AT)


@pytest.mark.parametrize(("written", "count"), [("999999999", 999_999_999), ("1000000000", 0), ("-1", 0), ("", 0)])
def test_a_count_of_more_than_nine_digits_is_zero(written: str, count: int) -> None:
    assert message.decode("{}", {"redriven": written}, sent_at=SENT_AT).redriven == count


def test_half_a_character_in_a_message_is_kept_as_bytes_that_are_no_text() -> None:
    assert message.decode("\ud83d", {}, sent_at=SENT_AT).body == b"\xed\xa0\xbd"


@pytest.mark.parametrize("signature", ["", "c2ln\uffff"])
def test_an_attribute_that_sqs_would_refuse_is_left_out(signature: str) -> None:
    encoded = message.encode(Webhook(b"{}", signature, SENT_AT))
    assert set(encoded["MessageAttributes"]) == {"source", "received_at", "redriven"}


@pytest.mark.parametrize(
    ("free", "left_out"),
    [
        (136, set()),
        (135, {"source"}),
        (114, {"source"}),
        (113, {"source", "redriven"}),
        (99, {"source", "redriven"}),
        (98, {"source", "redriven", "received_at"}),
        (55, {"source", "redriven", "received_at"}),
        (54, {"source", "redriven", "received_at", "signature"}),
        (0, {"source", "redriven", "received_at", "signature"}),
    ],
)
def test_a_webhook_that_fills_its_message_leaves_out_what_matters_least(free: int, left_out: set[str]) -> None:
    # Given a webhook that leaves so many bytes of a message, in characters of two bytes
    raw = ("\u00fc" * ((message.MAX_BYTES - free) // 2) + "x" * (free % 2)).encode()
    # When it is encoded
    encoded = message.encode(Webhook(raw, "c2ln" * 10, SENT_AT))
    # Then the message has as many attributes as there is room for
    assert encoded["MessageBody"].encode() == raw
    assert {"source", "redriven", "received_at", "signature"} - set(encoded["MessageAttributes"]) == left_out


def test_an_attribute_that_a_message_does_not_have_needs_no_leaving_out() -> None:
    # Given a message that is too large by its signature
    signature = {"signature": message.encode(webhook(b"x"))["MessageAttributes"]["signature"]}
    large = OutgoingMessage(MessageBody="x" * message.MAX_BYTES, MessageAttributes=signature)
    # When it may leave out one that it does not have, and its own, Then it is small enough
    assert message.fitting(large, dispensable=("source", "signature"))["MessageAttributes"] == {}


@pytest.mark.parametrize(("length", "kept"), [(3072, True), (3073, False)])
def test_a_signature_that_is_too_long_is_dropped(length: int, kept: bool) -> None:
    signature = "\u00fc" * (length // 2) + "x" * (length % 2)
    assert message.decode("{}", {"signature": signature}, sent_at=SENT_AT).signature == (signature if kept else "")


def test_characters_that_sqs_refuses_are_written_as_json_escapes() -> None:
    # Given a command with a character that SQS refuses, When it is written for SQS
    text = message.escaped('{"note": "a\uffffb\ud83d \u00fc\U0001f691"}')
    # Then it is JSON of the same text, in characters that SQS takes
    assert text == '{"note": "a\\uffffb\\ud83d \u00fc\U0001f691"}'
    assert json.loads(text) == {"note": "a\uffffb\ud83d \u00fc\U0001f691"}
