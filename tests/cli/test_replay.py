"""`bridge replay` on a stack in moto."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from cli.lib import replay_run
from cli.lib.replay_plan import differences
from tests.cli.conftest import Run, parsed, receive
from tests.support import faults, webhooks
from tests.support.cloud import Cloud

pytestmark = pytest.mark.usefixtures("stack")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def arrive(cloud: Cloud, **changes: Any) -> None:
    receive(cloud, webhooks.body(**changes))


def corrupt(service_request_id: str, **changes: Any) -> None:
    table = boto3.resource("dynamodb").Table("service_requests")
    item = dict(table.get_item(Key={"service_request_id": service_request_id})["Item"])
    table.put_item(Item=item | changes)


def test_a_dry_run_names_what_is_wrong_and_a_replay_corrects_it(cloud: Cloud, run: Run) -> None:
    # Given a state that a fault has raised
    arrive(cloud)
    right = cloud.state()
    assert right is not None
    wrong = {"last_updated": "9999-01-01T00:00:00.000000Z", "data": {"patient_first_name": "Wrong", "hospice": None}}
    corrupt("VC-TEST0001", **wrong, note="by hand")
    before = cloud.state()
    # When
    rehearsed, with_values = (run("replay", "VC-TEST0001", "--dry-run", *phi) for phi in ((), ("--phi",)))
    unasked = run("replay", "VC-TEST0001")
    untouched = cloud.state()
    result = run("replay", "VC-TEST0001", "--yes")
    # Then the dry run names fields, and values only if it is asked for them
    assert (rehearsed.exit_code, with_values.exit_code, unasked.exit_code) == (1, 1, 1)
    assert "data.patient_first_name" in rehearsed.output
    assert "data.patient_weight_kg" in rehearsed.output
    assert webhooks.INVENTED_NAME not in rehearsed.output
    assert "Wrong" not in rehearsed.output
    assert f"Wrong -> {webhooks.INVENTED_NAME}" in with_values.output
    assert "--yes" in unasked.output
    assert untouched == before
    # And the replay writes all that the processor would have written, and leaves what others wrote
    assert result.exit_code == 0, result.output
    after = cloud.state()
    assert after is not None
    assert (after.pop("note"), after.pop("revision")) == ("by hand", right.pop("revision") + 1)
    assert {**after, "updated_at": ""} == {**right, "updated_at": ""}


def test_what_the_journal_cannot_vouch_for_is_refused(cloud: Cloud, run: Run, tmp_path: Path) -> None:
    # Given a journal without the state's newest event, one with another event's body, and one that holds nothing
    for name in ("VC-SHORT", "VC-OTHER", "VC-RIGHT"):
        arrive(cloud, service_request_id=name)
        arrive(cloud, service_request_id=name, event_id="0198b", event_timestamp="2026-03-01T10:01:00Z")
    events = boto3.resource("dynamodb").Table("events")
    events.delete_item(Key={"service_request_id": "VC-SHORT", "event_id": "0198b"})
    entry = next(entry for entry in cloud.journal() if entry["service_request_id"] == "VC-OTHER")
    events.put_item(Item={**entry, "event_id": "0198c"})
    before = cloud.state("VC-SHORT")
    (tmp_path / "ids.txt").write_text("VC-SHORT\n\nVC-OTHER\nVC-NOBODY\nVC-RIGHT\n")
    # When
    result = run("replay", "--from-file", "ids.txt", "--yes", "--json")
    # Then
    assert result.exit_code == 1
    assert cloud.state("VC-SHORT") == before
    report = parsed(result)
    assert (report["refused"], report["unknown"], report["unchanged"]) == (2, 1, 1)
    why = {request["service_request_id"]: request["why"] for request in report["requests"]}
    assert "has no entry 0198b" in why["VC-SHORT"]
    assert "another event's" in why["VC-OTHER"]


@pytest.mark.parametrize(
    "moment",
    [{("PutItem", False)}, {("GetItem", True), ("Query", True)}],
    ids=["before the write", "between the two reads"],
)
def test_a_webhook_that_comes_meanwhile_is_neither_lost_nor_in_the_way(
    cloud: Cloud, run: Run, moment: set[tuple[str, bool]]
) -> None:
    # Given
    arrive(cloud)
    corrupt("VC-TEST0001", request_status="COMPLETED")
    came: list[bool] = []

    def decide(operation: str, after: bool) -> None:
        if (operation, after) in moment and not came:
            came.append(True)
            arrive(cloud, event_id="0198b", event_timestamp="2026-03-01T11:00:00Z", request_status="ASSIGNED")

    # When
    with faults.on_call(decide):
        result = run("replay", "VC-TEST0001", "--yes", "--json")

    # Then
    assert came
    assert result.exit_code == 0
    state = cloud.state()
    assert state is not None
    assert (state["event_id"], state["request_status"]) == ("0198b", "ASSIGNED")


def test_a_range_of_receipt_is_replayed_and_what_is_unreadable_is_not(cloud: Cloud, run: Run) -> None:
    # Given
    for number in range(3):
        arrive(cloud, service_request_id=f"VC-{number}")
        corrupt(f"VC-{number}", action="WRONG")
    receive(cloud, b"no JSON")

    # When
    nothing = run("replay", "--until", "2026-03-01", "--yes", "--json")
    everything = run("replay", "--since", "2026-03-01", "--yes", "--json")

    # Then
    assert parsed(nothing)["changed"] == 0
    assert everything.exit_code == 0
    assert (parsed(everything)["changed"], parsed(everything)["unknown"]) == (3, 0)
    assert not list(Path().iterdir())


def test_interrupted_it_goes_on_where_it_was(cloud: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a journal of several pages
    for number in range(6):
        arrive(cloud, service_request_id=f"VC-{number}")
        corrupt(f"VC-{number}", action="WRONG")
    _scan_by(2, monkeypatch)
    original, seen = replay_run._replay, []

    def replay(replayer: Any, names: Any) -> Any:
        seen.append(list(names))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return original(replayer, names)

    monkeypatch.setattr(replay_run, "_replay", replay)

    # When
    interrupted = run("replay", "--all", "--yes", "--resume", "place.json", "--phi")
    place = Path("place.json").read_text()
    mode = Path("place.json").stat().st_mode & 0o777
    other = run("replay", "--all", "--dry-run", "--resume", "place.json")
    finished = run("replay", "--all", "--yes", "--resume", "place.json", "--json")

    # Then
    assert (interrupted.exit_code, other.exit_code, finished.exit_code) == (130, 1, 0), finished.output
    assert "belongs to another replay" in other.output
    assert ("WRONG" in place, mode) == (False, 0o600)
    assert seen[2] == seen[1]
    assert parsed(finished)["changed"] == 6
    assert [cloud.state(f"VC-{number}")["action"] for number in range(6)] == ["BROADCAST_RECEIVED"] * 6  # type: ignore[index]  # a state that is not there fails the test too
    assert not Path("place.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        *((), ("VC-TEST0001", "--all"), ("--since", "Zebulon"), ("VC-TEST0001", "--resume", "place.json")),
        *(("--from-file", "empty.txt", *more) for more in ((), ("--all",), ("--since", "2026-03-01"))),
    ],
)
def test_an_unclear_selection_is_called_wrongly(run: Run, arguments: tuple[str, ...]) -> None:
    Path("empty.txt").write_text(" \n\n")
    assert run("replay", *arguments, "--yes").exit_code == 2


def test_true_is_not_one() -> None:
    assert [change.field for change in differences({"a": {"b": [True]}}, {"a": {"b": [1]}})] == ["a.b"]
    assert not list(differences({"a": {"b": [1, None, {}]}}, {"a": {"b": [1, None, {}]}}))


def _scan_by(entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page of a scan hold a few entries, as DynamoDB's hold 1 MB."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]  # the one place that all calls pass

    def call(self: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        more = {"Limit": entries} if operation == "Scan" and parameters["TableName"] == "events" else {}
        return original(self, operation, parameters | more)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
