"""`./bridge send-command` and `commands`, on a stand whose VectorCare answers."""

import json
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

import simulator
from cli.__main__ import bridge as command
from local.environment import LocalEnvironment, announced
from tests.support.wait import wait_until

Bridge = Callable[..., Result]

LONGEST_WAIT = ("--wait", "900")


@pytest.fixture(scope="module")
def bridge(local: LocalEnvironment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """Give what runs `bridge` against the local."""
    with announced(local, tmp_path_factory.mktemp("announced")) as file:
        yield lambda *arguments: CliRunner().invoke(command, [*arguments, "--local", "--stand", str(file)])


def test_a_command_by_hand_is_sent_and_told_how_it_ended(local: LocalEnvironment, bridge: Bridge) -> None:
    # Given
    ours, foreign = simulator.new_service_request_id(), simulator.new_service_request_id()
    local.vectorcare_api.rules.requests[ours] = "AVAILABLE"

    # When
    accepted = bridge("send-command", "accept", ours, *LONGEST_WAIT, "--json")
    reported = bridge("send-command", "state_update", ours, "name=en_route", *LONGEST_WAIT, "--json")
    refused = bridge("send-command", "accept", foreign, *LONGEST_WAIT, "--json")
    # A line of the log is there once the function has answered, which is after the command's end is.
    listed = wait_until(
        lambda: json.loads(bridge("commands", ours, "--json").stdout),
        lambda ends: len(ends) == 2,
        what="the log has both commands' ends",
    )

    # Then
    assert (accepted.exit_code, json.loads(accepted.stdout)["outcome"]) == (0, "succeeded"), accepted.output
    assert (reported.exit_code, local.vectorcare_api.rules.states[ours]) == (0, ["en_route"])
    assert (refused.exit_code, json.loads(refused.stdout)["outcome"]) == (1, "failed")
    assert json.loads(refused.stdout)["reason"]
    assert [(one["command"], one["outcome"]) for one in listed] == [
        ("accept", "succeeded"),
        ("state_update", "succeeded"),
    ]
