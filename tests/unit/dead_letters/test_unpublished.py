"""An event that the bus did not take waits as a message, and is read back as it was."""

import json
from decimal import Decimal

import pytest

from vectorcare_bridge.dead_letters import unpublished
from vectorcare_bridge.dead_letters.unpublished import NotAnEventError, UnpublishedReason

UNREADABLE = [
    "",
    "Zebulon",
    "[" * 100_000,
    "[]",
    "null",
    "{}",
    '{"detail_type": "A"}',
    '{"detail_type": "A", "detail": ["service_request_id"]}',
    '{"detail_type": 1, "detail": {"service_request_id": "VC-1"}}',
    '{"detail": {"service_request_id": "VC-1"}}',
    '{"detail_type": "A", "detail": {"attempts": 1e99999999999999999999}}',
]


def test_an_event_is_read_back_as_it_was_written() -> None:
    # Given an event, When it is queued as unpublished
    message = unpublished.write("CommandFailed", {"service_request_id": "VC-1", "attempts": 3})
    # Then its message says all of it, and no more
    assert json.loads(message["MessageBody"]) == {
        "detail_type": "CommandFailed",
        "detail": {"service_request_id": "VC-1", "attempts": 3},
    }
    assert message["MessageAttributes"] == {}
    # And nothing is wrong with it
    body = message["MessageBody"]
    assert unpublished.read(body) == ("CommandFailed", {"service_request_id": "VC-1", "attempts": 3})
    assert unpublished.reason(body) is UnpublishedReason.NOT_TAKEN
    assert unpublished.service_request_id(body) == "VC-1"


@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_message_that_is_no_event_is_unreadable(body: str) -> None:
    # Given a message that somebody else put there, When it is read
    with pytest.raises(NotAnEventError) as error:
        unpublished.read(body)
    # Then the error repeats nothing of it
    assert error.value.args == ()
    assert error.value.__suppress_context__ or error.value.__context__ is None
    # And the operator sees what it is
    assert unpublished.reason(body) is UnpublishedReason.UNREADABLE
    assert unpublished.service_request_id(body) is None


@pytest.mark.parametrize(
    "digits", ["12345678901234567.89", "9007199254740993", "0.1", "1E-130", "12345678901234567890"]
)
def test_numbers_come_back_with_every_digit(digits: str) -> None:
    body = unpublished.write("CommandFailed", {"lag_seconds": Decimal(digits)})["MessageBody"]
    body = unpublished.write(*unpublished.read(body))["MessageBody"]
    assert json.loads(body, parse_int=Decimal, parse_float=Decimal)["detail"] == {"lag_seconds": Decimal(digits)}


@pytest.mark.parametrize("detail", [{}, {"service_request_id": None}, {"service_request_id": 7}])
def test_an_event_need_not_name_a_service_request(detail: dict[str, object]) -> None:
    body = unpublished.write("CommandFailed", detail)["MessageBody"]
    assert unpublished.service_request_id(body) is None
    assert unpublished.reason(body) is UnpublishedReason.NOT_TAKEN
