"""Journal first, then the state, whatever the order, the doubles and the faults."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.support import faults
from tests.support.cloud import NOW, Cloud, delivered, running
from tests.support.webhooks import INVENTED_NAME, body
from tests.unit.conftest import Output
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import envelope


def deliver(cloud: Cloud, *bodies: bytes) -> list[str]:
    """Post webhooks, then process them as one batch."""
    for raw in bodies:
        assert cloud.post(raw)[0] == 200
    return cloud.process()


def outcomes(output: Output) -> list[str]:
    """Read how each message ended from the log."""
    lines = [json.loads(line) for line in output.text().splitlines() if line.startswith("{")]
    return sorted(line["outcome"] for line in lines if "outcome" in line)


def counted(output: Output, metric: str) -> float:
    """Add up a metric from the output."""
    lines = [json.loads(line) for line in output.text().splitlines() if '"_aws"' in line]
    return sum(sum(line[metric]) for line in lines if metric in line)


def minutes_from_now(minutes: float) -> str:
    return utc_timestamp.later(NOW, minutes=minutes)


def at(minute: int, event_id: str, **changes: Any) -> bytes:
    """Make a webhook of a given minute of one morning."""
    return body(event_id=event_id, event_timestamp=f"2026-03-01T10:{minute:02}:00Z", **changes)


OLD = at(0, "a", request_status="AVAILABLE", data={"revised_eta": "early"})
NEW = at(5, "b", request_status="ASSIGNED", data={"revised_eta": "late"})
GONE = at(9, "c", request_status="UNAVAILABLE", action="BROADCAST_CANCELED", data=None)


def test_a_webhook_becomes_an_item_and_an_entry(cloud: Cloud) -> None:
    # Given a webhook, When it is delivered
    raw = body(data={"patient_weight_kg": 81.25, "nested": [{"a": None, "b": True}]})
    assert deliver(cloud, raw) == []
    # Then the state holds all of it
    state = cloud.state()
    assert state is not None
    assert NOW <= state.pop("received_at") < state.pop("updated_at") < utc_timestamp.later(NOW, minutes=1)
    assert state == {
        "service_request_id": "VC-TEST0001",
        "last_updated": "2026-03-01T10:00:00.000000Z",
        "event_id": "0198a000000000000000000000000001",
        "request_status": "AVAILABLE",
        "action": "BROADCAST_RECEIVED",
        "data": {"patient_weight_kg": Decimal("81.25"), "nested": [{"a": None, "b": True}]},
        "data_as_of": "2026-03-01T10:00:00.000000Z",
        "data_event_id": "0198a000000000000000000000000001",
        "revision": utc_timestamp.epoch_milliseconds(NOW) + 1,
    }
    # And the journal its bytes
    [entry] = cloud.journal()
    assert entry["body"].value == raw
    assert entry["last_updated"] == "2026-03-01T10:00:00.000000Z"
    assert entry["expires_at"] == utc_timestamp.epoch_seconds(utc_timestamp.later(entry["received_at"], days=2555))
    assert cloud.messages() == 0


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize("bodies", [(OLD, NEW), (NEW, OLD), (NEW, OLD, NEW, OLD)], ids=["in order", "late", "twice"])
def test_the_newest_wins_whatever_the_order(cloud: Cloud, bodies: tuple[bytes, ...], in_one_batch: bool) -> None:
    for batch in [bodies] if in_one_batch else [(raw,) for raw in bodies]:
        deliver(cloud, *batch)
    state = cloud.state()
    assert state is not None
    assert (state["request_status"], state["data"], state["event_id"]) == ("ASSIGNED", {"revised_eta": "late"}, "b")
    assert len(cloud.journal()) == 2


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize("bodies", [(OLD, GONE), (GONE, OLD), (GONE, NEW, OLD), (NEW, GONE, OLD)])
def test_unavailable_moves_the_status_and_leaves_the_last_known_data(
    cloud: Cloud, bodies: tuple[bytes, ...], in_one_batch: bool
) -> None:
    # Given an UNAVAILABLE before or after events with data, When all are delivered
    for batch in [bodies] if in_one_batch else [(raw,) for raw in bodies]:
        deliver(cloud, *batch)
    # Then the status is its, and the data the newest that was given
    state = cloud.state()
    assert state is not None
    newest_data = "b" if NEW in bodies else "a"
    assert (state["request_status"], state["data_event_id"]) == ("UNAVAILABLE", newest_data)
    assert state["data"] == {"revised_eta": "late" if NEW in bodies else "early"}


def test_several_events_of_one_request_in_a_batch_take_two_writes_at_most(cloud: Cloud) -> None:
    # Given ten events of one service request, the newest without data
    calls: list[str] = []
    events = [at(minute, f"e{minute}") for minute in range(9)] + [at(30, "z", request_status="UNAVAILABLE", data=None)]
    for raw in events:
        cloud.post(raw)
    # When they are processed in one batch
    with faults.on_call(lambda operation, after: calls.append(operation) if not after else None):
        cloud.process()
    # Then all are journaled, by two writes of state
    assert (calls.count("PutItem"), calls.count("UpdateItem")) == (10, 2)
    assert len(cloud.journal()) == 10


def test_the_first_entry_decides_over_a_restamped_retry(cloud: Cloud, output: Output) -> None:
    # Given an event, a newer one, and a retry of the first that is stamped newer still
    deliver(cloud, at(0, "a", request_status="AVAILABLE"))
    deliver(cloud, at(5, "b", request_status="ASSIGNED"))
    output.text()
    # When the retry arrives
    deliver(cloud, at(8, "a", request_status="AVAILABLE"))
    # Then the state stays with the newer event, and the retry is journaled beside the first
    state = cloud.state()
    assert state is not None
    assert state["event_id"] == "b"
    beside = [entry for entry in cloud.journal() if entry.get("redelivery_of")]
    assert [entry["redelivery_of"] for entry in beside] == ["a"]
    assert beside[0]["event_id"] == f"a#{envelope.digest(beside[0]['body'].value)}"
    text = output.text()
    assert all(f'"{metric}":[1.0]' in text for metric in ("Restamped", "ConflictingBytes", "Duplicate"))


def test_what_a_crash_left_in_the_journal_alone_reaches_the_state_at_the_next_delivery(cloud: Cloud) -> None:
    # Given a processor that dies between journal and state
    cloud.post(OLD)
    [record] = cloud.receive()
    with faults.failing("UpdateItem"):
        cloud.invoke("processor", {"Records": [record]})
    assert cloud.state() is None
    # When a re-stamped retry of the webhook arrives
    deliver(cloud, at(7, "a", request_status="COMPLETED", data={"revised_eta": "changed"}))
    # Then the state is the journal's entry, not the delivery's own
    state = cloud.state()
    assert state is not None
    assert (state["last_updated"], state["data"]) == ("2026-03-01T10:00:00.000000Z", {"revised_eta": "early"})


def test_ordered_by_id_a_later_time_does_not_win() -> None:
    with running(order_by="event_id") as cloud:
        deliver(cloud, at(0, "b"))
        deliver(cloud, at(5, "a"))
        state = cloud.state()
        assert state is not None
        assert state["event_id"] == "b"


def test_every_message_ends_in_one_outcome(cloud: Cloud, output: Output) -> None:
    deliver(cloud, NEW)
    deliver(cloud, NEW)
    deliver(cloud, OLD)
    deliver(cloud, GONE, GONE)
    assert outcomes(output) == ["applied", "applied", "duplicate", "duplicate", "stale"]


def test_an_event_against_the_order_of_ids_is_counted(cloud: Cloud, output: Output) -> None:
    deliver(cloud, at(0, "b"))
    deliver(cloud, at(5, "a"))
    assert counted(output, "AgainstIdOrder") == 1


def test_freshness_is_the_age_of_what_was_applied(cloud: Cloud, output: Output) -> None:
    deliver(cloud, body(event_timestamp=minutes_from_now(-2)))
    assert 120 <= counted(output, "FreshnessSeconds") < 121


def test_closing_sets_the_expiry_and_reopening_removes_it(cloud: Cloud) -> None:
    # Given a completed request
    deliver(cloud, at(0, "a", request_status="COMPLETED"))
    closed = cloud.state()
    assert closed is not None
    assert closed["expires_at"] == utc_timestamp.epoch_seconds(UtcTimestamp("2027-03-01T10:00:00.000000Z"))
    # When it is open again, Then it does not expire
    deliver(cloud, at(5, "b", request_status="ASSIGNED"))
    reopened = cloud.state()
    assert reopened is not None
    assert "expires_at" not in reopened


def test_an_event_older_than_the_retention_revives_nothing(cloud: Cloud, output: Output) -> None:
    # Given no item, When a two years old webhook arrives
    assert deliver(cloud, body(event_timestamp="2024-01-01T00:00:00Z")) == []
    # Then it is journaled and counted, and creates nothing
    assert len(cloud.journal()) == 1
    assert cloud.state() is None
    assert outcomes(output) == ["expired"]


def test_an_event_older_than_the_retention_still_updates_a_request_that_had_begun(cloud: Cloud) -> None:
    # Given a request that has been open for two years
    began = UtcTimestamp("2024-01-01T00:00:00.000000Z")
    records = [delivered(body(event_id="a", event_timestamp=began), received_at=began)]
    assert cloud.invoke("processor", {"Records": records}) == {"batchItemFailures": []}
    # When the webhook that closed it a day later is sent again at last, Then it is closed, and keeps its data
    deliver(cloud, body(event_id="b", event_timestamp="2024-01-02T00:00:00Z", request_status="UNAVAILABLE", data=None))
    state = cloud.state()
    assert state is not None
    assert (state["event_id"], state["data_event_id"]) == ("b", "a")


def test_a_death_is_counted_once_with_its_reason(cloud: Cloud, output: Output) -> None:
    cloud.post(b"x")
    while cloud.messages(cloud.dead_letter_queue_url) == 0:
        cloud.process()
    lines = [json.loads(line) for line in output.text().splitlines() if '"Failed"' in line]
    assert [line["reason"] for line in lines] == ["not_json"]


def test_one_bad_message_holds_up_no_other(cloud: Cloud) -> None:
    # Given a batch with one that cannot be read, When it is processed
    failed = deliver(cloud, OLD, b"x", at(1, "o", service_request_id="VC-OTHER"))
    # Then it alone fails
    assert len(failed) == 1
    assert cloud.state() is not None
    assert cloud.state("VC-OTHER") is not None


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem"])
@pytest.mark.parametrize(
    "error", [faults.unreachable, lambda: faults.refusal("ProvisionedThroughputExceededException"), RuntimeError]
)
def test_what_may_succeed_later_waits_and_then_succeeds(
    cloud: Cloud, operation: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a table that refuses
    hidden: list[int] = []
    monkeypatch.setattr(
        "vectorcare_bridge.edge.queue.Queue.change_visibility", lambda _queue, _handle, *, seconds: hidden.append(seconds)
    )
    cloud.post(OLD)
    [record] = cloud.receive()
    with faults.failing(operation, error=error):
        # When the message is delivered, Then it fails and is given back for a while
        assert cloud.invoke("processor", {"Records": [record]})["batchItemFailures"]
    assert len(hidden) == 1
    assert 5 <= hidden[0] <= 10
    # And delivered again, it is applied
    assert cloud.invoke("processor", {"Records": [record]}) == {"batchItemFailures": []}
    assert cloud.state() is not None


def test_an_unreadable_webhook_is_not_given_up_before_it_is_journaled(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden: list[int] = []
    monkeypatch.setattr(
        "vectorcare_bridge.edge.queue.Queue.change_visibility", lambda _queue, _handle, *, seconds: hidden.append(seconds)
    )
    with faults.failing("PutItem"):
        deliver(cloud, b"x")
    assert hidden[0] > 0


def test_an_event_that_dynamodb_itself_refuses_takes_no_innocent_along(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given DynamoDB refusing a write, of which two messages are part
    hidden: list[int] = []
    monkeypatch.setattr(
        "vectorcare_bridge.edge.queue.Queue.change_visibility", lambda _queue, _handle, *, seconds: hidden.append(seconds)
    )
    with faults.failing("UpdateItem", error=lambda: faults.refusal("ValidationException")):
        # When they come together, Then both wait, since either may be to blame
        deliver(cloud, OLD, NEW)
        assert len(hidden) == 2
        assert min(hidden) > 0
        # And when one comes alone, it is given up
        deliver(cloud, at(0, "x", service_request_id="VC-ALONE"))
        assert hidden[2:] == [0]


def test_an_item_that_expires_between_two_writes_is_no_stub(cloud: Cloud) -> None:
    # Given an item that vanishes after the first of two writes
    def vanish(operation: str, after: bool) -> None:
        if operation == "UpdateItem" and after and not vanished:
            vanished.append(True)
            cloud.dynamodb.delete_item(TableName="service_requests", Key={"service_request_id": {"S": "VC-TEST0001"}})

    vanished: list[bool] = []
    with faults.on_call(vanish):
        # When status and data come from two events of a batch
        failed = deliver(cloud, OLD, GONE)
    # Then no half item is left, and both are tried again
    assert cloud.state() is None
    assert len(failed) == 2


def test_a_message_put_on_the_queue_by_hand_dies_of_what_it_says(cloud: Cloud) -> None:
    # Given a message with none of our attributes, beside a good one
    cloud.sqs.send_message(QueueUrl=cloud.queue_url, MessageBody="by hand")
    # When both are processed, Then it alone fails, journaled with its reason
    assert len(deliver(cloud, OLD)) == 1
    assert cloud.state() is not None
    assert [entry.get("reason") for entry in cloud.journal()] == [None, "not_json"]


def test_a_write_whose_answer_was_lost_is_counted_as_the_write_it_was(cloud: Cloud, output: Output) -> None:
    # Given a client that tries again because the first answer does not arrive
    with faults.losing_one_answer("UpdateItem"):
        assert deliver(cloud, OLD) == []
    # Then the second attempt finds the first, and the message counts as applied
    assert outcomes(output) == ["applied"]


def test_what_the_processor_says_holds_no_payload(cloud: Cloud, output: Output) -> None:
    # Given messages that end in every way, errors that repeat their input among them
    deliver(cloud, OLD, NEW, GONE, body(event_timestamp=INVENTED_NAME), b"x" + INVENTED_NAME.encode())
    for operation in ("PutItem", "UpdateItem", "ChangeMessageVisibility"):
        with faults.failing(operation, error=lambda: faults.refusal("X")):
            deliver(cloud, body(event_id=operation, event_timestamp="2026-02-27"), body(event_timestamp=INVENTED_NAME))
    # When the output is searched, Then there is plenty, and no name in it
    text = output.text()
    assert "processing.completed" in text
    assert INVENTED_NAME not in text


def test_an_action_that_is_not_documented_is_counted_without_its_name(cloud: Cloud, output: Output) -> None:
    # Given an action and a status that nobody documents
    deliver(cloud, body(action=INVENTED_NAME, request_status=INVENTED_NAME))
    # When the output is searched, Then they are counted under another name
    text = output.text()
    counted = [json.loads(line) for line in text.splitlines() if '"_aws"' in line]
    assert [line["action"] for line in counted if "action" in line] == ["other"]
    assert [line["status"] for line in counted if "status" in line] == ["other"]
    assert INVENTED_NAME not in text


def test_a_failure_names_the_service_request_if_it_can_be_read(cloud: Cloud, output: Output) -> None:
    # Given one message that cannot be stored now, and one that cannot be read
    with faults.failing("UpdateItem"):
        deliver(cloud, body(), b"x")
    # When the log is read
    failed = [json.loads(line) for line in output.text().splitlines() if '"processing.failed"' in line]
    # Then the first says whose it is, and both which attempt it was
    assert {line.get("service_request_id") for line in failed} == {"VC-TEST0001", None}
    assert [line["attempt"] for line in failed] == [1, 1]
