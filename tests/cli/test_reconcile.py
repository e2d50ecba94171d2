"""`bridge reconcile` on two regions in moto."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import boto3
import pytest

from cli.lib import reconciling
from cli.lib.stack import Stack
from tests.cli.conftest import Functions, Run, parsed
from tests.support import signing, webhooks
from tests.support.cloud import NOW, Cloud
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge import runtime
from vectorcare_bridge.reconciliation.comparison import Comparison
from vectorcare_bridge.webhooks import envelope, message
from vectorcare_bridge.webhooks.failure import FailureReason, PermanentError
from vectorcare_bridge.webhooks.journal import Journal
from vectorcare_bridge.webhooks.message import Webhook

EAST, WEST = "us-east-1", "us-west-2"
LONG_AGO = utc_timestamp.later(NOW, days=-1)


@dataclass
class Region:
    """A region's stack, which holds what a test puts into it."""

    stack: Stack
    queue_url: str

    @property
    def journal(self) -> Journal:
        return Journal(self.stack.client("dynamodb"), "events", retention_days=2555)

    def holds(self, *bodies: bytes, **changes: Any) -> None:
        """Put webhooks into its journal, as its processor does."""
        for body in bodies:
            webhook = Webhook(**{"body": body, "signature": signing.sign(body), "received_at": LONG_AGO} | changes)
            try:
                self.journal.append(envelope.read(body), webhook)
            except PermanentError as error:
                self.journal.append_unreadable(webhook, error.reason)

    def received(self) -> list[Webhook]:
        """Take off its queue what was carried over."""
        answer = self.stack.client("sqs").receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return [
            message.decode(one["Body"], message.values(one.get("MessageAttributes", {})), sent_at=NOW)
            for one in answer.get("Messages", [])
        ]


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def east(stack: Stack, cloud: Cloud) -> Region:
    cast("dict[str, str]", stack.outputs)["TwinRegion"] = WEST
    return Region(stack, cloud.queue_url)


