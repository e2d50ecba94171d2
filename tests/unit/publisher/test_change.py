"""What a published change holds, and what it does not."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from publisher import change
from tests.support import events
from vectorcare_bridge.dead_letters import unpublished
from vectorcare_bridge.edge import exact_json
from vectorcare_bridge.webhooks import envelope

NAME = "Zebulon-Quillfeather"


def item(**changes: Any) -> dict[str, Any]:
    """Make a service request's item as the processor writes it."""
    return {
        "service_request_id": "VC-TEST0001",
        "event_id": "event-1",
        "last_updated": "2026-03-01T10:00:00.000000Z",
        "request_status": "AVAILABLE",
        "action": "BROADCAST_RECEIVED",
        "data": {"patient_first_name": NAME, "pickup_date_time": "10:00", "patient_weight_kg": Decimal("81.5")},
        "received_at": "2026-03-01T10:00:01.000000Z",
        "updated_at": "2026-03-01T10:00:02.000000Z",
        "revision": Decimal(1),
    } | changes


def published(old: dict[str, Any] | None, new: dict[str, Any]) -> change.Change:
    """Compare two items; the change has to obey its schema."""
    found = change.between(old, new)
    assert found
    for detail in (found.detail, found.with_data()):
        events.check(found.detail_type, detail)
    return found


@pytest.mark.parametrize(
    ("old", "new", "detail_type"),
    [
        (None, "AVAILABLE", "ServiceRequestAvailable"),
        ("AVAILABLE", "ASSIGNED", "ServiceRequestAssigned"),
        ("ASSIGNED", "COMPLETED", "ServiceRequestCompleted"),
        ("ASSIGNED", "UNAVAILABLE", "ServiceRequestUnavailable"),
        ("UNAVAILABLE", "AVAILABLE", "ServiceRequestAvailable"),
        ("ASSIGNED", "ASSIGNED", "ServiceRequestUpdated"),
        ("ASSIGNED", "SOMETHING_NEW", "ServiceRequestUpdated"),
        (None, "SOMETHING_NEW", "ServiceRequestUpdated"),
    ],
)
def test_an_event_is_named_for_the_status_that_a_request_came_into(old: str | None, new: str, detail_type: str) -> None:
    before = item(request_status=old, event_id="event-0") if old else None
    found = published(before, item(request_status=new))
    assert found.detail_type == detail_type
    assert (found.detail["previous_status"], found.detail["request_status"]) == (old, new)


def test_a_published_change_has_field_names_and_no_values() -> None:
    # Given a patient's name and weight that changed, a field that came, one that went, and one that became null
    old = item(
        data={"patient_first_name": "Nobody", "patient_weight_kg": Decimal(80), "gone": 1, "emptied": 1, "same": 1}
    )
    new = item(
        event_id="event-2",
        data={
            "patient_first_name": NAME,
            "patient_weight_kg": Decimal("81.50"),
            "came": None,
            "emptied": None,
            "same": Decimal(1),
        },
    )
    # When they are compared
    found = published(old, new)
    # Then the fields are named, and their values are not there
    assert found.detail["changed_fields"] == ["came", "emptied", "gone", "patient_first_name", "patient_weight_kg"]
    assert NAME not in json.dumps(found.detail)


# Names of characters with bytes in UTF-8 and in JSON: 1 and 6, 2 and 6, 1 and 1, 4 and 12.
@pytest.mark.parametrize("character", ["\x01", "\u00e9", "a", "\U0001f691"])
def test_names_too_long_for_an_event_are_left_out(character: str) -> None:
    # Given two versions of a request whose fields have names of 300 KiB in all, all different
    names = [f"{character * (60_000 // len(character.encode()))}{number}" for number in range(10)]
    old, new = (dict.fromkeys(some, Decimal(1)) for some in (names[:5], names[5:]))
    # When they are compared
    found = published(item(data=old), item(event_id="event-2", data=new))
    # Then the names are left out
    assert found.detail["changed_fields"] is None
    assert (found.detail["service_request_id"], found.detail["event_id"]) == ("VC-TEST0001", "event-2")
    assert "data" not in found.with_data()


@pytest.mark.parametrize(
    "data",
    # In digits the integers fit into an event, with their exponents they do not.
    [{"note": "x" * 300_000}, [Decimal(10**19 + number) for number in range(12_000)]],
    ids=["text", "integers that are longer on the bus"],
)
def test_data_too_large_for_an_event_is_left_out(data: Any) -> None:
    found = published(None, item(data=data))
    assert found.with_data() == found.detail
    assert found.detail["changed_fields"] == (["note"] if isinstance(data, dict) else [])


def test_the_largest_webhook_that_can_be_read_fits_into_an_event_and_into_a_message() -> None:
    # Given a webhook whose every text is as long as may be, in characters that JSON makes six of
    def webhook(data: dict[str, Any]) -> envelope.Event:
        texts = {
            "service_request_id": "\x01" * 2048,
            "event_id": "\x01" * 959,
            "request_status": "\x01" * 1024,
            "action": "\x01" * 1024,
            "event_timestamp": "2026-03-01T10:00:00Z",
        }
        return envelope.read(json.dumps({**texts, "data": data}, ensure_ascii=False).encode())

    before, after = (webhook({f"{letter * 32_000}{number}": 1 for number in range(5)}) for letter in "\u00e9\u00fc")
    items = [
        item(
            service_request_id=event.service_request_id,
            event_id=event.event_id,
            request_status=event.request_status,
            action=event.action,
            data=event.data,
        )
        for event in (before, after)
    ]
    # When they are compared
    found = published(*items)
    # Then it fits, with nothing in it that SQS refuses
    assert len(exact_json.for_bus(found.with_data())) <= 255 * 1024
    body = unpublished.write(found.detail_type, found.detail)["MessageBody"]
    assert len(body) <= 256 * 1024
    assert not re.search("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", body)


@pytest.mark.parametrize(
    "by_hand",
    [
        {"request_status": b"x"},
        {"action": {"a"}},
        {"action": ["a"]},
        {"action": "x" * 300_000},
        {"data": {"a": b"x"}},
        {"data": {"a"}},
    ],
)
def test_an_item_written_by_hand_that_no_event_can_hold_is_refused(by_hand: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        change.between(None, item(**by_hand))


@pytest.mark.parametrize("data", [None, [], "text", Decimal(3)])
def test_data_that_is_no_object_has_no_fields_to_name(data: Any) -> None:
    assert published(None, item(data=data)).detail["changed_fields"] == []


def test_a_write_that_changes_nothing_published_is_no_event() -> None:
    again = item(revision=Decimal(2), updated_at="2026-03-02T00:00:00.000000Z", expires_at=Decimal(5))
    assert change.between(item(), again) is None


def test_data_that_comes_late_is_an_update() -> None:
    found = published(item(data=None), item(revision=Decimal(2)))
    assert found.detail_type == "ServiceRequestUpdated"
    assert found.detail["revision"] == 2
