"""What subscribers are told, and what not."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.support import events
from vectorcare_bridge import change

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
    """Tell a change that there is, and that obeys its schema."""
    told = change.between(old, new)
    assert told
    for detail in (told.detail, told.with_data()):
        events.check(told.detail_type, detail)
    return told


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
    told = published(before, item(request_status=new))
    assert told.detail_type == detail_type
    assert (told.detail["previous_status"], told.detail["request_status"]) == (old, new)


def test_what_is_published_holds_names_of_fields_and_no_value_of_them() -> None:
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
    # When it is told
    told = published(old, new)
    # Then the fields are named, and their values are not there
    assert told.detail["changed_fields"] == ["came", "emptied", "gone", "patient_first_name", "patient_weight_kg"]
    assert NAME not in json.dumps(told.detail)


def test_with_data_the_numbers_are_those_that_vectorcare_sent() -> None:
    told = published(
        None, item(data={"a": Decimal("81.5"), "b": Decimal(7), "c": [Decimal("0.1"), {"d": None}], "e": True})
    )
    assert told.with_data()["data"] == {"a": 81.5, "b": 7, "c": [0.1, {"d": None}], "e": True}


@pytest.mark.parametrize("data", [None, [], "text", Decimal(3)])
def test_data_that_is_no_object_has_no_fields_to_name(data: Any) -> None:
    assert published(None, item(data=data)).detail["changed_fields"] == []


def test_a_write_that_changes_nothing_published_is_no_event() -> None:
    again = item(revision=Decimal(2), updated_at="2026-03-02T00:00:00.000000Z", expires_at=Decimal(5))
    assert change.between(item(), again) is None


def test_data_that_comes_late_is_an_update() -> None:
    told = published(item(data=None), item(revision=Decimal(2)))
    assert told.detail_type == "ServiceRequestUpdated"
    assert told.detail["revision"] == 2


@pytest.mark.parametrize(
    ("actions", "wanted"), [({"*"}, True), ({"BROADCAST_RECEIVED", "X"}, True), ({"BROADCAST_ACCEPTED"}, False)]
)
def test_the_organization_chooses_the_actions_that_are_published(actions: set[str], wanted: bool) -> None:
    assert change.is_wanted(published(None, item()), actions=actions) is wanted
