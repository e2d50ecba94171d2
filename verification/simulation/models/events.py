"""EventBridge: a bus that takes events one by one, and may refuse some of a call.

Facts: EventBridge user guide, "Sending events with PutEvents" and "Calculating PutEvents event entry size"; API
reference, PutEvents and PutEventsResultEntry.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from verification.simulation.models.errors import refusal

MAX_ENTRIES = 10
MAX_BYTES = 256 * 1024
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**63 - 1


class EventBridge:
    """The operation, by boto3's name for it and its parameters.

    `taken` takes each event's bus, detail type, and detail with its numbers as Decimal. `refuses` decides by the latter
    two whether an event of a call is refused: with which code, or with none.
    """

    def __init__(
        self,
        buses: set[str],
        *,
        taken: Callable[[str, str, Any], None],
        refuses: Callable[[str, Any], str] = lambda _detail_type, _detail: "",
    ) -> None:
        self._buses = buses
        self._taken = taken
        self._refuses = refuses
        self._serial = 0

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:
        """Publish events; the answer says of each whether it was taken."""
        size = sum(len(entry[name].encode()) for entry in Entries for name in ("Source", "DetailType", "Detail"))
        if not 0 < len(Entries) <= MAX_ENTRIES or size >= MAX_BYTES:
            raise refusal(
                "ValidationException", "PutEvents", "Total size of the entries in the request is over the limit"
            )
        answers = [self._put(entry) for entry in Entries]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def _put(self, entry: dict[str, str]) -> dict[str, str]:
        try:
            detail = json.loads(entry["Detail"], parse_int=_integer, parse_float=Decimal)
        except ValueError:
            return _refused("MalformedDetail")
        code = self._refuses(entry["DetailType"], detail)
        if code:
            return _refused(code)
        # Events for a bus that is not there vanish without an error.
        if entry["EventBusName"] in self._buses:
            self._taken(entry["EventBusName"], entry["DetailType"], detail)
        self._serial += 1
        return {"EventId": str(self._serial)}


def _integer(digits: str) -> Decimal:
    if not _SMALLEST_INTEGER <= int(digits) <= _LARGEST_INTEGER:
        raise ValueError
    return Decimal(digits)


def _refused(code: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": "not now"}
