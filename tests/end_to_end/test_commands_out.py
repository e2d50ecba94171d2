"""A command on the outbound queue comes to VectorCare, and its outcome to the bus."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import simulator
from local.environment import LocalEnvironment
from simulator.api_rules import API_PATH
from tests.end_to_end.subscriber import Subscriber, command, subscribed
from tests.support.wait import wait_until
from vectorcare_bridge.commands import redriven_command
from vectorcare_bridge.utc_timestamp import UtcTimestamp


@pytest.fixture(scope="module")
def subscriber(local: LocalEnvironment) -> Iterator[Subscriber]:
    with subscribed(local) as subscriber:
        yield subscriber


@pytest.fixture
def trip(local: LocalEnvironment) -> str:
    """Give a service request that VectorCare has broadcast."""
    name = simulator.new_service_request_id()
    local.vectorcare_api.rules.requests[name] = "AVAILABLE"
    return name


def test_an_accepted_command_is_a_call_with_a_valid_token_and_its_success_is_heard(
    local: LocalEnvironment, subscriber: Subscriber, trip: str
) -> None:
    # Given a command, When the dispatch system puts it on the queue
    command_id = uuid.uuid4().hex
    command(local, {"command": "accept", "service_request_id": trip, "command_id": command_id})
    # Then its success is heard, in the documented form
    [heard] = subscriber.hear(command_id=command_id)
    assert heard["detail-type"] == "CommandSucceeded"
    assert heard["detail"]["service_request_id"] == trip
    # And VectorCare has it, under a token that it had given
    assert local.vectorcare_api.rules.requests[trip] == "ASSIGNED"
    [call] = [call for call in local.vectorcare_api.calls if f"/{trip}/" in call.path]
    assert (call.method, call.path) == ("PUT", f"{API_PATH}/requests/{trip}/accept/")
    assert call.headers["authorization"].removeprefix("Bearer ") in local.vectorcare_api.rules.tokens


def test_a_refused_command_has_failed_for_vectorcares_reason(
    local: LocalEnvironment, subscriber: Subscriber, trip: str
) -> None:
    # Given a service request of another organization
    local.vectorcare_api.rules.foreign.add(trip)
    # When it is accepted
    command_id = uuid.uuid4().hex
    command(local, {"command": "accept", "service_request_id": trip, "command_id": command_id})
    # Then the failure is heard, with VectorCare's own code
    [heard] = subscriber.hear(command_id=command_id)
    assert (heard["detail-type"], heard["detail"]["reason"]) == ("CommandFailed", "members:permission_denied")


def test_the_same_command_is_sent_once(local: LocalEnvironment, subscriber: Subscriber, trip: str) -> None:
    # Given a state that was reported
    local.vectorcare_api.rules.requests[trip] = "ASSIGNED"
    state = {
        "command": "state_update",
        "service_request_id": trip,
        "command_id": uuid.uuid4().hex,
        "name": "en_route",
        "timestamp": datetime.now(UTC).isoformat(),
    }
    command(local, state)
    assert subscriber.hear(command_id=state["command_id"])
    # When the dispatch system reports it again, and another after it
    command(local, state)
    after = state | {"command_id": uuid.uuid4().hex, "name": "arrived"}
    command(local, after)
    # Then VectorCare gets each once
    assert subscriber.hear(command_id=after["command_id"])
    assert local.vectorcare_api.rules.states[trip] == ["en_route", "arrived"]


def test_what_is_no_command_is_a_dead_letter_the_first_time_it_is_received(local: LocalEnvironment) -> None:
    # Given what nobody can read
    body = f"no command {uuid.uuid4().hex}"
    # When it is put on the queue
    command(local, body)
    # Then it is among the dead letters, byte for byte, where the sender has put it itself: SQS would after 30 receives
    dead = wait_until(lambda: _dead_letter(local, body), what="what is no command is a dead letter")
    assert (
        redriven_command.origin(message_id="", sent_at=UtcTimestamp(""), redriven="").keys()
        <= dead["MessageAttributes"].keys()
    )


def _dead_letter(local: LocalEnvironment, body: str) -> Any:
    answer = local.emulator.aws.sqs.receive_message(
        QueueUrl=local.deployment.outputs["OutboundDeadLetterQueueUrl"],
        MaxNumberOfMessages=10,
        VisibilityTimeout=0,
        MessageAttributeNames=["All"],
    )
    return next((message for message in answer.get("Messages", []) if message["Body"] == body), None)
