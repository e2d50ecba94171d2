"""A table's stream, and Lambda's event source for it: in order within a shard, and again from a failed batch on.

Facts: Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB", "Batching and retries".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from verification.simulation.models.dynamodb import Key
from verification.simulation.models.values import Item
from verification.simulation.world import faults
from verification.simulation.world.container import InvocationOutcome
from verification.simulation.world.faults import Faults
from verification.simulation.world.fleet import Fleet
from verification.simulation.world.scheduler import Scheduler

_SHARDS = 3
_BATCH_SIZES = (1, 5, 100)
_POLL_SECONDS = 1.0
_PAUSE_SECONDS = 5.0

Record = dict[str, Any]


@dataclass(slots=True)
class _Shard:
    records: list[Record] = field(default_factory=list)
    position: int = 0
    is_polled: bool = False


class StreamSource:
    """Takes the changes of a table's items to the function."""

    def __init__(self, fleet: Fleet, *, scheduler: Scheduler, faults: Faults, random: Random) -> None:
        self._fleet = fleet
        self._scheduler = scheduler
        self._faults = faults
        self._random = random
        self._shards = [_Shard() for _ in range(_SHARDS)]

    def changed(self, key: Key, old: Item | None, new: Item | None) -> None:
        """Take the record of a write, or of a removal where there is no new item."""
        images = {name: item for name, item in (("OldImage", old), ("NewImage", new)) if item is not None}
        event_name = "REMOVE" if new is None else "MODIFY" if old else "INSERT"
        shard = self._shards[sum(key[0].encode()) % _SHARDS]
        shard.records.append({"eventName": event_name, "dynamodb": images})
        self._poll_soon(shard, _POLL_SECONDS)

    def is_empty(self) -> bool:
        """Tell whether all records have been taken."""
        return all(shard.position == len(shard.records) for shard in self._shards)

    def _poll_soon(self, shard: _Shard, seconds: float) -> None:
        if not shard.is_polled:
            shard.is_polled = True
            self._scheduler.after(self._random.random() * seconds, partial(self._poll, shard))

    def _poll(self, shard: _Shard) -> None:
        batch = shard.records[shard.position :][: self._random.choice(_BATCH_SIZES)]
        if "dynamodb" in self._faults.outages:
            self._scheduler.after(self._random.uniform(5, 20), partial(self._poll, shard))
        elif batch:
            self._fleet.invoke({"Records": batch}, partial(self._done, shard, batch))
        else:
            shard.is_polled = False

    def _done(self, shard: _Shard, batch: Sequence[Record], outcome: InvocationOutcome) -> None:
        shard.is_polled = False
        if not outcome.error and not self._faults.strikes(faults.STREAM_TWICE):
            shard.position += len(batch)
        self._poll_soon(shard, _PAUSE_SECONDS if outcome.error else _POLL_SECONDS)
