"""The EventBridge bus that subscribers listen to."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from vectorcare_bridge.edge import exact_json, observability, runtime

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "vectorcare-bridge"

ATTEMPTS = 7
FIRST_WAIT_SECONDS = 0.25

_MAX_ENTRIES = 10
# "Calculating PutEvents event entry size", EventBridge user guide; the limit is on all entries of a call together.
_MAX_BYTES = 256 * 1024
# What EventBridge puts around a detail counts too (API reference, PutEvents): id, account, region, time and the keys.
_ENVELOPE_BYTES = 200
# API reference, PutEventsResultEntry and PutEvents, "Errors": these stay. All other errors may pass.
_FINAL = frozenset(
    {
        "AccessDeniedException",
        "InvalidAccountIdException",
        "InvalidArgument",
        "MalformedDetail",
        "NotAuthorizedForDetailTypeException",
        "NotAuthorizedForSourceException",
        "RedactionFailure",
        "ValidationException",
    }
)


@dataclass(frozen=True, slots=True)
class BusEntry:
    """An event for the bus; the detail holds JSON values, its numbers may be Decimal."""

    detail_type: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Written:
    """An entry with its detail as JSON, and its size in a call."""

    entry: BusEntry
    detail: str
    size: int

    @property
    def service_request_id(self) -> Any:
        return self.entry.detail.get("service_request_id")


class Bus:
    """One event bus.

    The client must try each call once: failed calls and refused events are tried again here. A function's handler sets
    `deadline`, on `runtime.monotonic`'s clock, for each invocation. After it nothing is tried again, and no call
    follows a failed one.
    """

    def __init__(self, client: "EventBridgeClient", name: str) -> None:
        self._client = client
        self._name = name
        self.deadline = math.inf

    def publish(self, entries: Iterable[BusEntry]) -> list[BusEntry]:
        """Publish events; return those that the bus did not take, in their order.

        What may succeed later is tried seven times in all, after waits of uniformly up to 0.25 s, doubled each time
        ("Handling failures with PutEvents", EventBridge user guide: exponential backoff with jitter is AWS's advice).
        An event waits for an earlier one of its service request that is tried again, unless both were in one call.
        """
        everything = waiting = [_written(entry) for entry in entries]
        refused: set[_Written] = set()
        for attempt in range(ATTEMPTS):
            longest = FIRST_WAIT_SECONDS * 2**attempt
            is_last = attempt == ATTEMPTS - 1 or not self._has_time_for(longest)
            failed = self._put_all(waiting, refused, in_order=not is_last)
            waiting = [one for one in waiting if one in failed]
            if is_last or not waiting or not self._has_time_for(longest):
                break
            runtime.sleep(runtime.uniform(0, longest))
        return [one.entry for one in everything if one in refused or one in waiting]

    def _put_all(self, waiting: Sequence[_Written], refused: set[_Written], *, in_order: bool) -> set[_Written]:
        """Put events on the bus; return those to try again, and add those to `refused` that will never be taken."""
        failed: set[_Written] = set()
        behind: set[Any] = set()
        for together in _calls(waiting):
            if failed and not self._has_time_for(0):
                failed.update(together)
                continue
            ready = [one for one in together if one.service_request_id not in behind]
            failed.update(one for one in together if one not in ready)
            for one, code in self._put(ready) if ready else ():
                (refused if code in _FINAL else failed).add(one)
            if in_order:
                behind = {one.service_request_id for one in failed} - {None}
        return failed

    def _has_time_for(self, seconds: float) -> bool:
        return runtime.monotonic() + seconds <= self.deadline

    def _put(self, together: Sequence[_Written]) -> list[tuple[_Written, str]]:
        """Make one call; return what was not taken, with EventBridge's error code."""
        try:
            answer = self._client.put_events(
                Entries=[
                    {
                        "EventBusName": self._name,
                        "Source": SOURCE,
                        "DetailType": one.entry.detail_type,
                        "Detail": one.detail,
                    }
                    for one in together
                ]
            )
            answers = list(zip(together, answer["Entries"], strict=True))
        except Exception as error:  # noqa: BLE001 after any error it is unknown which of them are on the bus
            observability.log("bus.refused", error=error)
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            return [(one, code) for one in together]
        not_taken = [(one, taken.get("ErrorCode", "")) for one, taken in answers if "EventId" not in taken]
        for code in sorted({code for _one, code in not_taken}):
            observability.log("bus.refused", reason=code)
        return not_taken


def _written(entry: BusEntry) -> _Written:
    detail = exact_json.for_bus(entry.detail)
    detail_type = exact_json.for_bus(entry.detail_type)
    return _Written(entry, detail, len(SOURCE) + len(detail_type) + len(detail) + _ENVELOPE_BYTES)


def _calls(waiting: Iterable[_Written]) -> Iterator[list[_Written]]:
    """Divide events into calls. One that is too large goes alone, and is refused."""
    together: list[_Written] = []
    size = 0
    for one in waiting:
        if together and (len(together) == _MAX_ENTRIES or size + one.size >= _MAX_BYTES):
            yield together
            together, size = [], 0
        together.append(one)
        size += one.size
    if together:
        yield together
