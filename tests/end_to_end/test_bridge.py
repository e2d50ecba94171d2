"""`./bridge` finds and understands what the deployed functions write; its rules are tested in tests/cli."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import simulator
from local.clients import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from local.environment import LocalEnvironment
from simulator import VectorCare
from tests.end_to_end.conftest import Bridge
from tests.end_to_end.support import webhook
from tests.support.wait import PATIENCE, wait_until
from vectorcare_bridge import utc_timestamp

BRIDGE = Path(__file__).parents[2] / "bridge"
LONGEST_WAIT = ("--wait", "900")


def started(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 our own script
        [BRIDGE, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def alarm(local: LocalEnvironment) -> Iterator[str]:
    """Put one of the stack's alarms into ALARM; give its name."""
    cloudwatch = local.emulator.aws.make("cloudwatch")
    name: str = cloudwatch.describe_alarms()["MetricAlarms"][0]["AlarmName"]
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    yield name
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="test")


def test_status_shows_what_the_local_environment_holds(
    bridge: Bridge, local: LocalEnvironment, vectorcare: VectorCare, alarm: str
) -> None:
    # Given
    sent = webhook()
    vectorcare.send(sent.body)
    local.stack.settle()
    aws = {
        "AWS_ENDPOINT_URL": local.emulator.endpoint_url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # When
    result = bridge("status", "--json")
    with started("status", "--json", environment=others | aws) as process:
        output, errors = process.communicate(timeout=PATIENCE)
    # Then the usual variables of AWS lead to the same stack
    (figures,), (same,) = json.loads(result.stdout), json.loads(output)
    assert (same["alarms"]["total"], same["errors"], errors) == (figures["alarms"]["total"], {}, "")
    # And it shows what is there
    assert result.exit_code == 1
    assert figures["organization"] == "rehearsal"
    assert figures["webhook_url"] == local.deployment.webhook_url
    assert figures["queue"] == {"visible": 0, "in_flight": 0, "delayed": 0}
    assert figures["dead_letters"] == local.stack.dead()
    assert figures["spool"]["objects"] == local.stack.spooled()
    assert figures["last_webhook"]["received_at"] > utc_timestamp.of(sent.event_timestamp)
    assert alarm in [found["name"] for found in figures["alarms"]["in_alarm"]]
    assert figures["errors"] == {}


def test_show_audit_and_replay_go_by_the_keys_and_the_rule_of_the_deployed_functions(
    bridge: Bridge, local: LocalEnvironment, vectorcare: VectorCare
) -> None:
    # Given
    new = webhook(minutes_ago=1)
    name = new.service_request_id
    old = webhook(minutes_ago=2, service_request_id=name)
    for sent in (new, old):
        vectorcare.send(sent.body)
        local.stack.settle()
    # When
    shown, audited, replayed = (
        bridge(*arguments, "--json") for arguments in (("show", name), ("audit", name), ("replay", name, "--yes"))
    )
    # Then
    assert [(step["event_id"], step["outcome"]) for step in json.loads(shown.stdout)["events"]] == [
        (new.event_id, "applied"),
        (old.event_id, "stale"),
    ]
    assert (audited.exit_code, json.loads(audited.stdout)["audited"]) == (0, 2), audited.output
    assert (replayed.exit_code, json.loads(replayed.stdout)["unchanged"]) == (0, 1), replayed.output


def test_a_dead_letter_is_found_and_sent_back(bridge: Bridge, local: LocalEnvironment, vectorcare: VectorCare) -> None:
    # Given
    dead = local.stack.dead()
    unreadable = webhook()
    vectorcare.send(unreadable.body.replace(b'"request_status"', b'"other"'))
    local.stack.settle()
    this_one = ("--id", unreadable.service_request_id, "--reason", "missing_field")
    # When
    listed = bridge("dlq", "list", "--json")
    redriven = bridge("dlq", "redrive", *this_one, "--yes", "--json")
    # Then
    found = {one["service_request_id"]: one["reason"] for one in json.loads(listed.stdout)["letters"]}
    assert found[unreadable.service_request_id] == "missing_field"
    assert json.loads(redriven.stdout)["moved"] == 1, redriven.output
    local.stack.settle()
    assert local.stack.dead() == dead + 1


def test_a_sent_webhook_is_seen_in_the_tail_and_applied(
    bridge: Bridge, local: LocalEnvironment, environment_file: Path
) -> None:
    # Given
    tail = started("tail", "--json", "--stand", str(environment_file))
    stop = threading.Timer(PATIENCE, tail.kill)
    stop.start()
    try:
        assert tail.stderr is not None
        assert "Ctrl-C" in tail.stderr.readline()
        # When
        sent = bridge("send", "--action", "PROPOSAL_ACCEPTED", "--json")
        (answer,) = json.loads(sent.stdout)
        seen = _first(tail, answer["event_id"])
        tail.send_signal(signal.SIGINT)
        _, errors = tail.communicate()
    finally:
        stop.cancel()
        tail.kill()
    # Then
    assert sent.exit_code == 0, sent.stderr
    assert answer["status"] == 200
    assert seen["outcome"] == "applied"
    assert seen["service_request_id"] == answer["service_request_id"]
    assert (tail.returncode, errors) == (0, "")
    item = local.stack.service_request(answer["service_request_id"])
    assert item is not None
    assert item["request_status"] == "ASSIGNED"


def test_a_command_is_sent_and_its_outcome_is_reported(local: LocalEnvironment, bridge: Bridge) -> None:
    # Given
    ours, foreign = simulator.new_service_request_id(), simulator.new_service_request_id()
    local.vectorcare.api.rules.requests[ours] = "AVAILABLE"
    # When
    accepted = bridge("send-command", "accept", ours, *LONGEST_WAIT, "--json")
    reported = bridge("send-command", "state_update", ours, "name=en_route", *LONGEST_WAIT, "--json")
    refused = bridge("send-command", "accept", foreign, *LONGEST_WAIT, "--json")
    # A log line is there only after the function has ended, which is after the command's end.
    listed = wait_until(
        lambda: json.loads(bridge("commands", ours, "--json").stdout),
        lambda ends: len(ends) == 2,
        what="the log has both commands' ends",
    )
    # Then
    assert (accepted.exit_code, json.loads(accepted.stdout)["outcome"]) == (0, "succeeded"), accepted.output
    assert (reported.exit_code, local.vectorcare.api.rules.states[ours]) == (0, ["en_route"])
    assert (refused.exit_code, json.loads(refused.stdout)["outcome"]) == (1, "failed")
    assert json.loads(refused.stdout)["reason"]
    assert [(one["command"], one["outcome"]) for one in listed] == [
        ("accept", "succeeded"),
        ("state_update", "succeeded"),
    ]


def _first(tail: subprocess.Popen[str], event_id: str) -> dict[str, Any]:
    """Wait for the line of an event; the timer's kill ends the wait."""
    assert tail.stdout is not None
    for text in tail.stdout:
        line: dict[str, Any] = json.loads(text)
        if line.get("event_id") == event_id:
            return line
    raise AssertionError(f"{event_id} was not seen")
