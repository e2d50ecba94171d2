"""A command on the outbound queue comes to VectorCare, and its outcome to the bus."""

import uuid
from datetime import UTC, datetime

import simulator
from local.environment import LocalEnvironment
from simulator.api_rules import API_PATH
from tests.end_to_end.subscriber import command, subscribed


def test_a_command_is_one_call_with_a_valid_token_and_its_success_is_heard(local: LocalEnvironment) -> None:
    # Given a service request that VectorCare has broadcast
    trip, rules = simulator.new_service_request_id(), local.vectorcare.api.rules
    rules.requests[trip] = "AVAILABLE"
    accept = {"command": "accept", "service_request_id": trip, "command_id": uuid.uuid4().hex}
    state = accept | {"command": "state_update", "timestamp": datetime.now(UTC).isoformat()}
    en_route, arrived = (state | {"command_id": uuid.uuid4().hex, "name": name} for name in ("en_route", "arrived"))
    with subscribed(local) as subscriber:
        # When the dispatch system accepts it, and reports a state twice before the next one
        command(local, accept)
        [heard] = subscriber.hear(command_id=accept["command_id"])
        for reported in (en_route, en_route, arrived):
            command(local, reported)
            subscriber.hear(command_id=reported["command_id"])
    # Then its success is heard, in the documented form
    assert heard["detail-type"] == "CommandSucceeded"
    assert heard["detail"]["service_request_id"] == trip
    # And VectorCare has each once, under a token that it had given
    call = next(call for call in local.vectorcare.api.calls if f"/{trip}/" in call.path)
    assert (call.method, call.path) == ("PUT", f"{API_PATH}/requests/{trip}/accept/")
    assert call.headers["authorization"].removeprefix("Bearer ") in rules.tokens
    assert rules.states[trip] == ["en_route", "arrived"]
