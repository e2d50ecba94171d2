"""The EventBridge bus that subscribers listen to."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vectorcare_bridge import observability

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "vectorcare-bridge"

_MAX_ENTRIES = 10
# "Calculating PutEvents event entry size", EventBridge user guide; the limit is on all entries of a call together.
_MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """An event for the bus.

    Attributes
    ----------
    detail_type : str
        What happened, by which subscribers choose.
    detail : mapping
        JSON values.
    """

    detail_type: str
    detail: Mapping[str, Any]


class Bus:
    """One event bus."""

    def __init__(self, client: "EventBridgeClient", name: str) -> None:
        self._client = client
        self._name = name

    def publish(self, entries: Iterable[Entry]) -> list[Entry]:
        """Publish events; answer those that the bus did not take, in their order."""
        return [failed for together in _calls(entries) for failed in self._put(together)]

    def _put(self, together: Sequence[tuple[Entry, str]]) -> list[Entry]:
        try:
            answer = self._client.put_events(
                Entries=[
                    {
                        "EventBusName": self._name,
                        "Source": SOURCE,
                        "DetailType": entry.detail_type,
                        "Detail": detail,
                    }
                    for entry, detail in together
                ]
            )
        except Exception as error:  # noqa: BLE001 whatever it is, none of them is on the bus
            observability.log("bus.refused", error=error)
            return [entry for entry, _detail in together]
        answers = list(zip(together, answer["Entries"], strict=True))
        for code in sorted({taken.get("ErrorCode", "") for _entry, taken in answers if "EventId" not in taken}):
            observability.log("bus.refused", reason=code)
        return [entry for (entry, _detail), taken in answers if "EventId" not in taken]


def _calls(entries: Iterable[Entry]) -> Iterator[list[tuple[Entry, str]]]:
    """Divide events into what one call carries; one that is too large by itself goes alone, and is refused."""
    together: list[tuple[Entry, str]] = []
    size = 0
    for entry in entries:
        detail = json.dumps(entry.detail)
        entry_size = len(SOURCE) + len(entry.detail_type) + len(detail)
        if together and (len(together) == _MAX_ENTRIES or size + entry_size >= _MAX_BYTES):
            yield together
            together, size = [], 0
        together.append((entry, detail))
        size += entry_size
    if together:
        yield together
