"""`./bridge` as a person on call changes things with it, in a local environment."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

import simulator
from local.clients import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from local.environment import LocalEnvironment
from simulator import VectorCare
from tests.end_to_end.conftest import Bridge
from tests.end_to_end.support import webhook
from tests.support.wait import PATIENCE, wait_until

NAME = "Nobody"  # the invented patient's
LONGEST_WAIT = ("--wait", "900")


def test_dead_letters_are_listed_exported_and_sent_back(
    local: LocalEnvironment, vectorcare: VectorCare, bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two webhooks that cannot be applied, and no dead letters of others
    monkeypatch.setattr("cli.verbs.dlq.redrive._SETTLE_SECONDS", PATIENCE)
    _purge(local)
    vectorcare.send(f"{NAME}, certainly no JSON".encode())
    vectorcare.send(webhook(event_id="").body.replace(b'"request_status"', b'"other"'))
    local.stack.settle()
    # When
    listed = bridge("dlq", "list", "--json")
    dead_letters = json.loads(listed.stdout)["letters"]
    broken = next(one for one in dead_letters if one["reason"] == "missing_field")
    shown = bridge("dlq", "show", broken["message_id"])
    exported = bridge("dlq", "export", str(tmp_path / "dead_letters.jsonl"))
    rehearsed = bridge("dlq", "redrive", "--dry-run", "--reason", "not_json", "--json")
    redriven = bridge("dlq", "redrive", "--reason", "not_json", "--yes", "--json")
    # Then
    assert sorted(one["reason"] for one in dead_letters) == ["missing_field", "not_json"]
    assert broken["service_request_id"] in shown.output
    assert len((tmp_path / "dead_letters.jsonl").read_text().splitlines()) == 2
    assert json.loads(rehearsed.stdout)["would_move"] == 1
    assert (redriven.exit_code, json.loads(redriven.stdout)["moved"]) == (1, 1)
    assert json.loads(redriven.stdout)["died_again"] == {"not_json": 1}
    assert local.stack.dead() == 2
    assert NAME not in listed.output + shown.output + exported.output + rehearsed.output + redriven.output
    _purge(local)


def test_a_changed_journal_entry_and_a_wrong_state_are_found_and_the_state_is_rebuilt(
    local: LocalEnvironment, vectorcare: VectorCare, bridge: Bridge
) -> None:
    # Given
    sent = webhook()
    name = sent.service_request_id
    vectorcare.send(sent.body)
    local.stack.settle()
    right, (entry,) = local.stack.service_request(name), local.stack.journal(name)
    assert right is not None
    states, events = _table(local, "ServiceRequestsTable"), _table(local, "EventsTable")
    # When
    clean = bridge("audit", name, "--json")
    events.put_item(Item={**entry, "body": entry["body"].replace(NAME.encode(), b"Nobodx")})
    tampered = bridge("audit", "--since", entry["received_at"], "--json")
    events.put_item(Item=dict(entry))
    states.put_item(Item={**right, "last_updated": "9999-01-01T00:00:00.000000Z", "data": {"patient_first_name": "X"}})
    replayed = bridge("replay", name, "--yes", "--json")
    # Then
    assert (clean.exit_code, json.loads(clean.stdout)["audited"]) == (0, 1)
    assert (tampered.exit_code, json.loads(tampered.stdout)["by_fault"]) == (1, {"no key verifies it": 1})
    assert (replayed.exit_code, json.loads(replayed.stdout)["changed"]) == (0, 1)
    after = local.stack.service_request(name)
    assert after is not None
    assert {**after, "updated_at": ""} == {**right, "updated_at": "", "revision": right["revision"] + 1}
    assert "Nobodx" not in tampered.output
    assert NAME not in tampered.output + replayed.output


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


def _purge(local: LocalEnvironment) -> None:
    local.stack.settle()
    local.emulator.aws.sqs.purge_queue(QueueUrl=local.deployment.outputs["DeadLetterQueueUrl"])
    assert local.stack.dead() == 0


def _table(local: LocalEnvironment, output: str) -> Any:
    session = boto3.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=REGION)
    resource = session.resource("dynamodb", endpoint_url=local.emulator.endpoint_url)
    return resource.Table(local.deployment.outputs[output])
