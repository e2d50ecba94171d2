"""`bridge dlq` on a stack in moto; the redrive function is the real one."""

import base64
import json
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest

from cli.lib.redriving import Progress, Selection, redrive
from cli.lib.stack import Stack
from tests.cli.conftest import Functions, Run, parsed
from tests.support import faults, webhooks
from tests.support.cloud import Cloud, create_bus
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue
from vectorcare_bridge.edge.queue import queue_depth
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.message import Webhook

pytestmark = pytest.mark.usefixtures("functions")

RECEIVED = UtcTimestamp("2026-03-01T11:00:00.000000Z")
COMMAND = {"command": "accept", "service_request_id": "VC-1", "response_notes": webhooks.INVENTED_NAME}
EVENT = {"detail_type": "ServiceRequestUpdated", "detail": {"service_request_id": "VC-2", "changed_fields": ["a"]}}


@pytest.fixture
def functions(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Functions:
    """Wait for nothing."""
    monkeypatch.setattr("vectorcare_bridge.edge.queue.LONG_POLL_SECONDS", 0)
    monkeypatch.setattr("cli.verbs.dlq.redrive._SETTLE_SECONDS", 0.0)
    functions: Functions = stack.client("lambda")
    return functions


def die(cloud: Cloud, *bodies: bytes) -> None:
    """Put webhooks into the dead-letter queue."""
    for body in bodies:
        encoded = message.encode(Webhook(body, "c2ln", RECEIVED))
        cloud.sqs.send_message(QueueUrl=cloud.dead_letter_queue_url, **encoded)


def put(cloud: Cloud, url: str, *bodies: str) -> None:
    for body in bodies:
        cloud.sqs.send_message(QueueUrl=url, MessageBody=body)


def visible(cloud: Cloud) -> int:
    return queue_depth(cloud.sqs, cloud.dead_letter_queue_url).visible


def test_list_gives_each_reason_and_leaves_all_messages_visible(cloud: Cloud, run: Run) -> None:
    # Given
    die(cloud, b"Zebulon, no JSON", b"[]", webhooks.body(), *[b"{}"] * 20)
    # When
    result, table = run("dlq", "list", "--json"), run("dlq", "list")
    # Then
    assert (result.exit_code, table.exit_code) == (1, 1)
    assert parsed(result)["by_reason"] == {"missing_field": 20, "not_json": 1, "not_an_object": 1, "exhausted": 1}
    listed = parsed(result)["letters"]
    found = next(one for one in listed if one["reason"] == "exhausted")
    assert (found["service_request_id"], found["received_at"], found["redriven"]) == ("VC-TEST0001", RECEIVED, 0)
    assert found["expires"] > RECEIVED
    assert visible(cloud) == 23
    assert all(one["message_id"] in table.output for one in listed)
    assert "Zebulon" not in result.output + table.output


def test_commands_and_events_have_reasons_of_their_own(cloud: Cloud, run: Run) -> None:
    # Given
    put(cloud, cloud.outbound_dead_letter_queue_url, "x", json.dumps(COMMAND))
    put(cloud, cloud.unpublished_queue_url, json.dumps(EVENT), webhooks.INVENTED_NAME)
    # When
    inbound, outbound, unpublished = (
        run("dlq", "list", "--json", "--queue", name) for name in ("inbound", "outbound", "unpublished")
    )
    # Then
    assert (inbound.exit_code, outbound.exit_code, unpublished.exit_code) == (0, 1, 1)
    assert parsed(outbound)["by_reason"] == {"not_json": 1, "exhausted": 1}
    assert parsed(unpublished)["by_reason"] == {"not_taken": 1, "unreadable": 1}
    assert {one["service_request_id"] for one in parsed(outbound)["letters"]} == {"VC-1", None}
    assert {one["service_request_id"] for one in parsed(unpublished)["letters"]} == {"VC-2", None}
    assert webhooks.INVENTED_NAME not in outbound.output + unpublished.output


@pytest.mark.parametrize("command", [["list"], ["export", "dead-letters.jsonl"]], ids=" ".join)
def test_interrupted_it_leaves_all_messages_visible_and_no_file(
    cloud: Cloud, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    # Given
    monkeypatch.chdir(tmp_path)
    die(cloud, *[b"{}"] * 15)
    monkeypatch.setattr("cli.lib.dead_letters._read", mock.Mock(side_effect=KeyboardInterrupt))
    # When
    result = run("dlq", *command)
    # Then
    assert result.exit_code != 0
    assert visible(cloud) == 15
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("queue", ["inbound", "outbound"])
def test_show_and_export_give_the_content_only_if_it_is_asked_for(
    cloud: Cloud, run: Run, tmp_path: Path, queue: str
) -> None:
    # Given
    die(cloud, webhooks.body(event_timestamp=5))
    put(cloud, cloud.outbound_dead_letter_queue_url, json.dumps(COMMAND))
    option, file = ("--queue", queue), tmp_path / "dead-letters.jsonl"
    (listed,) = parsed(run("dlq", "list", "--json", *option))["letters"]
    # When
    shape, content = (run("dlq", "show", listed["message_id"], *option, *phi) for phi in ((), ("--phi",)))
    missing = run("dlq", "show", "no-such", *option)
    exported, again = (run("dlq", "export", str(file), *option) for _ in range(2))
    # Then
    assert (shape.exit_code, content.exit_code, missing.exit_code) == (0, 0, 1)
    assert listed["reason"] in shape.output
    assert {"inbound": "data.patient_first_name", "outbound": "response_notes"}[queue] in shape.output
    assert webhooks.INVENTED_NAME in content.output
    assert webhooks.INVENTED_NAME not in shape.output + exported.output
    assert (exported.exit_code, again.exit_code, file.stat().st_mode & 0o777) == (0, 1, 0o600)
    assert "patients' data" in exported.output
    assert webhooks.INVENTED_NAME.encode() in base64.b64decode(json.loads(file.read_text())["body"])
    assert visible(cloud) == 1


def test_export_copies_every_byte_and_the_signature(cloud: Cloud, run: Run, tmp_path: Path) -> None:
    # Given
    bodies = {b"\xff\x00 no JSON", webhooks.body(), b"[]"}
    die(cloud, *bodies)
    # When
    run("dlq", "export", str(tmp_path / "dead-letters.jsonl"))
    # Then
    lines = [json.loads(line) for line in (tmp_path / "dead-letters.jsonl").read_text().splitlines()]
    assert {base64.b64decode(line["body"]) for line in lines} == bodies
    assert {line["attributes"]["signature"] for line in lines} == {"c2ln"}


@pytest.mark.parametrize(
    ("failing", "warning"),
    [("ChangeMessageVisibilityBatch", "stay invisible for 5 minutes"), ("GetItem", "The journal cannot be read")],
)
def test_what_was_read_is_reported_when_another_call_fails(
    cloud: Cloud, run: Run, tmp_path: Path, failing: str, warning: str
) -> None:
    # Given
    die(cloud, b"[]", b"x")
    # When
    with faults.failing(failing):
        result = run("dlq", "export", str(tmp_path / "all.jsonl"), "--json")
    # Then
    assert parsed(result)["exported"] == 2
    reasons = {json.loads(line)["reason"] for line in (tmp_path / "all.jsonl").read_text().splitlines()}
    assert reasons == {"not_an_object", "not_json"}
    assert " ".join(result.stderr.split()).count(warning) == 1


def test_the_reason_stays_and_what_a_redrive_would_do_changes_with_time(
    cloud: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a webhook that was dated an hour ahead of its receipt
    die(cloud, webhooks.body(event_timestamp="2026-03-01T12:20:00Z"))
    # When it is listed before that time, and after
    (before,) = parsed(run("dlq", "list", "--json"))["letters"]
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: "2026-03-01T12:20:00.000000Z")
    (after,) = parsed(run("dlq", "list", "--json"))["letters"]
    # Then
    assert (before["reason"], after["reason"]) == ("timestamp_in_future", "timestamp_in_future")
    assert (before["if_redriven"], after["if_redriven"]) == ("would die again for timestamp_in_future", "would apply")


def test_a_redrive_counts_asks_and_moves_what_it_is_asked_for(cloud: Cloud, run: Run) -> None:
    # Given
    die(cloud, b"[]", b"[1]", webhooks.body(), webhooks.body(service_request_id="VC-OTHER"))
    # When
    dry_run = run("dlq", "redrive", "--dry-run", "--reason", "not_an_object", "--json")
    unasked = run("dlq", "redrive")
    untouched = visible(cloud), cloud.messages()
    result = run("dlq", "redrive", "--id", "VC-OTHER", "--yes", "--json")
    # Then
    assert (dry_run.exit_code, unasked.exit_code, untouched) == (0, 1, (4, 0))
    assert (parsed(dry_run)["would_move"], parsed(dry_run)["is_all"]) == (2, True)
    assert result.exit_code == 0, result.output
    assert (parsed(result)["moved"], parsed(result)["remaining"], parsed(result)["died_again"]) == (1, 3, {})
    assert cloud.messages() == 1
    cloud.process()
    assert cloud.state("VC-OTHER")


def test_an_empty_queue_is_fine(run: Run) -> None:
    assert run("dlq", "list").exit_code == 0
    assert run("dlq", "redrive", "--yes").exit_code == 0


def test_commands_go_back_to_the_sender(cloud: Cloud, run: Run) -> None:
    # Given
    put(cloud, cloud.outbound_dead_letter_queue_url, "x", json.dumps(COMMAND))
    # When
    result = run("dlq", "redrive", "--queue", "outbound", "--reason", "exhausted", "--yes", "--json")
    # Then
    assert (result.exit_code, parsed(result)["moved"], parsed(result)["remaining"]) == (0, 1, 1), result.output
    assert (cloud.messages(cloud.outbound_queue_url), cloud.messages()) == (1, 0)


def test_events_go_back_to_the_bus_and_what_it_does_not_take_is_reported(cloud: Cloud, run: Run) -> None:
    # Given
    url = create_bus(cloud.sqs, boto3.client("events"))
    put(cloud, cloud.unpublished_queue_url, json.dumps(EVENT), "x")
    # When
    first = run("dlq", "redrive", "--queue", "unpublished", "--yes")
    second = run("dlq", "redrive", "--queue", "unpublished", "--reason", "not_taken", "--yes", "--json")
    # Then
    assert first.exit_code == 1
    assert "Not taken, and still there: 1" in first.output
    assert cloud.messages(url) == 1
    assert (second.exit_code, parsed(second)["would_move"]) == (0, 0)


def test_what_dies_again_is_reported(cloud: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a processor that sends each message to the dead-letter queue
    die(cloud, b"[]")

    def kill(sqs: Any, url: str) -> Any:
        for one in sqs.receive_message(QueueUrl=cloud.queue_url, MessageAttributeNames=["All"]).get("Messages", []):
            again = {"MessageBody": one["Body"], "MessageAttributes": one["MessageAttributes"]}
            sqs.send_message(QueueUrl=cloud.dead_letter_queue_url, **again)
            sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=one["ReceiptHandle"])
        return queue_depth(sqs, url)

    monkeypatch.setattr("cli.verbs.dlq.redrive.queue_depth", kill)
    # When
    result = run("dlq", "redrive", "--yes")
    # Then
    assert result.exit_code == 1
    assert "Dead letters again: 1 not_an_object" in result.output


@pytest.mark.parametrize(
    ("second", "moved", "stopped", "exit_code"),
    [
        (faults.refusal("ServiceException"), 1, "failed", 1),
        (faults.unreachable(), 1, "failed", 1),
        (KeyboardInterrupt(), 1, "interrupted", 130),
        ({"moved": 0, "refused": 1, "stopped": "refused", "remaining": 2}, 1, "refused", 1),
        ({"error": "there is an unknown key"}, 1, "failed", 1),
        ({"errorType": "RuntimeError", "errorMessage": webhooks.INVENTED_NAME}, 1, "failed", 1),
    ],
)
def test_what_was_moved_is_reported_when_a_later_call_ends_it(
    cloud: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch, *, second: Any, moved: int, stopped: str, exit_code: int
) -> None:
    # Given three dead letters, and a redrive function that moves one and then does something else
    die(cloud, b"[1]", b"[2]", b"[3]")
    original, calls = cloud.invoke, []

    def invoke(name: str, event: Any) -> Any:
        calls.append(event)
        if len(calls) < 3:  # the dry run, and one chunk
            return original(name, event)
        if isinstance(second, BaseException):
            raise second
        return second

    monkeypatch.setattr("cli.lib.redriving._CHUNK", 1)
    monkeypatch.setattr(cloud, "invoke", invoke)
    # When
    result = run("dlq", "redrive", "--yes", "--json")
    # Then
    report = parsed(result)
    assert (result.exit_code, report["moved"], report["stopped"]) == (exit_code, moved, stopped)
    assert webhooks.INVENTED_NAME not in result.output


@pytest.mark.parametrize("failing", ["GetQueueAttributes", "ReceiveMessage", "ChangeMessageVisibilityBatch"])
def test_what_was_moved_is_reported_when_the_queue_answers_no_more(cloud: Cloud, run: Run, failing: str) -> None:
    # Given
    die(cloud, b"[1]", b"[2]")
    moved: list[str] = []

    def decide(operation: str, after: bool) -> Exception | None:
        moved.extend([operation] if operation == "DeleteMessage" and after else [])
        return faults.unreachable() if len(moved) == 2 and operation == failing else None

    # When
    with faults.on_call(decide):
        result = run("dlq", "redrive", "--yes", "--json")
    # Then
    is_unknown = failing == "GetQueueAttributes"
    assert (parsed(result)["moved"], parsed(result)["remaining"] is None) == (2, is_unknown)
    assert result.exit_code == int(is_unknown)


def test_messages_that_die_again_immediately_do_not_keep_it_going_and_the_rate_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a queue in which each message is dead again before the next chunk
    calls: list[Any] = []
    slept: list[float] = []
    monkeypatch.setattr("cli.lib.redriving.time.sleep", slept.append)

    def move(selection: Selection, *, total: int, rate: float | None) -> Progress:
        done = Progress()

        def invoke(event: Any) -> Any:
            calls.append(event)
            return {"moved": event["limit"], "stopped": "limit"}

        redrive(invoke, selection, total=total, rate=rate, done=done, advance=lambda: None)
        return done

    # When
    done = move(Selection(DeadLetterQueue.INBOUND, "not_json", "VC-1"), total=450, rate=None)
    move(Selection(), total=12, rate=1.0)
    # Then
    assert (done.moved, done.stopped) == (450, "limit")
    assert [call["limit"] for call in calls] == [200, 200, 50, 5, 5, 2]
    assert calls[0] == {"limit": 200, "reason": "not_json", "service_request_id": "VC-1"}
    assert [round(seconds) for seconds in slept] == [5, 10]


def test_a_reason_of_another_queue_is_refused_with_those_of_this_one(run: Run, functions: Functions) -> None:
    result = run("dlq", "redrive", "--queue", "unpublished", "--reason", "exhausted", "--yes")
    assert result.exit_code == 2
    assert "not_taken, unreadable" in result.output
    assert functions.events == []
