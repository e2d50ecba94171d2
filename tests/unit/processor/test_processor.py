"""The whole function over real tables and a real queue; what becomes of each message is tested in test_process."""

from decimal import Decimal
from typing import Any

from tests.support import faults
from tests.support.cloud import NOW, Cloud
from tests.support.webhooks import INVENTED_NAME, body
from tests.unit.conftest import Output
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp


def deliver(cloud: Cloud, *bodies: bytes) -> list[str]:
    for raw in bodies:
        assert cloud.post(raw)[0] == 200
    return cloud.process()


def at(minute: int, event_id: str, **changes: Any) -> bytes:
    """Make a webhook of a given minute of one morning."""
    return body(event_id=event_id, event_timestamp=f"2026-03-01T10:{minute:02}:00Z", **changes)


OLD = at(0, "a", request_status="AVAILABLE", data={"revised_eta": "early"})
NEW = at(5, "b", request_status="ASSIGNED", data={"revised_eta": "late"})
GONE = at(9, "c", request_status="UNAVAILABLE", action="BROADCAST_CANCELED", data=None)


def test_a_webhook_becomes_an_item_and_an_entry(cloud: Cloud) -> None:
    # Given a webhook, When it is delivered
    raw = body(request_status="COMPLETED", data={"patient_weight_kg": 81.25, "nested": [{"a": None, "b": True}]})
    assert deliver(cloud, raw) == []
    # Then the state holds all of it
    state = cloud.state()
    assert state is not None
    assert NOW <= state.pop("received_at") < state.pop("updated_at") < utc_timestamp.later(NOW, minutes=1)
    assert state == {
        "service_request_id": "VC-TEST0001",
        "last_updated": "2026-03-01T10:00:00.000000Z",
        "event_id": "0198a000000000000000000000000001",
        "request_status": "COMPLETED",
        "action": "BROADCAST_RECEIVED",
        "data": {"patient_weight_kg": Decimal("81.25"), "nested": [{"a": None, "b": True}]},
        "data_as_of": "2026-03-01T10:00:00.000000Z",
        "data_event_id": "0198a000000000000000000000000001",
        "expires_at": utc_timestamp.epoch_seconds(UtcTimestamp("2027-03-01T10:00:00.000000Z")),
        "revision": utc_timestamp.epoch_milliseconds(NOW) + 1,
    }
    # And the journal its bytes
    [entry] = cloud.journal()
    assert entry["body"].value == raw
    assert entry["last_updated"] == "2026-03-01T10:00:00.000000Z"
    assert entry["expires_at"] == utc_timestamp.epoch_seconds(utc_timestamp.later(entry["received_at"], days=2555))
    assert cloud.messages() == 0


def test_if_the_handler_fails_the_whole_batch_comes_again(cloud: Cloud, output: Output) -> None:
    cloud.post(OLD)
    [record] = cloud.receive()
    # Given a record that Lambda never makes, beside a good one, When they are processed
    answer = cloud.invoke("processor", {"Records": [record, {"messageId": INVENTED_NAME[:8]}]})
    # Then SQS keeps both, and the log says which error it was
    failures = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert failures == [record["messageId"], INVENTED_NAME[:8]]
    assert '"error":"KeyError"' in output.text().replace(": ", ":")


def test_the_logs_of_the_processor_hold_no_payload(cloud: Cloud, output: Output) -> None:
    # Given messages that end in every way, errors that repeat their input among them
    deliver(cloud, OLD, NEW, GONE, body(event_timestamp=INVENTED_NAME), b"x" + INVENTED_NAME.encode())
    deliver(cloud, body(action=INVENTED_NAME, request_status=INVENTED_NAME))
    for operation in ("PutItem", "UpdateItem", "ChangeMessageVisibility"):
        with faults.failing(operation, error=lambda: faults.refusal("X")):
            deliver(cloud, body(event_id=operation, event_timestamp="2026-02-27"), body(event_timestamp=INVENTED_NAME))
    # When the output is searched, Then there is plenty, and no name in it
    text = output.text()
    assert "processing.completed" in text
    assert INVENTED_NAME not in text
