"""The parts of API Gateway's event that ingest needs."""

import base64
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from vectorcare_bridge.edge.metric import Metric
from vectorcare_bridge.webhooks import signature

MAX_BODY_BYTES = 256 * 1024


class RefusedError(Exception):
    """The request is refused; the text goes to the caller, and the digest of the received bytes if there is one."""

    def __init__(
        self,
        status: HTTPStatus,
        text: str,
        metric: Metric = Metric.REFUSED_REQUEST,
        *,
        body_sha256: str | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.metric = metric
        self.body_sha256 = body_sha256

    @property
    def answer(self) -> dict[str, str]:
        """What the caller gets; by the digest it sees whether its bytes were changed on the way."""
        return {"error": str(self)} | ({"body_sha256": self.body_sha256} if self.body_sha256 else {})


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """An HTTP request."""

    route: str  # such as `POST /webhook`
    content: str  # the body as API Gateway gives it
    is_base64: bool  # whether `content` is the body in base64; otherwise it is text
    customer_id: str | None
    domain: str | None  # the host name that was called
    signature: str | None
    has_two_signatures: bool  # the header came with several values; `signature` is the last
    content_encoding: str  # in lower case; empty if absent, as is `content_type`
    content_type: str

    @property
    def size(self) -> int:
        """Bytes of the body; for base64 computed from its length alone."""
        if self.is_base64:
            return len(self.content) * 3 // 4 - self.content[-2:].count("=")
        return len(_utf8(self.content))


def read(event: Mapping[str, Any]) -> WebhookRequest:
    """Read API Gateway's proxy event, but do not decode the body.

    Source: "Input format of a Lambda function for proxy integration", API Gateway developer guide.
    """
    headers, all_headers = _lower(event.get("headers")), _lower(event.get("multiValueHeaders"))
    name = signature.HEADER.lower()
    signatures = all_headers.get(name)
    return WebhookRequest(
        route=f"{event.get('httpMethod')} {event.get('resource')}",
        content=_text(event.get("body")) or "",
        is_base64=bool(event.get("isBase64Encoded")),
        customer_id=_text(_mapping(event.get("queryStringParameters")).get("customer_id")),
        domain=_text(_mapping(event.get("requestContext")).get("domainName")),
        signature=_text(headers.get(name)),
        has_two_signatures=isinstance(signatures, list) and any(each != signatures[0] for each in signatures),
        content_encoding=(_text(headers.get("content-encoding")) or "").strip().lower(),
        content_type=(_text(headers.get("content-type")) or "").strip().lower(),
    )


def check_customer(request: WebhookRequest, *, customer_id: str, former: Collection[str]) -> str:
    """Check that a webhook is meant for this organization, and return which of its ids was used: current or former.

    A valid signature is not enough: VectorCare may sign for all its customers with one key. The customer id in the URL
    decides. Each comparison takes the same time whatever is given, and all are made.

    Raises
    ------
    RefusedError
        It is for another customer.
    """
    given = _utf8(request.customer_id or "")
    is_current = hmac.compare_digest(given, customer_id.encode())
    is_former = sum(hmac.compare_digest(given, each.encode()) for each in former)
    if not is_current and not is_former:
        raise RefusedError(HTTPStatus.UNAUTHORIZED, "unknown customer_id", Metric.WRONG_CUSTOMER)
    return "current" if is_current else "former"


def domain_used(request: WebhookRequest, *, own: str) -> str:
    """Return which of the API's host names was called: own, default (API Gateway's), or other (a former domain)."""
    called = (request.domain or "").lower()
    if called == own:
        return "own"
    return "default" if ".execute-api." in called else "other"


def body(request: WebhookRequest) -> bytes:
    """Decode the body, unless it is too large.

    Raises
    ------
    RefusedError
        Too large, empty, or not the base64 that API Gateway says it is.
    """
    if request.size > MAX_BODY_BYTES:
        raise RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {MAX_BODY_BYTES} bytes", Metric.TOO_LARGE
        )
    found = _decoded(request)
    if not found:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is empty")
    return found


def _decoded(request: WebhookRequest) -> bytes:
    if not request.is_base64:
        return _utf8(request.content)
    try:
        return base64.b64decode(request.content, validate=True)
    except ValueError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is not base64") from None


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _lower(headers: object) -> dict[str, Any]:
    return {name.lower(): value for name, value in _mapping(headers).items()}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
