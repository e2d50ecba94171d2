"""A command on the outbound queue comes to VectorCare, and its outcome to the bus."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import simulator
from local.stand import Stand
from simulator.rules import API_PATH
from tests.end_to_end.subscriber import Subscriber, command, subscribed
from tests.support.wait import wait_until
from vectorcare_bridge.commands import redriven_command


@pytest.fixture(scope="module")
def subscriber(stand: Stand) -> Iterator[Subscriber]:
    with subscribed(stand) as subscriber:
        yield subscriber


@pytest.fixture
def trip(stand: Stand) -> str:
    """Give a service request that VectorCare has broadcast."""
    name = simulator.new_service_request_id()
    stand.vectorcare_api.rules.requests[name] = "AVAILABLE"
    return name


def test_an_accepted_command_is_a_call_with_a_valid_token_and_its_success_is_heard(
    stand: Stand, subscriber: Subscriber, trip: str
) -> None:
    # Given a command, When the dispatch system puts it on the queue
    command_id = uuid.uuid4().hex
    command(stand, {"command": "accept", "service_request_id": trip, "command_id": command_id})
    # Then its success is heard, in the documented form
    [heard] = subscriber.hear(command_id=command_id)
    assert heard["detail-type"] == "CommandSucceeded"
    assert heard["detail"]["service_request_id"] == trip
    # And VectorCare has it, under a token that it had given
    assert stand.vectorcare_api.rules.requests[trip] == "ASSIGNED"
    [call] = [call for call in stand.vectorcare_api.calls if f"/{trip}/" in call.path]
    assert (call.method, call.path) == ("PUT", f"{API_PATH}/requests/{trip}/accept/")
    assert call.headers["authorization"].removeprefix("Bearer ") in stand.vectorcare_api.rules.tokens


def test_a_refused_command_has_failed_for_vectorcares_reason(stand: Stand, subscriber: Subscriber, trip: str) -> None:
    # Given a service request of another organization
    stand.vectorcare_api.rules.foreign.add(trip)
    # When it is accepted
    command_id = uuid.uuid4().hex
    command(stand, {"command": "accept", "service_request_id": trip, "command_id": command_id})
    # Then the failure is heard, with VectorCare's own code
    [heard] = subscriber.hear(command_id=command_id)
    assert (heard["detail-type"], heard["detail"]["reason"]) == ("CommandFailed", "members:permission_denied")


def test_the_same_command_is_sent_once(stand: Stand, subscriber: Subscriber, trip: str) -> None:
    # Given a state that was reported
    stand.vectorcare_api.rules.requests[trip] = "ASSIGNED"
    state = {
        "command": "state_update",
        "service_request_id": trip,
        "command_id": uuid.uuid4().hex,
        "name": "en_route",
        "timestamp": datetime.now(UTC).isoformat(),
    }
    command(stand, state)
    assert subscriber.hear(command_id=state["command_id"])
    # When the dispatch system reports it again, and another after it
    command(stand, state)
    after = state | {"command_id": uuid.uuid4().hex, "name": "arrived"}
    command(stand, after)
    # Then VectorCare gets each once
    assert subscriber.hear(command_id=after["command_id"])
    assert stand.vectorcare_api.rules.states[trip] == ["en_route", "arrived"]


def test_what_is_no_command_is_a_dead_letter_the_first_time_it_is_received(stand: Stand) -> None:
    # Given what nobody can read
    body = f"no command {uuid.uuid4().hex}"
    # When it is put on the queue
    command(stand, body)
    # Then it is among the dead letters, byte for byte, where the sender has put it itself: SQS would after 30 receives
    dead = wait_until(lambda: _dead_letter(stand, body), what="what is no command is a dead letter")
    assert redriven_command.origin(message_id="", sent_at="", redriven="").keys() <= dead["MessageAttributes"].keys()


def _dead_letter(stand: Stand, body: str) -> Any:
    answer = stand.emulator.aws.sqs.receive_message(
        QueueUrl=stand.deployment.outputs["OutboundDeadLetterQueueUrl"],
        MaxNumberOfMessages=10,
        VisibilityTimeout=0,
        MessageAttributeNames=["All"],
    )
    return next((message for message in answer.get("Messages", []) if message["Body"] == body), None)
