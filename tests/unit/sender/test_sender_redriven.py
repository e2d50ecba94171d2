"""A command that comes back from the dead-letter queue is the one it was: no other, and no younger."""

import json
from collections.abc import Iterator

import pytest

from tests.support import sender
from tests.support.sender import TRIP, Outbound
from vectorcare_bridge.commands import redriven_command


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    with sender.running() as outbound:
        yield outbound


def test_a_command_whose_time_was_over_among_the_dead_is_not_sent(outbound: Outbound) -> None:
    # Given an acceptance that comes back half an hour after it came in
    body = json.dumps({"command": "accept", "service_request_id": TRIP})
    sent_at = outbound.clock.ago(1800)
    outbound.put_body(body, redriven_command.attributes({}, message_id="first", sent_at=sent_at))
    # When it is delivered
    outbound.run()
    # Then its end is told, and VectorCare hears nothing of it
    assert [(one["command_id"], one["outcome"]) for one in outbound.outcomes()] == [("first", "expired")]
    assert outbound.paths() == []


def test_a_command_without_a_name_is_known_again_by_its_first_id(outbound: Outbound) -> None:
    # Given a new request that was sent, and comes back under another id all the same
    body = json.dumps({"command": "create_request", "service_id": "s1", "request": {}})
    first_id = outbound.put_body(body)
    outbound.run()
    outbound.put_body(body, redriven_command.attributes({}, message_id=first_id, sent_at=outbound.clock.ago(1)))
    # When it is delivered
    outbound.run()
    # Then VectorCare got it once, and its end is told again
    assert outbound.paths() == ["/requests/service/s1/"]
    assert [one["command_id"] for one in outbound.outcomes()] == [first_id, first_id]


def test_what_cannot_be_read_keeps_its_first_id_and_time_among_the_dead(outbound: Outbound) -> None:
    # Given a message that cannot be read, and was redriven once
    sent_at = outbound.clock.ago(60)
    outbound.put_body("x", redriven_command.attributes({}, message_id="first", sent_at=sent_at))
    # When it is delivered
    outbound.run()
    # Then it is dead under the id and of the age that it had
    [letter] = outbound.dead_letters.messages()
    assert {name: one["StringValue"] for name, one in letter.attributes.items()} == {
        "redriven": "1",
        "first_message_id": "first",
        "first_sent_at": sent_at,
    }
