"""Read API Gateway's event as one of three queries, or refuse it with a helpful text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from reader import page_token
from vectorcare_bridge.webhooks import dynamodb_limits
from vectorcare_bridge.webhooks.envelope import UNREADABLE
from vectorcare_bridge.webhooks.failure import PermanentError
from vectorcare_bridge.webhooks.vocabulary import STATUSES

ONE = "GET /service-requests/{service_request_id}"
LIST = "GET /service-requests"
EVENTS = "GET /service-requests/{service_request_id}/events"

DEFAULT_LIMIT = 25
MAX_LIMIT = 100

_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    ONE: (),
    LIST: ("status", "limit", "next_token"),
    EVENTS: ("limit", "next_token"),
}
_MAX_TEXT_BYTES = dynamodb_limits.MAX_SORT_KEY_BYTES
# The keys in a position: those of index and table, except the key that the query fixes.
_LIST_POSITION = {"last_updated": _MAX_TEXT_BYTES, "service_request_id": dynamodb_limits.MAX_PARTITION_KEY_BYTES}
_EVENTS_POSITION = {"event_id": _MAX_TEXT_BYTES}


class RefusedError(Exception):
    """The request is refused; the text goes to the caller and repeats nothing of the request."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page of a query: at most `limit` items after the position `after`."""

    query: str
    limit: int
    after: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class GetServiceRequest:
    """Read one service request."""

    service_request_id: str


@dataclass(frozen=True, slots=True)
class ListServiceRequests:
    """List the service requests in a status, newest first."""

    status: str
    page: PageRequest


@dataclass(frozen=True, slots=True)
class ListEvents:
    """List the journal of one service request."""

    service_request_id: str
    page: PageRequest


def route_of(event: Mapping[str, Any]) -> str | None:
    """Return one of the three routes, or None; HEAD counts as GET."""
    method = event.get("httpMethod")
    route = f"{'GET' if method == 'HEAD' else method} {event.get('resource')}"
    return route if route in _PARAMETERS else None


def read(event: Mapping[str, Any]) -> GetServiceRequest | ListServiceRequests | ListEvents:
    """Read API Gateway's proxy event.

    Source: "Input format of a Lambda function for proxy integration", API Gateway developer guide.

    Raises
    ------
    RefusedError
        404 or 405 if there can be no such resource, 400 if the query is malformed.
    """
    route = route_of(event)
    if route is None:
        raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, f"{LIST} or {ONE} or {EVENTS}")
    parameters = _parameters(event, allowed=_PARAMETERS[route])
    if route == LIST:
        status = _status(parameters)
        return ListServiceRequests(status, _page(parameters, query=f"{LIST}?status={status}", position=_LIST_POSITION))
    service_request_id = _service_request_id(event)
    if route == ONE:
        return GetServiceRequest(service_request_id)
    query = f"{EVENTS} {service_request_id}"
    return ListEvents(service_request_id, _page(parameters, query=query, position=_EVENTS_POSITION))


def not_found() -> RefusedError:
    """Make the error for a service request that does not exist."""
    return RefusedError(HTTPStatus.NOT_FOUND, "no such service request")


def _parameters(event: Mapping[str, Any], *, allowed: tuple[str, ...]) -> dict[str, str]:
    given = event.get("multiValueQueryStringParameters") or {}
    if not given.keys() <= set(allowed):
        known = f"known are {', '.join(allowed)}" if allowed else "there are none"
        raise _bad(f"unknown query parameter; {known}")
    for name in allowed:
        if len(given.get(name, ())) > 1:
            raise _bad(f"{name} is given more than once")
    return {name: values[0] for name, values in given.items() if values}


def _service_request_id(event: Mapping[str, Any]) -> str:
    # A REST API passes path parameters encoded, as in the path, but query parameters decoded.
    encoded = (event.get("pathParameters") or {}).get("service_request_id", "")
    try:
        value = dynamodb_limits.text(
            unquote(encoded, errors="strict"), max_bytes=dynamodb_limits.MAX_PARTITION_KEY_BYTES
        )
    except (UnicodeDecodeError, PermanentError):
        raise _bad(
            f"service_request_id must be UTF-8, of at most {dynamodb_limits.MAX_PARTITION_KEY_BYTES} bytes"
        ) from None
    # The journal keeps unreadable webhooks under this name.
    if value in ("", UNREADABLE):
        raise not_found()
    return value


def _status(parameters: Mapping[str, str]) -> str:
    status = parameters.get("status")
    if status not in STATUSES:
        raise _bad(f"status must be one of {', '.join(sorted(STATUSES))}")
    return status


def _page(parameters: Mapping[str, str], *, query: str, position: Mapping[str, int]) -> PageRequest:
    return PageRequest(query=query, limit=_limit(parameters), after=_after(parameters, query=query, position=position))


def _limit(parameters: Mapping[str, str]) -> int:
    text = parameters.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch("[1-9][0-9]{0,2}", text) or int(text) > MAX_LIMIT:
        raise _bad(f"limit must be a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def _after(parameters: Mapping[str, str], *, query: str, position: Mapping[str, int]) -> Mapping[str, str] | None:
    if "next_token" not in parameters:
        return None
    try:
        return page_token.decode(parameters["next_token"], query=query, max_bytes=position)
    except ValueError:
        raise _bad("next_token must be one that an answer to this query gave") from None


def _bad(text: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, text)