@pytest.fixture
def west(east: Region, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Region:
    """Give the second region's stack, which `bridge` finds by its region."""
    functions = Functions(cloud)

    @cache
    def connect(service: Any) -> Any:
        return functions if service == "lambda" else boto3.client(service, region_name=WEST)

    keys = [("service_request_id", "HASH"), ("event_id", "RANGE")]
    connect("dynamodb").create_table(
        TableName="events",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    queue, dead_letters = (
        str(connect("sqs").create_queue(QueueName=name)["QueueUrl"]) for name in ("queue", "dead-letters")
    )
    connect("s3").create_bucket(Bucket="spool-west", CreateBucketConfiguration={"LocationConstraint": WEST})
    own = {"QueueUrl": queue, "DeadLetterQueueUrl": dead_letters, "SpoolBucket": "spool-west", "TwinRegion": EAST}
    stack = Stack("acme", {**east.stack.outputs, **own}, connect)
    stacks = {None: east.stack, WEST: stack}
    monkeypatch.setattr("cli.lib.stack.find", lambda *_, region, **__: stacks[region])
    return Region(stack, queue)


def body(event_id: str, **changes: Any) -> bytes:
    return webhooks.body(event_id=event_id, **changes)


def counts(report: Any) -> dict[str, tuple[int, int, int, int]]:
    names = ("missing", "carried_over", "refused", "unproven")
    return {region["region"]: tuple(region[name] for name in names) for region in report["regions"]}


def test_each_region_gets_what_it_misses_as_it_was_signed_and_received(east: Region, west: Region, run: Run) -> None:
    # Given
    both, of_east, unreadable, of_west = body("1"), body("2"), b"\xff not JSON", body("3")
    east.holds(both, of_east, unreadable)
    west.holds(both, of_west)
    # When
    rehearsed = run("reconcile", "acme", "--dry-run", "--json")
    unasked = run("reconcile", "acme")
    before = [*east.received(), *west.received()]
    result = run("reconcile", "acme", "--yes", "--json")
    # Then
    assert (rehearsed.exit_code, unasked.exit_code, result.exit_code) == (1, 1, 0), result.output
    assert counts(parsed(rehearsed)) == {EAST: (1, 0, 0, 0), WEST: (2, 0, 0, 0)}
    assert before == []
    assert counts(parsed(result)) == {EAST: (1, 1, 0, 0), WEST: (2, 2, 0, 0)}
    assert parsed(result)["compared"] == 5
    signed = {one: Webhook(one, signing.sign(one), LONG_AGO) for one in (of_east, unreadable, of_west)}
    assert east.received() == [signed[of_west]]
    assert sorted(west.received(), key=lambda one: one.body) == [signed[of_east], signed[unreadable]]
    assert not list(Path().iterdir())


def test_other_bytes_of_a_known_event_are_carried_over_both_ways_and_what_came_first_is_named(
    east: Region, west: Region, run: Run
) -> None:
    # Given the same two contents of one event, which came in another order
    first, second = body("1"), body("1", event_timestamp="2026-03-01T10:00:01Z")
    east.holds(first)
    west.holds(second)
    # When
    carried = run("reconcile", "--yes", "--json")
    east.holds(*(one.body for one in east.received()))
    west.holds(*(one.body for one in west.received()))
    again = run("reconcile", "--dry-run", "--json")
    # Then
    assert counts(parsed(carried)) == {EAST: (1, 1, 0, 0), WEST: (1, 1, 0, 0)}
    assert (again.exit_code, counts(parsed(again))) == (0, {EAST: (0, 0, 0, 0), WEST: (0, 0, 0, 0)})
    assert [region["other_first"] for region in parsed(again)["regions"]] == [1, 1]
    assert "Other first" in run("reconcile", "--dry-run").output


def test_what_a_person_must_look_at_is_named_and_not_carried_over(east: Region, west: Region, run: Run) -> None:
    # Given
    refused, unsigned, misplaced = body("1"), body("2"), body("3")
    east.holds(refused)
    west.journal.append_unreadable(Webhook(refused, "", LONG_AGO), FailureReason.UNSTORABLE)
    east.holds(unsigned, signature="")
    other = Webhook(misplaced, signing.sign(misplaced), LONG_AGO)
    east.journal.append(envelope.read(body("4")), other)
    # When
    result = run("reconcile", "--yes", "--json")
    shown = run("reconcile", "--yes")
    # Then
    assert (result.exit_code, shown.exit_code) == (1, 1)
    assert counts(parsed(result)) == {EAST: (0, 0, 0, 0), WEST: (0, 0, 1, 2)}
    assert {(one["event_id"], one["found"]) for one in parsed(result)["differences"]} == {
        *{("1", "refused"), ("2", "unproven"), ("4", "unproven")}
    }
    assert west.received() == []
    assert "--key" in shown.output
    assert "Redrive" in shown.output
    assert webhooks.INVENTED_NAME not in result.output + shown.output


def test_a_former_key_proves_what_it_signed(east: Region, west: Region, run: Run, tmp_path: Path) -> None:
    # Given
    former = signing.private_key("former")
    east.holds(body("1"), signature=signing.sign(body("1"), former))
    (tmp_path / "former.pem").write_text(signing.public_pem(former))
    # When
    without, rehearsed = (
        run("reconcile", "--dry-run", "--json"),
        run("reconcile", "--dry-run", "--json", "--key", "former.pem"),
    )
    # Then
    assert counts(parsed(without))[WEST] == (0, 0, 0, 1)
    assert counts(parsed(rehearsed))[WEST] == (1, 0, 0, 0)
    assert west.received() == []


@pytest.mark.parametrize(
    "received_at",
    [
        utc_timestamp.later(NOW, minutes=-14),  # it may be on its way
        utc_timestamp.later(NOW, days=-2555, minutes=60),  # there it has expired, or will within the day
    ],
)
def test_what_is_new_or_about_to_expire_is_no_difference(
    east: Region,
    west: Region,
    run: Run,
    received_at: str,
) -> None:
    east.holds(body("1"), received_at=received_at)
    result = run("reconcile", "--yes", "--json")
    assert (result.exit_code, parsed(result)["differences"], west.received()) == (0, [], [])


def test_since_leaves_out_what_was_received_before(east: Region, west: Region, run: Run) -> None:
    # Given
    east.holds(body("1"), received_at=utc_timestamp.later(NOW, days=-3))
    east.holds(body("2"))
    # When
    result = run("reconcile", "--yes", "--since", utc_timestamp.later(NOW, days=-2))
    # Then
    assert result.exit_code == 0, result.output
    assert [one.body for one in west.received()] == [body("2")]


def test_an_interrupted_run_is_continued_where_it_was(
    east: Region, west: Region, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a run that is interrupted in the second journal
    east.holds(body("1"))
    west.holds(body("2"))
    calls: list[int] = []
    suspects = Comparison.suspects

    def interrupted(self: Comparison, *arguments: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return suspects(self, *arguments, **more)

    monkeypatch.setattr(Comparison, "suspects", interrupted)
    place = "bridge-reconcile-acme.json"
    # When
    first = run("reconcile", "--yes")
    unfinished = run("reconcile", "--yes")
    other = run("reconcile", "--yes", "--since", "2026-01-01", "--resume", place)
    carried_before = west.received()
    continued = run("reconcile", "--yes", "--json", "--resume", place)
    # Then
    assert (first.exit_code, unfinished.exit_code, other.exit_code, continued.exit_code) == (130, 1, 1, 0)
    assert place in first.output + unfinished.output
    assert webhooks.INVENTED_NAME not in json.dumps(first.output)
    assert [one.body for one in carried_before] == [body("1")]
    assert counts(parsed(continued)) == {EAST: (1, 1, 0, 0), WEST: (1, 1, 0, 0)}
    assert [one.body for one in east.received()] == [body("2")]
    assert not Path(place).exists()


def test_a_queue_that_is_full_is_worked_off_first(
    east: Region, west: Region, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a webhook that waits in the second region, and is applied while the run waits
    east.holds(body("1"))
    sqs: Any = west.stack.client("sqs")
    sqs.send_message(QueueUrl=west.queue_url, MessageBody=body("1").decode())
    monkeypatch.setattr(reconciling, "MOST_WAITING", 0)
    waits: list[float] = []

    def apply(seconds: float) -> None:
        waits.append(seconds)
        sqs.purge_queue(QueueUrl=west.queue_url)
        west.holds(body("1"))

    monkeypatch.setattr(runtime, "sleep", apply)
    # When
    rehearsed = run("reconcile", "--dry-run", "--json")
    result = run("reconcile", "--yes", "--json")
    # Then
    assert parsed(rehearsed)["regions"][1]["waiting"] == {"queue": 1, "spool": 0, "dead_letters": 0}
    assert (result.exit_code, len(waits), counts(parsed(result))[WEST]) == (0, 1, (0, 0, 0, 0)), result.output


def test_two_regions_must_be_there(east: Region, run: Run) -> None:
    cast("dict[str, str]", east.stack.outputs).pop("TwinRegion")
    alone = run("reconcile")
    cast("dict[str, str]", east.stack.outputs)["TwinRegion"] = EAST
    same = run("reconcile", "--dry-run")
    assert alone.exit_code == same.exit_code == 1
    assert "[twin]" in alone.output
    assert f"Both are {EAST}" in same.output
    assert run("reconcile", "--local").exit_code == 2
    assert run("reconcile", "--other-stand", "x.json").exit_code == 2


def test_what_is_no_entry_is_named(east: Region, west: Region, run: Run) -> None:
    # Given an item that a person has put into the journal
    item = {"service_request_id": {"S": "VC-1"}, "event_id": {"S": "1"}}
    east.stack.client("dynamodb").put_item(TableName="events", Item=item)
    # When
    result, shown = run("reconcile", "--yes", "--json"), run("reconcile", "--yes")
    # Then
    assert (result.exit_code, shown.exit_code, west.received()) == (1, 1, [])
    assert [one["found"] for one in parsed(result)["differences"]] == ["unproven"]
