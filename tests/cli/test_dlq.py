"""`bridge dlq` on a stack in moto; the redrive function is the real one."""

import base64
import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from cli.lib.redriving import Progress, Selection, redrive
from cli.lib.stack import Stack
from tests.cli.conftest import Run, parsed
from tests.support import faults, webhooks
from tests.support.cloud import Cloud
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue
from vectorcare_bridge.edge.queue import queue_depth
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.message import Webhook

pytestmark = pytest.mark.usefixtures("functions")

RECEIVED = UtcTimestamp("2026-03-01T11:00:00.000000Z")


class _Functions:
    """Lambda, which runs the redrive function in this process."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.events: list[dict[str, Any]] = []

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 boto3's names
        event = json.loads(Payload)
        self.events.append(event)
        with redirect_stdout(io.StringIO()):  # a function's log is not the command's output
            answer = self._cloud.invoke(FunctionName, event)
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def functions(cloud: Cloud, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> _Functions:
    """Give the stack a redrive function, and no long polls."""
    functions = _Functions(cloud)
    connect = stack.connect
    whole = replace(
        stack,
        outputs={**stack.outputs, "RedriveFunction": "redrive"},
        connect=lambda service: functions if service == "lambda" else connect(service),
    )
    monkeypatch.setattr("cli.lib.stack.find", lambda *_, **__: whole)
    monkeypatch.setattr("vectorcare_bridge.edge.queue.LONG_POLL_SECONDS", 0)
    monkeypatch.setattr("cli.verbs.dlq.redrive._SETTLE_SECONDS", 0.0)
    return functions


def die(cloud: Cloud, *bodies: bytes) -> None:
    """Put webhooks into the dead-letter queue."""
    for body in bodies:
        encoded = message.encode(Webhook(body, "c2ln", RECEIVED))
        cloud.sqs.send_message(QueueUrl=cloud.dead_letter_queue_url, **encoded)


def visible(cloud: Cloud) -> int:
    """Count the letters that others see."""
    answer = cloud.sqs.get_queue_attributes(
        QueueUrl=cloud.dead_letter_queue_url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def test_list_says_why_each_letter_is_dead_and_gives_all_of_them_back(cloud: Cloud, run: Run) -> None:
    # Given
    die(cloud, b"Zebulon, no JSON", b"[]", webhooks.body(), *[b"{}"] * 20)

    # When
    result = run("dlq", "list", "--json")
    table = run("dlq", "list")

    # Then
    assert (result.exit_code, table.exit_code) == (1, 1)
    assert parsed(result)["by_reason"] == {"missing_field": 20, "not_json": 1, "not_an_object": 1, "exhausted": 1}
    letter = next(one for one in parsed(result)["letters"] if one["reason"] == "exhausted")
    assert (letter["service_request_id"], letter["received_at"], letter["redriven"]) == ("VC-TEST0001", RECEIVED, 0)
    assert letter["expires"] > RECEIVED
    assert visible(cloud) == 23
    assert "not_json" in table.output
    assert all(letter["message_id"] in table.output for letter in parsed(result)["letters"])
    assert "Zebulon" not in result.output + table.output


def test_interrupted_it_gives_back_what_it_has_seen(cloud: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    die(cloud, *[b"{}"] * 15)
    monkeypatch.setattr("cli.lib.dead_letters._letter", mock.Mock(side_effect=KeyboardInterrupt))

    # When
    result = run("dlq", "list")

    # Then
    assert result.exit_code != 0
    assert visible(cloud) == 15


def test_an_empty_queue_is_fine(run: Run) -> None:
    assert run("dlq", "list").exit_code == 0
    assert run("dlq", "redrive", "--yes").exit_code == 0


def test_show_names_fields_and_shows_values_only_when_asked(cloud: Cloud, run: Run) -> None:
    # Given
    die(cloud, webhooks.body(event_timestamp=5))
    message_id = parsed(run("dlq", "list", "--json"))["letters"][0]["message_id"]

    # When
    shape, content = run("dlq", "show", message_id), run("dlq", "show", message_id, "--phi")
    missing = run("dlq", "show", "no-such")

    # Then
    assert (shape.exit_code, content.exit_code, missing.exit_code) == (0, 0, 1)
    assert "bad_timestamp" in shape.output
    assert "data.patient_first_name" in shape.output
    assert webhooks.INVENTED_NAME not in shape.output
    assert webhooks.INVENTED_NAME in content.output
    assert visible(cloud) == 1


def test_export_copies_every_byte_for_its_owner_alone_and_overwrites_nothing(
    cloud: Cloud, run: Run, tmp_path: Path
) -> None:
    # Given
    bodies = {b"\xff\x00 no JSON", webhooks.body(), b"[]"}
    die(cloud, *bodies)
    file = tmp_path / "letters.jsonl"

    # When
    first, second = run("dlq", "export", str(file)), run("dlq", "export", str(file))

    # Then
    assert (first.exit_code, second.exit_code) == (0, 1), first.output
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {base64.b64decode(line["body"]) for line in lines} == bodies
    assert {line["attributes"]["signature"] for line in lines} == {"c2ln"}
    assert file.stat().st_mode & 0o777 == 0o600
    assert visible(cloud) == 3
    assert "patients' data" in first.output


def test_an_export_that_breaks_off_leaves_no_file(
    cloud: Cloud, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    die(cloud, b"{}")
    monkeypatch.setattr("cli.lib.dead_letters._letter", mock.Mock(side_effect=KeyboardInterrupt))

    # When
    run("dlq", "export", str(tmp_path / "letters.jsonl"))

    # Then
    assert not list(tmp_path.iterdir())


def test_a_dry_run_counts_and_moves_nothing(cloud: Cloud, run: Run) -> None:
    # Given
    die(cloud, b"[]", b"[1]", webhooks.body())

    # When
    result = run("dlq", "redrive", "--dry-run", "--reason", "not_an_object", "--json")

    # Then
    assert result.exit_code == 0
    assert (parsed(result)["would_move"], parsed(result)["is_all"]) == (2, True)
    assert (visible(cloud), cloud.messages()) == (3, 0)


def test_it_moves_what_it_is_asked_for(cloud: Cloud, run: Run) -> None:
    # Given
    die(cloud, b"[]", webhooks.body(), webhooks.body(service_request_id="VC-OTHER"))

    # When
    unasked = run("dlq", "redrive")
    result = run("dlq", "redrive", "--id", "VC-OTHER", "--yes", "--json")

    # Then
    assert (unasked.exit_code, result.exit_code) == (1, 0), result.output
    assert (parsed(result)["moved"], parsed(result)["remaining"], parsed(result)["died_again"]) == (1, 2, {})
    assert cloud.messages() == 1
    cloud.process()
    assert cloud.state("VC-OTHER")


def test_what_dies_again_is_told(cloud: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a processor that kills what it is given at once
    die(cloud, b"[]")

    def kill(sqs: Any, url: str) -> Any:
        for one in sqs.receive_message(QueueUrl=cloud.queue_url, MessageAttributeNames=["All"]).get("Messages", []):
            sqs.send_message(
                QueueUrl=cloud.dead_letter_queue_url,
                MessageBody=one["Body"],
                MessageAttributes=one["MessageAttributes"],
            )
            sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=one["ReceiptHandle"])
        return queue_depth(sqs, url)

    monkeypatch.setattr("cli.verbs.dlq.redrive.queue_depth", kill)

    # When
    result = run("dlq", "redrive", "--yes")

    # Then
    assert result.exit_code == 1
    assert "Dead letters again: 1 not_an_object" in result.output


def test_poison_that_comes_back_at_once_does_not_keep_it_going() -> None:
    # Given a queue in which each letter is dead again before the next chunk
    calls: list[Any] = []

    def invoke(event: Any) -> Any:
        calls.append(event)
        return {"moved": event["limit"], "stopped": "limit"}

    done = Progress()

    # When
    redrive(
        invoke,
        Selection(DeadLetterQueue.INBOUND, "not_json", "VC-1"),
        total=450,
        rate=None,
        done=done,
        advance=lambda: None,
    )

    # Then
    assert (done.moved, done.stopped) == (450, "limit")
    assert [call["limit"] for call in calls] == [200, 200, 50]
    assert calls[0] == {"limit": 200, "reason": "not_json", "service_request_id": "VC-1"}


class _Broken(_Functions):
    """Lambda, whose third call fails: the second that moves something."""

    error: BaseException = faults.refusal("ServiceException")

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 boto3's names
        if len(self.events) == 2:
            raise self.error
        return super().invoke(FunctionName=FunctionName, Payload=Payload)


@pytest.mark.parametrize(
    ("error", "stopped", "exit_code"),
    [
        (faults.refusal("ServiceException"), "failed", 1),
        (faults.unreachable(), "failed", 1),
        (KeyboardInterrupt(), "interrupted", 130),
    ],
)
def test_what_was_moved_is_reported_when_a_later_call_fails(
    cloud: Cloud,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    *,
    functions: _Functions,
    error: Any,
    stopped: str,
    exit_code: int,
) -> None:
    # Given three dead letters, and a redrive function that moves one at a time and then answers no more
    die(cloud, b"[1]", b"[2]", b"[3]")
    monkeypatch.setattr("cli.lib.redriving._CHUNK", 1)
    monkeypatch.setattr(functions, "invoke", _Broken(cloud).invoke)
    monkeypatch.setattr(_Broken, "error", error)

    # When
    result = run("dlq", "redrive", "--yes", "--json")

    # Then
    report = json.loads(result.stdout)
    assert (result.exit_code, report["moved"], report["stopped"]) == (exit_code, 1, stopped)


@pytest.mark.parametrize("failing", ["GetQueueAttributes", "ReceiveMessage", "ChangeMessageVisibilityBatch"])
def test_what_was_moved_is_reported_when_nobody_can_say_what_became_of_it(cloud: Cloud, run: Run, failing: str) -> None:
    # Given a dead-letter queue that answers no more once all is moved
    die(cloud, b"[1]", b"[2]")
    moved: list[str] = []

    def decide(operation: str, after: bool) -> Exception | None:
        moved.extend([operation] if operation == "DeleteMessage" and after else [])
        return faults.unreachable() if len(moved) == 2 and operation == failing else None

    # When
    with faults.on_call(decide):
        result = run("dlq", "redrive", "--yes", "--json")

    # Then
    report = json.loads(result.stdout)
    assert report["moved"] == 2
    assert (report["remaining"] is None) == (failing == "GetQueueAttributes")
    assert result.exit_code == int(failing == "GetQueueAttributes")
    assert "Traceback" not in result.output


def test_what_was_read_is_listed_and_exported_when_it_cannot_be_given_back(
    cloud: Cloud, run: Run, tmp_path: Path
) -> None:
    # Given
    die(cloud, b"[]")

    # When
    with faults.failing("ChangeMessageVisibilityBatch"):
        exported = run("dlq", "export", str(tmp_path / "all.jsonl"), "--json")
    cloud.sqs.purge_queue(QueueUrl=cloud.dead_letter_queue_url)
    die(cloud, b"[]")
    with faults.failing("ChangeMessageVisibilityBatch"):
        listed = run("dlq", "list", "--json")

    # Then
    assert json.loads(exported.stdout)["exported"] == 1
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == 1
    assert json.loads(listed.stdout)["by_reason"] == {"not_an_object": 1}
    assert "invisible for 5 minutes" in exported.stderr.replace("\n", " ")


def test_a_list_needs_no_more_than_the_queue(cloud: Cloud, run: Run) -> None:
    # Given a journal that does not answer, When dead letters are listed, Then the rules say why they died
    die(cloud, b"[]", b"x")
    with faults.failing("GetItem"):
        result = run("dlq", "list", "--json")
    assert json.loads(result.stdout)["by_reason"] == {"not_an_object": 1, "not_json": 1}
    assert result.stderr.count("The journal cannot be read") == 1


def test_why_it_died_and_what_a_redrive_would_do_stand_side_by_side(
    cloud: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a webhook that died as it was dated an hour ahead of its receipt
    die(cloud, webhooks.body(event_timestamp="2026-03-01T12:20:00Z"))

    # When it is listed before its time has come, and after
    before = parsed(run("dlq", "list", "--json"))["letters"][0]
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: "2026-03-01T12:20:00.000000Z")
    after = parsed(run("dlq", "list", "--json"))["letters"][0]
    table, shown = run("dlq", "list"), run("dlq", "show", after["message_id"])
    found = run("dlq", "redrive", "--dry-run", "--reason", "timestamp_in_future", "--json")

    # Then
    assert (before["reason"], before["if_redriven"]) == (
        "timestamp_in_future",
        "would die again for timestamp_in_future",
    )
    assert (after["reason"], after["if_redriven"]) == ("timestamp_in_future", "would apply")
    assert "would apply" in table.output
    assert "would apply" in shown.output
    assert parsed(found)["would_move"] == 1


def test_what_the_redrive_function_refuses_is_an_error(cloud: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a function that does not know what this command asks for, When it is asked
    monkeypatch.setattr("cli.lib.redriving.Selection.event", lambda _: {"unheard_of": "x"})
    die(cloud, b"[]")
    result = run("dlq", "redrive", "--yes")

    # Then
    assert result.exit_code == 1
    assert "there is an unknown key" in result.output


def test_a_rate_is_kept_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    slept: list[float] = []
    monkeypatch.setattr("cli.lib.redriving.time.sleep", slept.append)

    # When
    redrive(
        lambda event: {"moved": event["limit"], "stopped": "limit"},
        Selection(),
        total=12,
        rate=1.0,
        done=Progress(),
        advance=lambda: None,
    )

    # Then
    assert [round(seconds) for seconds in slept] == [5, 10]


def test_a_queue_that_refuses_ends_it_and_says_so(
    cloud: Cloud, functions: _Functions, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    die(cloud, b"[]")
    original = functions._cloud.invoke
    monkeypatch.setattr(
        functions._cloud,
        "invoke",
        lambda name, event: (
            original(name, event)
            if event.get("dry_run")
            else {"moved": 0, "refused": 1, "stopped": "refused", "remaining": 1}
        ),
    )

    # When
    result = run("dlq", "redrive", "--yes")

    # Then
    assert result.exit_code == 1
    assert "stopped before the end (refused)" in result.output


COMMAND = {"command": "accept", "service_request_id": "VC-1", "response_notes": webhooks.INVENTED_NAME}
EVENT = {"detail_type": "ServiceRequestUpdated", "detail": {"service_request_id": "VC-2", "changed_fields": ["a"]}}


def put(cloud: Cloud, url: str, *bodies: str) -> None:
    """Put messages into a queue."""
    for body in bodies:
        cloud.sqs.send_message(QueueUrl=url, MessageBody=body)


def test_commands_and_events_are_listed_with_reasons_of_their_own(cloud: Cloud, run: Run) -> None:
    # Given
    put(cloud, cloud.outbound_dead_letter_queue_url, "x", json.dumps(COMMAND))
    put(cloud, cloud.unpublished_queue_url, json.dumps(EVENT), webhooks.INVENTED_NAME)

    # When
    inbound = run("dlq", "list", "--json")
    outbound = run("dlq", "list", "--queue", "outbound", "--json")
    unpublished = run("dlq", "list", "--queue", "unpublished", "--json")

    # Then
    assert (inbound.exit_code, outbound.exit_code, unpublished.exit_code) == (0, 1, 1)
    assert parsed(outbound)["by_reason"] == {"not_json": 1, "exhausted": 1}
    assert parsed(unpublished)["by_reason"] == {"not_taken": 1, "unreadable": 1}
    assert {letter["service_request_id"] for letter in parsed(outbound)["letters"]} == {"VC-1", None}
    assert {letter["service_request_id"] for letter in parsed(unpublished)["letters"]} == {"VC-2", None}
    assert all(letter["received_at"] < letter["expires"] for letter in parsed(outbound)["letters"])
    assert webhooks.INVENTED_NAME not in outbound.output + unpublished.output


def test_a_command_is_shown_and_exported_like_a_webhook(cloud: Cloud, run: Run, tmp_path: Path) -> None:
    # Given
    put(cloud, cloud.outbound_dead_letter_queue_url, json.dumps(COMMAND))
    message_id = parsed(run("dlq", "list", "--queue", "outbound", "--json"))["letters"][0]["message_id"]
    file = tmp_path / "letters.jsonl"

    # When
    shape = run("dlq", "show", message_id, "--queue", "outbound")
    content = run("dlq", "show", message_id, "--queue", "outbound", "--phi")
    elsewhere = run("dlq", "show", message_id)
    export = run("dlq", "export", str(file), "--queue", "outbound")

    # Then
    assert (shape.exit_code, content.exit_code, elsewhere.exit_code, export.exit_code) == (0, 0, 1, 0)
    assert "response_notes" in shape.output
    assert webhooks.INVENTED_NAME not in shape.output
    assert webhooks.INVENTED_NAME in content.output
    assert json.loads(base64.b64decode(json.loads(file.read_text())["body"])) == COMMAND


def test_commands_go_back_to_the_sender(cloud: Cloud, run: Run) -> None:
    # Given
    put(cloud, cloud.outbound_dead_letter_queue_url, "x", json.dumps(COMMAND))

    # When
    result = run("dlq", "redrive", "--queue", "outbound", "--reason", "exhausted", "--yes", "--json")

    # Then
    assert (result.exit_code, parsed(result)["moved"], parsed(result)["remaining"]) == (0, 1, 1), result.output
    assert cloud.messages(cloud.outbound_queue_url) == 1
    assert cloud.messages() == 0


def test_events_go_back_to_the_bus_and_what_it_does_not_take_is_told(cloud: Cloud, run: Run) -> None:
    # Given
    url = cloud.subscribe()
    put(cloud, cloud.unpublished_queue_url, json.dumps(EVENT), "x")

    # When
    first = run("dlq", "redrive", "--queue", "unpublished", "--yes")
    second = run("dlq", "redrive", "--queue", "unpublished", "--reason", "not_taken", "--yes", "--json")

    # Then
    assert first.exit_code == 1
    assert "Not taken, and still there: 1" in first.output
    assert cloud.messages(url) == 1
    assert (second.exit_code, parsed(second)["would_move"]) == (0, 0)


def test_a_reason_of_another_queue_is_refused_with_those_of_this_one(run: Run, functions: _Functions) -> None:
    result = run("dlq", "redrive", "--queue", "unpublished", "--reason", "exhausted", "--yes")
    assert result.exit_code == 2
    assert "not_taken, unreadable" in result.output
    assert functions.events == []
