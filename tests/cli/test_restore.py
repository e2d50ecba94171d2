"""`bridge restore` on a stack in moto, whose restores are copies of the moment."""

from typing import Any
from unittest import mock

import boto3
import pytest

from cli.lib import restored_table
from tests.cli.conftest import Run, parsed, receive
from tests.support import faults, webhooks
from tests.support.cloud import Cloud

pytestmark = pytest.mark.usefixtures("stack")


@pytest.fixture
def at(cloud: Cloud) -> str:
    """Turn point-in-time recovery on, as the template does; give a time that it covers."""
    for name in ("events", "service_requests"):
        cloud.dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    return restored_table.window(cloud.dynamodb, "events").latest


def journal_of(number: int, cloud: Cloud) -> None:
    for one in range(number):
        receive(cloud, webhooks.body(service_request_id=f"VC-{one}"))


def tables(cloud: Cloud) -> list[str]:
    return list(cloud.dynamodb.list_tables()["TableNames"])


def delete(entry: dict[str, Any]) -> None:
    key = {name: entry[name] for name in ("service_request_id", "event_id")}
    boto3.resource("dynamodb").Table("events").delete_item(Key=key)


def test_what_the_journal_lost_is_put_back_byte_for_byte(cloud: Cloud, run: Run, at: str) -> None:
    # Given a restored table, and a journal that has lost some of it since and gained something
    journal_of(4, cloud)
    before = cloud.journal()
    arguments = ("restore", "--table", "events", "--at", at, "--json")
    assert run(*arguments, "--yes").exit_code == 0
    delete(before[0])
    delete(before[1])
    receive(cloud, webhooks.body(service_request_id="VC-NEW"))

    # When
    rehearsed = run(*arguments, "--dry-run")
    unasked = run(*arguments)
    still_missing = len(cloud.journal())
    result = run(*arguments, "--yes")

    # Then
    assert (rehearsed.exit_code, unasked.exit_code, result.exit_code) == (0, 1, 0), result.output
    assert (parsed(rehearsed)["missing"], parsed(rehearsed)["copied"], still_missing) == (2, 0, 3)
    assert (parsed(result)["missing"], parsed(result)["copied"], parsed(result)["same"]) == (2, 2, 2)
    assert [entry for entry in cloud.journal() if entry["service_request_id"] != "VC-NEW"] == before
    assert len(tables(cloud)) == 3


def test_other_content_stays_and_is_named_and_what_expired_stays_away(cloud: Cloud, run: Run, at: str) -> None:
    # Given
    journal_of(3, cloud)
    changed, old, _ = cloud.journal()
    table = boto3.resource("dynamodb").Table("events")
    table.put_item(Item=old | {"expires_at": 5})
    assert run("restore", "--table", "events", "--at", at, "--yes").exit_code == 0
    table.put_item(Item=changed | {"signature": "other"})
    delete(old)

    # When
    result = run("restore", "--table", "events", "--at", at, "--yes", "--json")
    table_shown = run("restore", "--table", "events", "--at", at, "--yes")

    # Then
    assert (result.exit_code, table_shown.exit_code) == (1, 1)
    report = parsed(result)
    assert (report["different"], report["expired"], report["same"], report["copied"]) == (1, 1, 1, 0)
    assert report["examples_of_different"] == [
        {"service_request_id": changed["service_request_id"], "event_id": changed["event_id"]}
    ]
    assert cloud.journal()[0]["signature"] == "other"
    assert webhooks.INVENTED_NAME not in result.output + table_shown.output


def test_an_entry_that_came_in_meanwhile_stays_as_it_came(cloud: Cloud, run: Run, at: str) -> None:
    # Given
    journal_of(1, cloud)
    (entry,) = cloud.journal()
    assert run("restore", "--table", "events", "--at", at, "--yes").exit_code == 0
    delete(entry)
    came: list[bool] = []

    def decide(operation: str, after: bool) -> None:
        if operation == "PutItem" and not after and not came:
            came.append(True)
            boto3.resource("dynamodb").Table("events").put_item(Item=entry | {"signature": "of the new one"})

    # When
    with faults.on_call(decide):
        result = run("restore", "--table", "events", "--at", at, "--yes", "--json")

    # Then
    assert (parsed(result)["missing"], parsed(result)["copied"]) == (1, 0)
    assert cloud.journal()[0]["signature"] == "of the new one"


def test_the_state_is_never_copied_and_a_dry_run_makes_no_table(cloud: Cloud, run: Run, at: str) -> None:
    # Given
    journal_of(1, cloud)
    before = cloud.state("VC-0")
    arguments = ("restore", "--table", "service_requests", "--at", at)
    # When
    rehearsed = run(*arguments, "--dry-run")
    after_the_dry_run = tables(cloud)
    result = run(*arguments, "--yes")
    # Then
    assert (rehearsed.exit_code, len(after_the_dry_run)) == (0, 2)
    assert restored_table.name_of("service_requests", at) in rehearsed.output
    assert result.exit_code == 0, result.output
    assert "replay --all" in result.output
    assert "delete-table" in result.output
    assert cloud.state("VC-0") == before


def test_interrupted_while_dynamodb_works_it_finds_the_same_table_again(
    cloud: Cloud, run: Run, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    journal_of(1, cloud)
    with monkeypatch.context() as patched:
        patched.setattr("cli.lib.restored_table.wait", mock.Mock(side_effect=KeyboardInterrupt))
        interrupted = run("restore", "--table", "events", "--at", at, "--yes")

    # When
    again = interrupted.output.split("Continue with: ./bridge ")[1].replace("\n", " ").split()
    result = run(*again, "--yes")

    # Then
    assert (interrupted.exit_code, result.exit_code) == (130, 0), result.output
    assert len(tables(cloud)) == 3


def test_a_time_outside_the_window_and_a_table_without_recovery_are_refused(cloud: Cloud, run: Run) -> None:
    # Given
    off = run("restore", "--table", "events", "--at", "2001-01-01", "--yes")
    cloud.dynamodb.update_continuous_backups(
        TableName="events", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )

    # When
    early = run("restore", "--table", "events", "--at", "2001-01-01", "--yes")

    # Then
    assert (off.exit_code, early.exit_code) == (1, 2)
    assert "is off" in off.output
    assert "between" in early.output
    assert len(tables(cloud)) == 2
