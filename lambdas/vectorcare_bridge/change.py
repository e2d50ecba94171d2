"""What subscribers are told of a service request: the difference between two of its items."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

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
    """A change of a service request, as it is published.

    Attributes
    ----------
    detail_type : str
        EventBridge's detail type: by the status it came into, or `ServiceRequestUpdated`.
    detail : dict
        As `schemas/events.json` says; free of patient data.
    data : Any
        The whole request as JSON values, for subscribers whose organization's file says `publish_data = true`.
    """

    detail_type: str
    detail: dict[str, Any]
    data: Any

    def with_data(self) -> dict[str, Any]:
        """Give the detail with the request's data."""
        return self.detail | {"data": self.data}


def between(old: Item | None, new: Item) -> Change | None:
    """Tell what changed.

    Parameters
    ----------
    old : mapping or None
        The item before, None where there was none.
    new : mapping
        The item after.

    Returns
    -------
    Change or None
        None where nothing that is published differs.

    Raises
    ------
    KeyError, TypeError
        The new item is none that this project wrote.
    """
    before = old or {}
    if all(before.get(name) == new.get(name) for name in _PUBLISHED):
        return None
    status, previous_status = new["request_status"], before.get("request_status")
    return Change(
        detail_type=UPDATED if status == previous_status else _DETAIL_TYPE_OF_STATUS.get(status, UPDATED),
        detail={
            "schema_version": SCHEMA_VERSION,
            "service_request_id": new["service_request_id"],
            "request_status": status,
            "previous_status": previous_status,
            "action": new.get("action"),
            "last_updated": new["last_updated"],
            "event_id": new["event_id"],
            "revision": int(new["revision"]),
            "changed_fields": _changed_fields(before.get("data"), new.get("data")),
        },
        data=_plain(new.get("data")),
    )


def is_wanted(change: Change, *, actions: Collection[str]) -> bool:
    """Tell whether an organization publishes changes by this action."""
    return ALL_ACTIONS in actions or change.detail["action"] in actions


def _changed_fields(old: Any, new: Any) -> list[str]:
    """Name the fields of `data` that differ, absent and null apart."""
    before, after = (data if isinstance(data, dict) else {} for data in (old, new))
    names = before.keys() | after.keys()
    return sorted(name for name in names if name not in before or name not in after or before[name] != after[name])


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(child) for name, child in value.items()}
    if isinstance(value, list):
        return [_plain(child) for child in value]
    if value is None or isinstance(value, str | bool):
        return value
    raise TypeError("DynamoDB's binary values and sets are no JSON")
