"""What the tables hold as the JSON that `docs/contracts/openapi.json` describes."""

from collections.abc import Mapping
from typing import Any

from reader import page_token
from reader.request import PageRequest
from reader.tables import Page
from vectorcare_bridge.edge.exact_json import for_readers
from vectorcare_bridge.webhooks import envelope
from vectorcare_bridge.webhooks.failure import PermanentError

_SERVICE_REQUEST = (
    "service_request_id",
    "request_status",
    "action",
    "last_updated",
    "event_id",
    "received_at",
    "updated_at",
    "revision",
    "data",
    "data_as_of",
    "data_event_id",
)

Item = Mapping[str, Any]


def service_request(item: Item) -> str:
    """Write a service request; absent attributes are null."""
    return for_readers({name: item.get(name) for name in _SERVICE_REQUEST})


def service_requests(page: Page, asked: PageRequest) -> str:
    """Write a page of service requests."""
    items = ",".join(service_request(item) for item in page.items)
    return f'{{"service_requests":[{items}],"next_token":{_next_token(page, asked)}}}'


def events(page: Page, asked: PageRequest) -> str:
    """Write a page of a service request's journal."""
    items = ",".join(_event(item) for item in page.items)
    return f'{{"events":[{items}],"next_token":{_next_token(page, asked)}}}'


def _event(item: Item) -> str:
    try:
        read = envelope.read(item["body"])
        said = {"request_status": read.request_status, "action": read.action, "data": read.data}
    except PermanentError:
        # It was readable by the rules of its day, so the event is listed, without its content.
        said = {"request_status": None, "action": None, "data": None}
    return for_readers(
        {
            "service_request_id": item["service_request_id"],
            "event_id": item["event_id"],
            "redelivery_of": item.get("redelivery_of"),
            "last_updated": item["last_updated"],
            "received_at": item["received_at"],
            **said,
        }
    )


def _next_token(page: Page, asked: PageRequest) -> str:
    return for_readers(None if page.last is None else page_token.encode(page.last, query=asked.query))
