"""A published change: the difference between two items of a service request."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from vectorcare_bridge.edge import event_detail, exact_json

SCHEMA_VERSION = "1.0"
ALL_ACTIONS = "*"
UPDATED = "ServiceRequestUpdated"
_DETAIL_TYPE_OF_STATUS = {
    "AVAILABLE": "ServiceRequestAvailable",
    "ASSIGNED": "ServiceRequestAssigned",
    "COMPLETED": "ServiceRequestCompleted",
    "UNAVAILABLE": "ServiceRequestUnavailable",
}
_PUBLISHED = ("request_status", "action", "last_updated", "event_id", "data")

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a service request, as it is published."""

    detail_type: str  # by the status it came into, or `ServiceRequestUpdated`
    detail: dict[str, Any]  # as `change` in docs/contracts/events.json; free of patient data
    data: Any  # the whole request, numbers as Decimal; published if `publish_data = true`

    def with_data(self) -> dict[str, Any]:
        """Add the request's data to the detail, unless both do not fit into an event."""
        whole = self.detail | {"data": self.data}
        return whole if event_detail.fits(whole) else self.detail


def between(old: Item | None, new: Item) -> Change | None:
    """Compare two items; None if no published attribute differs.

    Raises
    ------
    KeyError, TypeError, ValueError
        The new item was not written by this project: attributes are missing, not JSON, or too large for an event.
    """
    before = old or {}
    if all(before.get(name) == new.get(name) for name in _PUBLISHED):
        return None
    status, previous_status = new["request_status"], before.get("request_status")
    if not isinstance(status, str) or not isinstance(new.get("action"), str | None):
        raise TypeError("status and action are text")
    detail = {
        "schema_version": SCHEMA_VERSION,
        "service_request_id": new["service_request_id"],
        "request_status": status,
        "previous_status": previous_status,
        "action": new.get("action"),
        "last_updated": new["last_updated"],
        "event_id": new["event_id"],
        "revision": int(new["revision"]),
        "changed_fields": _changed_fields(before.get("data"), new.get("data")),
    }
    data = new.get("data")
    exact_json.for_bus(data)
    return Change(
        detail_type=UPDATED if status == previous_status else _DETAIL_TYPE_OF_STATUS.get(status, UPDATED),
        detail=event_detail.fit(detail),
        data=data,
    )


def is_wanted(change: Change, *, actions: Collection[str]) -> bool:
    """Whether the organization publishes changes by this action."""
    return ALL_ACTIONS in actions or change.detail["action"] in actions


def _changed_fields(old: Any, new: Any) -> list[str]:
    """Name the fields of `data` that differ; absent and null are different."""
    before, after = (data if isinstance(data, dict) else {} for data in (old, new))
    names = before.keys() | after.keys()
    return sorted(name for name in names if name not in before or name not in after or before[name] != after[name])
