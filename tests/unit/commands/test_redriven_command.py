"""A dead command's way back: under its first name, as old as it is, and its redrives counted."""

import pytest

from vectorcare_bridge.commands import redriven_command
from vectorcare_bridge.utc_timestamp import UtcTimestamp

NOTED = UtcTimestamp("2026-03-01T11:00:00.000000Z")


def text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def test_a_redriven_command_keeps_its_first_id_and_time_and_counts_its_redrives() -> None:
    # Given a dead letter with attributes of its own, When it is redriven twice
    once = redriven_command.attributes({"theirs": text("x")}, message_id="first", sent_at=NOTED)
    twice = redriven_command.attributes(once, message_id="second", sent_at=UtcTimestamp("2026-03-01T12:00:00.000000Z"))
    # Then it has the first of each, and none that the sender would not read
    assert {name: one["StringValue"] for name, one in twice.items()} == {
        "redriven": "2",
        "first_message_id": "first",
        "first_sent_at": NOTED,
    }
    assert {one["DataType"] for one in twice.values()} == {"Number", "String"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, NOTED),
        ({"first_sent_at": "2026-03-01T10:59:59Z"}, "2026-03-01T10:59:59.000000Z"),
        ({"first_sent_at": "2026-03-01T11:00:01Z"}, NOTED),
        ({"first_sent_at": "yesterday"}, NOTED),
    ],
)
def test_nothing_makes_a_command_younger(values: dict[str, str], expected: str) -> None:
    assert redriven_command.first_sent_at(values, NOTED) == expected


def test_sqs_time_is_read_to_the_millisecond() -> None:
    assert redriven_command.sent_at_of("1772362800123") == "2026-03-01T11:00:00.123000Z"


@pytest.mark.parametrize(("values", "expected"), [({}, "own"), ({"first_message_id": "first"}, "first")])
def test_a_message_is_identified_by_its_first_id(values: dict[str, str], expected: str) -> None:
    assert redriven_command.first_message_id(values, "own") == expected


def test_a_dead_letter_records_its_first_id_time_and_redrives() -> None:
    # Given an id, a time and a count, When they are written as attributes
    attributes = redriven_command.origin(message_id="first", sent_at=NOTED, redriven="3")
    # Then SQS takes them, and the redrive reads them back
    assert attributes == {
        "redriven": {"DataType": "Number", "StringValue": "3"},
        "first_message_id": text("first"),
        "first_sent_at": text(NOTED),
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "0"),
        ({"redriven": "12"}, "12"),
        ({"redriven": "twice"}, "0"),
        ({"redriven": "-1"}, "0"),
        # SQS takes neither of these as a Number, so the message could not be sent to the dead-letter queue.
        ({"redriven": "9" * 200}, "0"),
        ({"redriven": "\u0663"}, "3"),
    ],
)
def test_a_count_of_redrives_is_one_that_sqs_takes(values: dict[str, str], expected: str) -> None:
    assert redriven_command.redriven(values) == expected
