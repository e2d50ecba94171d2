"""Each region fetches what it has missed of what moved lately in the other one."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any
from unittest import mock

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from reconcile import other_region, reconcile
from tests.support import signing, webhooks
from tests.support.cloud import NOW, Cloud, Context, fresh_handler
from tests.unit.conftest import Output
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.webhooks import envelope, message
from vectorcare_bridge.webhooks.failure import FailureReason, PermanentError
from vectorcare_bridge.webhooks.journal import Journal
from vectorcare_bridge.webhooks.message import Webhook

THERE = "us-west-2"
STACK = "VectorCareBridge-acme"
AN_HOUR_AGO = utc_timestamp.later(NOW, minutes=-60)
ENVIRONMENT = {
    "EVENTS_TABLE": "events",
    "PUBLIC_KEYS": signing.encoded_public_key(),
    "JOURNAL_RETENTION_DAYS": "2555",
    "STACK_NAME": STACK,
    "OTHER_REGION": THERE,
}


TABLES = {"EventsTable": "events-there", "ServiceRequestsTable": "service-requests-there"}


class Stacks:
    """CloudFormation in the other region; `answer` is what it says, or raises."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: Exception | None = None

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 boto3's name
        """Describe a stack."""
        self.asked.append(StackName)
        if self.error:
            raise self.error
        return {"Stacks": [{"Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in TABLES.items()]}]}


@dataclass
class Regions:
    """This region, and the other one's journal and state, which a test fills."""

    cloud: Cloud
    handler: Any
    there: Any  # a client of DynamoDB
    stacks: Stacks

    def received_there(self, *bodies: bytes, moved: str = AN_HOUR_AGO, **changes: Any) -> None:
        """Put webhooks into the other region's journal, and their service requests into its state."""
        journal = Journal(self.there, TABLES["EventsTable"], retention_days=2555)
        for body in bodies:
            append(journal, body, **changes)
            service_request_id = envelope.service_request_id(body)
            if service_request_id:
                self.there.put_item(
                    TableName=TABLES["ServiceRequestsTable"],
                    Item={
                        "service_request_id": {"S": service_request_id},
                        "request_status": {"S": "ASSIGNED"},
                        "last_updated": {"S": moved},
                    },
                )

    def received_here(self, *bodies: bytes) -> None:
        for body in bodies:
            append(Journal(self.cloud.dynamodb, "events", retention_days=2555), body)

    def run(self, context: Context | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self.handler({}, context or Context())
        return found

    def queue(self) -> list[Webhook]:
        """Take what was put on this region's queue."""
        return [
            message.decode(
                record["body"],
                {name: one["stringValue"] for name, one in record["messageAttributes"].items()},
                sent_at=NOW,
            )
            for record in self.cloud.receive()
        ]


def append(journal: Journal, body: bytes, **changes: Any) -> None:
    webhook = Webhook(**{"body": body, "signature": signing.sign(body), "received_at": AN_HOUR_AGO} | changes)
    try:
        journal.append(envelope.read(body), webhook)
    except PermanentError as error:
        journal.append_unreadable(webhook, error.reason)


def create(client: Any, name: str, *keys: str, index: tuple[str, ...] = ()) -> None:
    def schema(names: tuple[str, ...]) -> list[dict[str, str]]:
        return [{"AttributeName": each, "KeyType": kind} for each, kind in zip(names, ("HASH", "RANGE"), strict=False)]

    indexes = [{"IndexName": "by_status", "KeySchema": schema(index), "Projection": {"ProjectionType": "ALL"}}]
    client.create_table(
        TableName=name,
        KeySchema=schema(keys),
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in (*keys, *index)],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": indexes} if index else {}),
    )


@pytest.fixture
def regions(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Regions:
    there = boto3.client("dynamodb", region_name=THERE)
    create(there, TABLES["EventsTable"], "service_request_id", "event_id")
    create(there, TABLES["ServiceRequestsTable"], "service_request_id", index=("request_status", "last_updated"))
    with mock.patch.dict("os.environ", ENVIRONMENT | {"QUEUE_URL": cloud.queue_url}):
        handler = fresh_handler("reconcile")
    stacks = Stacks()
    monkeypatch.setattr(handler, "_stacks_there", stacks)
    return Regions(cloud, handler.handler, there, stacks)


def lines(written: str, event: str) -> list[dict[str, Any]]:
    """Read the log lines of an event."""
    found = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    return [line for line in found if line.get("message") == event]


def body(service_request_id: str, event_id: str) -> bytes:
    return webhooks.body(service_request_id=service_request_id, event_id=event_id)


def test_what_is_missing_here_is_fetched_as_it_was_signed_and_received(
    regions: Regions, counted: Counter[str], output: Output
) -> None:
    # Given service requests that have moved there, of which this region misses an event, and one that cannot be read
    missed, known, unreadable = body("VC-1", "2"), [body("VC-1", "1"), body("VC-2", "1")], b"\xff"
    regions.received_there(*known, missed, unreadable)
    regions.received_here(*known, body("VC-3", "1"))
    # When
    found = regions.run()
    # Then
    assert found == {"compared": 3, "missing": 2, "refused": 0, "unproven": 0, "carried_over": 2, "stopped": "end"}
    assert {(one.body, one.signature, one.received_at) for one in regions.queue()} == {
        (each, signing.sign(each), AN_HOUR_AGO) for each in (missed, unreadable)
    }
    # And an alarm sees it if it stays
    assert counted["JournalDifference"] == 2
    written = output.text()
    assert {line["event_id"] for line in lines(written, "webhook.carried_over")} == {"2", envelope.digest(unreadable)}
    assert webhooks.INVENTED_NAME not in written
    assert regions.stacks.asked == [STACK]


def test_a_request_that_changes_its_status_during_a_run_is_compared_once(
    regions: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given one that the index shows under its old status, and a moment later under its new one
    regions.received_there(body("VC-1", "1"))
    monkeypatch.setattr(other_region, "moved_since", lambda *_: iter(["VC-1", "VC-1"]))
    # When
    found = regions.run()
    # Then
    assert (found["compared"], found["carried_over"]) == (2, 1)  # with what cannot be read


def test_what_has_not_moved_lately_is_not_looked_at(regions: Regions) -> None:
    regions.received_there(
        body("VC-1", "1"), moved=utc_timestamp.later(NOW, minutes=-60 * reconcile.LOOK_BACK_HOURS - 1)
    )
    assert regions.run()["compared"] == 1  # of what cannot be read, there is nothing


def test_both_regions_alike_are_no_difference_and_say_so(regions: Regions, counted: Counter[str]) -> None:
    regions.received_there(body("VC-1", "1"))
    regions.received_here(body("VC-1", "1"))
    found = regions.run()
    assert (found["missing"], found["carried_over"], regions.queue()) == (0, 0, [])
    assert counted == {"JournalDifference": 0}


def test_what_was_refused_here_or_is_not_signed_is_named_and_not_fetched(
    regions: Regions, counted: Counter[str], output: Output
) -> None:
    # Given
    refused = body("VC-1", "1")
    regions.received_there(refused)
    Journal(regions.cloud.dynamodb, "events", retention_days=2555).append_unreadable(
        Webhook(refused, "", AN_HOUR_AGO), FailureReason.UNSTORABLE
    )
    regions.received_there(body("VC-2", "1"), signature="")
    # When
    found = regions.run()
    # Then what is a dead letter here has an alarm of its own
    assert (found["refused"], found["unproven"], found["carried_over"], counted["JournalDifference"]) == (1, 1, 0, 1)
    assert {line["reason"] for line in lines(output.text(), "reconciliation.found")} == {"refused", "unproven"}
    assert regions.queue() == []


def test_nothing_is_put_on_a_queue_on_which_it_may_be_waiting(
    regions: Regions, counted: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr(reconcile, "MOST_WAITING", 0)
    regions.received_there(body("VC-1", "1"))
    regions.cloud.sqs.send_message(QueueUrl=regions.cloud.queue_url, MessageBody="waiting")
    # When
    found = regions.run()
    # Then
    assert (found["missing"], found["carried_over"], regions.cloud.messages()) == (1, 0, 1)
    assert counted["JournalDifference"] == 1


def test_nothing_new_begins_after_the_deadline(regions: Regions) -> None:
    regions.received_there(body("VC-1", "1"))
    found = regions.run(Context(remaining_ms=reconcile.RESERVE_SECONDS * 1000 - 1))
    assert (found["compared"], found["stopped"]) == (0, "time")


def test_while_the_other_region_is_out_a_run_fails_and_counts_nothing(regions: Regions, counted: Counter[str]) -> None:
    regions.received_there(body("VC-1", "1"))
    regions.stacks.error = EndpointConnectionError(endpoint_url="https://cloudformation.invalid")
    with pytest.raises(EndpointConnectionError):
        regions.run()
    assert (counted, regions.queue()) == ({}, [])
