"""EventBridge: a bus that takes events one by one, and may refuse some of a call.

Facts: EventBridge user guide, "Sending events with PutEvents" and "Calculating PutEvents event entry size".
"""

import json
from collections.abc import Callable
from typing import Any

from simulation.models.errors import refusal

MAX_ENTRIES = 10
MAX_BYTES = 256 * 1024


class EventBridge:
    """The operation, by boto3's name for it and its parameters.

    Parameters
    ----------
    taken : callable
        Told each event that a bus takes: its name, the detail type, the detail.
    refuses : callable
        Decides whether a single event of a call is refused.
    """

    def __init__(
        self, buses: set[str], *, taken: Callable[[str, str, Any], None], refuses: Callable[[], bool] = lambda: False
    ) -> None:
        self._buses = buses
        self._taken = taken
        self._refuses = refuses
        self._serial = 0

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 boto3's name
        """Publish events; the answer says of each whether it was taken."""
        size = sum(len(entry[name].encode()) for entry in Entries for name in ("Source", "DetailType", "Detail"))
        if not 0 < len(Entries) <= MAX_ENTRIES or size > MAX_BYTES:
            raise refusal(
                "ValidationException", "PutEvents", "Total size of the entries in the request is over the limit"
            )
        answers = [self._put(entry) for entry in Entries]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def _put(self, entry: dict[str, str]) -> dict[str, str]:
        if self._refuses():
            return {"ErrorCode": "InternalFailure", "ErrorMessage": "not now"}
        # Events for a bus that is not there vanish without an error.
        if entry["EventBusName"] in self._buses:
            self._taken(entry["EventBusName"], entry["DetailType"], json.loads(entry["Detail"]))
        self._serial += 1
        return {"EventId": str(self._serial)}
