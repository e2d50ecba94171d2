"""`./bridge` as a person on call mends with it, on a local environment: what died, what is wrong, what is proven."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from cli.__main__ import bridge as command
from local.clients import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from local.environment import LocalEnvironment, announced
from simulator import VectorCare
from tests.end_to_end.support import webhook
from tests.support.wait import PATIENCE

NAME = "Nobody"  # the invented patient's

Bridge = Callable[..., Result]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a redrive see what dies again, however long that takes here."""
    monkeypatch.setattr("cli.verbs.dlq.redrive._SETTLE_SECONDS", PATIENCE)


@pytest.fixture(scope="module")
def bridge(local: LocalEnvironment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """Give what runs `bridge` against the local."""
    with announced(local, tmp_path_factory.mktemp("announced")) as file:
        yield lambda *arguments: CliRunner().invoke(command, [*arguments, "--stand", str(file)])


@pytest.fixture(autouse=True)
def _no_letters_of_others(local: LocalEnvironment) -> Iterator[None]:
    """Begin and end with an empty dead-letter queue, so that its counts are the test's own."""
    _purge(local)
    yield
    _purge(local)


def test_what_died_is_seen_exported_and_sent_back(
    local: LocalEnvironment, vectorcare: VectorCare, bridge: Bridge, tmp_path: Path
) -> None:
    # Given
    poison = f"{NAME}, certainly no JSON".encode()
    vectorcare.send(poison)
    vectorcare.send(webhook(event_id="").body.replace(b'"request_status"', b'"other"'))
    local.stack.settle()

    # When
    listed = bridge("dlq", "list", "--json")
    letters = json.loads(listed.stdout)["letters"]
    broken = next(letter for letter in letters if letter["reason"] == "missing_field")
    shown = bridge("dlq", "show", broken["message_id"])
    exported = bridge("dlq", "export", str(tmp_path / "letters.jsonl"))
    rehearsed = bridge("dlq", "redrive", "--dry-run", "--reason", "not_json", "--json")
    redriven = bridge("dlq", "redrive", "--reason", "not_json", "--yes", "--json")

    # Then
    assert sorted(letter["reason"] for letter in letters) == ["missing_field", "not_json"]
    assert broken["service_request_id"] in shown.output
    assert "data.patient_first_name" in shown.output
    assert len((tmp_path / "letters.jsonl").read_text().splitlines()) == 2
    assert json.loads(rehearsed.stdout)["would_move"] == 1
    assert (redriven.exit_code, json.loads(redriven.stdout)["moved"]) == (1, 1)
    assert json.loads(redriven.stdout)["died_again"] == {"not_json": 1}
    assert local.stack.dead() == 2
    assert NAME not in listed.output + shown.output + exported.output + rehearsed.output + redriven.output


def test_a_corrupted_state_is_found_and_rebuilt(
    local: LocalEnvironment, vectorcare: VectorCare, bridge: Bridge
) -> None:
    # Given
    first = webhook(minutes_ago=5)
    name = first.service_request_id
    vectorcare.send(first.body)
    vectorcare.send(webhook(service_request_id=name, request_status="UNAVAILABLE", data=None).body)
    local.stack.settle()
    right = local.stack.service_request(name)
    assert right is not None
    table = _table(local, "ServiceRequestsTable")
    table.put_item(Item={**right, "last_updated": "9999-01-01T00:00:00.000000Z", "data": {"patient_first_name": "X"}})

    # When
    rehearsed = bridge("replay", name, "--dry-run", "--json")
    replayed = bridge("replay", name, "--yes", "--json")
    again = bridge("replay", name, "--yes", "--json")

    # Then
    fields = [change["field"] for change in json.loads(rehearsed.stdout)["requests"][0]["changes"]]
    assert {"last_updated", "data.patient_first_name", "data.patient_last_name"} <= set(fields)
    assert (replayed.exit_code, json.loads(replayed.stdout)["changed"]) == (0, 1)
    assert (again.exit_code, json.loads(again.stdout)["unchanged"]) == (0, 1)
    after = local.stack.service_request(name)
    assert after is not None
    assert after["revision"] == right["revision"] + 1
    written = {"revision", "updated_at"}
    assert {key: after[key] for key in after.keys() - written} == {key: right[key] for key in right.keys() - written}
    assert NAME not in rehearsed.output + replayed.output


def test_an_audit_is_clean_until_an_entry_is_tampered_with(
    local: LocalEnvironment, vectorcare: VectorCare, bridge: Bridge
) -> None:
    # Given
    sent = webhook()
    vectorcare.send(sent.body)
    local.stack.settle()
    clean = bridge("audit", sent.service_request_id, "--json")
    entry = local.stack.journal(sent.service_request_id)[0]
    table = _table(local, "EventsTable")

    # When
    table.put_item(Item={**entry, "body": entry["body"].replace(NAME.encode(), b"Nobodx")})
    tampered = bridge("audit", sent.service_request_id, "--json")
    whole = bridge("audit", "--since", entry["received_at"], "--json")
    table.put_item(Item=dict(entry))

    # Then
    assert (clean.exit_code, json.loads(clean.stdout)["audited"]) == (0, 1)
    assert (tampered.exit_code, json.loads(tampered.stdout)["by_fault"]) == (1, {"no key verifies it": 1})
    assert json.loads(whole.stdout)["faults"][0]["event_id"] == sent.event_id
    assert "Nobodx" not in tampered.output + whole.output


def test_a_lost_entry_comes_back_from_a_point_in_time(
    local: LocalEnvironment, vectorcare: VectorCare, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    sent = webhook()
    vectorcare.send(sent.body)
    local.stack.settle()
    dynamodb, live = local.emulator.aws.dynamodb, local.deployment.outputs["EventsTable"]
    dynamodb.update_continuous_backups(
        TableName=live, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    entry = local.stack.journal(sent.service_request_id)[0]
    latest = dynamodb.describe_continuous_backups(TableName=live)["ContinuousBackupsDescription"]
    at = latest["PointInTimeRecoveryDescription"]["LatestRestorableDateTime"].isoformat()
    # The window that the emulator shows is the present second alone.
    monkeypatch.setattr("cli.verbs.restore._inside", lambda wanted, *_: wanted[:19] + ".000000Z")
    rehearsed = bridge("restore", "--table", "events", "--at", at, "--dry-run", "--json")

    # When the emulator, which restores the content of the moment, has restored it before it is lost
    restored = json.loads(rehearsed.stdout)["restored_table"]
    dynamodb.restore_table_to_point_in_time(SourceTableName=live, TargetTableName=restored)
    key = {name: entry[name] for name in ("service_request_id", "event_id")}
    _table(local, "EventsTable").delete_item(Key=key)
    refused = bridge("replay", sent.service_request_id, "--yes")
    result = bridge("restore", "--table", "events", "--at", at, "--yes", "--json")
    dynamodb.delete_table(TableName=restored)

    # Then
    assert (refused.exit_code, "shorter than the state" in refused.output) == (1, True)
    assert (result.exit_code, json.loads(result.stdout)["copied"]) == (0, 1), result.output
    assert local.stack.journal(sent.service_request_id) == [entry]


def _purge(local: LocalEnvironment) -> None:
    local.stack.settle()
    local.emulator.aws.sqs.purge_queue(QueueUrl=local.deployment.outputs["DeadLetterQueueUrl"])
    assert local.stack.dead() == 0


def _table(local: LocalEnvironment, output: str) -> Any:
    session = boto3.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=REGION)
    resource = session.resource("dynamodb", endpoint_url=local.emulator.endpoint_url)
    return resource.Table(local.deployment.outputs[output])
