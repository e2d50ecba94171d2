"""Spooled webhooks reach the queue, and are deleted only then."""

import json
from typing import Any

import pytest

from tests.support import faults
from tests.support.cloud import Cloud, Context
from tests.support.webhooks import INVENTED_NAME, body
from tests.unit.conftest import Output


@pytest.fixture
def spooled(cloud: Cloud) -> Cloud:
    """Give a cloud with 25 webhooks in the spool, one of them no text."""
    with faults.failing("SendMessage"):
        for number in range(24):
            assert cloud.post(body(event_id=f"event-{number:02}"))[0] == 200
        assert cloud.post(b"\xff")[0] == 200
    assert len(cloud.spooled()) == 25
    return cloud


def test_all_spooled_webhooks_are_delivered_and_deleted(spooled: Cloud) -> None:
    # Given what the spool knows of one webhook
    known = spooled.s3.get_object(Bucket="spool", Key=spooled.spooled()[0])["Metadata"]
    # When the drain runs
    report = spooled.invoke("drain", {})
    # Then the queue has all of it, with its signature and time of receipt, and the spool is empty
    assert report == {"moved": 25, "failed": 0, "stopped": "empty"}
    assert spooled.messages() == 25
    assert spooled.spooled() == []
    records = [record["messageAttributes"] for _ in range(3) for record in spooled.receive()]
    attributes = {(one["signature"]["stringValue"], one["received_at"]["stringValue"]) for one in records}
    assert (known["signature"], known["received-at"]) in attributes


def test_nothing_leaves_the_spool_while_the_queue_refuses(spooled: Cloud) -> None:
    with faults.failing("SendMessage"):
        report = spooled.invoke("drain", {})
    assert report == {"moved": 0, "failed": 10, "stopped": "queue"}
    assert len(spooled.spooled()) == 25


def test_a_refused_message_delays_no_other(spooled: Cloud) -> None:
    # Given a queue that refuses one message
    with faults.failing("SendMessage", numbers={1}):
        # When the drain runs, Then all others are moved, and that one stays and is counted
        assert spooled.invoke("drain", {}) == {"moved": 24, "failed": 1, "stopped": "empty"}
    assert len(spooled.spooled()) == 1


def test_an_object_outside_the_prefix_is_ignored(cloud: Cloud, output: Output) -> None:
    cloud.s3.put_object(Bucket="spool", Key="notes/who-looked.txt", Body=b"stray")
    assert cloud.invoke("drain", {}) == {"moved": 0, "failed": 0, "stopped": "empty"}
    assert _spool_objects(output) == [0]


def test_a_webhook_that_could_not_be_deleted_is_delivered_again(spooled: Cloud) -> None:
    with faults.failing("DeleteObject"):
        spooled.invoke("drain", {})
    report = spooled.invoke("drain", {})
    assert report == {"moved": 25, "failed": 0, "stopped": "empty"}
    assert spooled.messages() == 50


def test_an_unreadable_object_delays_no_other(spooled: Cloud) -> None:
    # Given a foreign object at the head of the spool
    spooled.s3.put_object(Bucket="spool", Key="webhooks/0000", Body=b"stray")
    # When the drain runs, Then all others are delivered and the stray stays
    assert spooled.invoke("drain", {}) == {"moved": 25, "failed": 1, "stopped": "empty"}
    assert spooled.spooled() == ["webhooks/0000"]


def test_a_webhook_that_another_drain_has_delivered_is_no_failure(spooled: Cloud) -> None:
    # Given a webhook that vanishes between its listing and its turn
    vanishing = spooled.spooled()[0]

    def vanish(operation: str, after: bool) -> None:
        if operation == "GetObject" and not after and vanishing in spooled.spooled():
            spooled.s3.delete_object(Bucket="spool", Key=vanishing)

    # When the drain runs, Then it moves the others and complains of nothing
    with faults.on_call(vanish):
        report = spooled.invoke("drain", {})
    assert (report["failed"], report["stopped"]) == (0, "empty")
    assert spooled.messages() == report["moved"] in (24, 25)


def test_it_stops_before_its_time_is_up(spooled: Cloud) -> None:
    report = spooled.invoke("drain", {}, Context(remaining_ms=1000))
    assert report == {"moved": 0, "failed": 0, "stopped": "time"}


@pytest.mark.parametrize(
    ("listings", "expected"),
    [
        (1, {"moved": 0, "failed": 0, "stopped": "spool"}),
        (2, {"moved": 10, "failed": 0, "stopped": "spool"}),
    ],
    ids=["first call", "second call"],
)
def test_moves_are_reported_and_counted_even_if_the_listing_fails(
    spooled: Cloud, output: Output, listings: int, expected: dict[str, Any]
) -> None:
    # Given a spool whose listing fails at some call, as does each later one
    with faults.failing("ListObjectsV2", numbers=range(listings, 100)):
        # When the drain runs, Then it says what it did
        assert spooled.invoke("drain", {}) == expected
    lines = [json.loads(line) for line in output.text().splitlines() if '"_aws"' in line]
    counts = {name: sum(value) for line in lines for name, value in line.items() if isinstance(value, list)}
    assert (counts["Drained"], counts["DrainFailed"]) == (expected["moved"], int(expected["stopped"] == "spool"))
    assert spooled.messages() == expected["moved"]


def test_moves_are_reported_even_if_the_rest_cannot_be_counted(spooled: Cloud) -> None:
    # Given a queue that refuses, and a spool that then lists no more
    with faults.failing("SendMessage"), faults.failing("ListObjectsV2", numbers=range(2, 100)):
        assert spooled.invoke("drain", {}) == {"moved": 0, "failed": 10, "stopped": "queue"}


def test_every_run_reports_how_much_is_left(cloud: Cloud, output: Output) -> None:
    # Given three webhooks in the spool
    with faults.failing("SendMessage"):
        for number in range(3):
            cloud.post(body(event_id=f"event-{number}"))
        output.text()
        # When the drain runs while the queue refuses
        cloud.invoke("drain", {})
        refused = _spool_objects(output)
    # And once while they cannot be deleted
    with faults.failing("DeleteObject"):
        cloud.invoke("drain", {})
        undeleted = _spool_objects(output)
    cloud.invoke("drain", {})
    # Then three are left each time, and nothing after a run that works
    assert (refused, undeleted, _spool_objects(output)) == ([3], [3], [0])


def test_the_drain_logs_no_payload_and_names_what_it_moved(cloud: Cloud, output: Output) -> None:
    # Given a webhook in the spool, and every call failing in turn with an error that repeats its input
    with faults.failing("SendMessage"):
        cloud.post(body())
    [key] = cloud.spooled()
    output.text()
    for operation in ("GetObject", "SendMessage", "DeleteObject"):
        with faults.failing(operation, error=lambda: faults.refusal("X")):
            cloud.invoke("drain", {})
    # When it is drained at last
    cloud.invoke("drain", {})
    # Then each line names its place in the spool, which is a time and a digest, and no line holds the patient's name
    text = output.text()
    lines = [json.loads(line) for line in text.splitlines() if '"message":' in line]
    assert {line["message"] for line in lines} == {"spool.refused", "queue.refused", "spool.drained"}
    assert {line["spool_key"] for line in lines} == {key}
    assert INVENTED_NAME not in text


def _spool_objects(output: Output) -> list[float]:
    lines = [json.loads(line) for line in output.text().splitlines() if '"SpoolObjects"' in line]
    return [value for line in lines for value in line["SpoolObjects"]]
