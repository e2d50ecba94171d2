"""What API Gateway hands over, as the few things that ingest looks at."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from vectorcare_bridge import signature
from vectorcare_bridge.observability import Metric

MAX_BODY_BYTES = 256 * 1024


class RefusedError(Exception):
    """The request is not let in; its text is what the caller is told."""

    def __init__(self, status: HTTPStatus, text: str, metric: Metric = Metric.REFUSED_REQUEST) -> None:
        super().__init__(text)
        self.status = status
        self.metric = metric


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request.

    Attributes
    ----------
    route : str
        Method and path, such as `POST /webhook`.
    body : bytes
        As it came over the wire.
    customer_id, signature : str or None
        The query parameter and the header; None where absent.
    """

    route: str
    body: bytes
    customer_id: str | None
    signature: str | None


def read(event: Mapping[str, Any]) -> Request:
    """Read API Gateway's proxy event.

    Parameters
    ----------
    event : mapping
        "Input format of a Lambda function for proxy integration", API Gateway developer guide.

    Raises
    ------
    RefusedError
        The body is not the base64 that the event says it is.
    """
    headers = {name.lower(): value for name, value in _mapping(event.get("headers")).items()}
    return Request(
        route=f"{event.get('httpMethod')} {event.get('resource')}",
        body=_body(event),
        customer_id=_text(_mapping(event.get("queryStringParameters")).get("customer_id")),
        signature=_text(headers.get(signature.HEADER.lower())),
    )


def check(request: Request, *, customer_id: str) -> None:
    """Check what can be checked without the key.

    A valid signature alone does not say that a webhook was meant for this organization: VectorCare may sign for all
    its customers with one key. The customer id in the URL says so.

    Raises
    ------
    RefusedError
        Too large, empty, or for another customer.
    """
    if len(request.body) > MAX_BODY_BYTES:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {MAX_BODY_BYTES} bytes")
    if not request.body:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is empty")
    given = (request.customer_id or "").encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(given, customer_id.encode()):
        raise RefusedError(HTTPStatus.UNAUTHORIZED, "unknown customer_id", Metric.WRONG_CUSTOMER)


def _body(event: Mapping[str, Any]) -> bytes:
    body = _text(event.get("body")) or ""
    if not event.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is not base64") from None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
