"""All that the tables hold of one service request."""

from dataclasses import dataclass

from cli.lib.journal import JournalReader
from cli.lib.stack import Stack
from vectorcare_bridge.edge.dynamodb_item import Item, to_item
from vectorcare_bridge.webhooks import envelope


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """One service request: its state, its journal entries, and the unreadable webhooks that name it."""

    state: Item | None
    journal: list[Item]
    unreadable: list[Item]

    @property
    def is_known(self) -> bool:
        return self.state is not None or bool(self.journal or self.unreadable)


def read(stack: Stack, service_request_id: str) -> ServiceRequest:
    """Read a service request: the state first, so that the journal holds every event that the state names."""
    client = stack.client("dynamodb")
    answer = client.get_item(
        TableName=stack.outputs["ServiceRequestsTable"],
        Key={"service_request_id": {"S": service_request_id}},
        ConsistentRead=True,
    )
    journal = JournalReader(client, stack.outputs["EventsTable"])
    return ServiceRequest(
        state=to_item(answer["Item"]) if "Item" in answer else None,
        journal=journal.entries(service_request_id),
        unreadable=[
            entry
            for entry in journal.entries(envelope.UNREADABLE)
            if envelope.service_request_id(entry["body"]) == service_request_id
        ],
    )
