"""Publish changes as events on the bus; what the bus does not take goes to a queue."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from publisher import change
from publisher.change import Change
from vectorcare_bridge.dead_letters import unpublished
from vectorcare_bridge.edge import observability
from vectorcare_bridge.edge.bus import Bus, BusEntry
from vectorcare_bridge.edge.metric import Metric
from vectorcare_bridge.edge.queue import Queue


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes changes by these actions; `unpublished` receives what the bus does not take, without patient data."""

    bus: Bus
    unpublished: Queue
    actions: Collection[str]
    with_data: bool

    def publish(self, changes: Sequence[Change]) -> None:
        """Publish changes in their order.

        Raises
        ------
        Exception
            Neither the bus nor the queue took an event. The stream delivers the batch again, and what was published
            of it is published again.
        """
        wanted = [one for one in changes if change.is_wanted(one, actions=self.actions)]
        entries = [BusEntry(one.detail_type, one.with_data() if self.with_data else one.detail) for one in wanted]
        failed = self.bus.publish(entries)
        for entry in failed:
            self._send_to_unpublished(entry)
        not_taken = {id(entry) for entry in failed}
        for entry in entries:
            if id(entry) not in not_taken:
                observability.log(
                    "event.published",
                    service_request_id=entry.detail["service_request_id"],
                    event_id=entry.detail["event_id"],
                )
        observability.count(Metric.PUBLISHED, len(entries) - len(failed))
        observability.count(Metric.UNPUBLISHED, len(failed))

    def _send_to_unpublished(self, entry: BusEntry) -> None:
        detail = {name: value for name, value in entry.detail.items() if name != "data"}
        message_id = self.unpublished.send(unpublished.write(entry.detail_type, detail))
        observability.log(
            "event.unpublished",
            message_id=message_id,
            service_request_id=detail["service_request_id"],
            event_id=detail["event_id"],
        )
