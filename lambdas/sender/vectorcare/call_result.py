"""What a response says about the command: done, refused, not reached, or nothing.

Firewalls, load balancers and maintenance pages respond in VectorCare's place, so only its shape makes a response
VectorCare's. If it proves neither that the call was carried out nor that it was not, the effect is unknown.
Codes and shapes: VectorCare Open API 2.0, "Requests" and "Errors"; what statuses mean: RFC 9110, section 15.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from http import HTTPStatus
from typing import Any

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands.command import Kind
from vectorcare_bridge.utc_timestamp import UtcTimestamp

CODES = frozenset(
    {
        "members:not_authenticated",
        "members:authentication_failed",
        "members:permission_denied",
        "common:required",
        "common:null",
        "common:blank",
        "common:choice_invalid",
        "common:max_length",
        "common:datetime_invalid_format",
        "api:bad_request",
        "api:not_found",
        "api:method_not_allowed",
        "api:unknown_error",
        "public_api:public_api_not_enabled",
        "responder:too_many_locations",
    }
)
"""The codes that VectorCare documents: a metric may be counted by them."""

_CODE = re.compile("[a-z_]{1,40}:[a-z_]{1,60}")
_SECONDS = re.compile("[0-9]{1,9}")
_SERVICE_REQUEST_ID = re.compile("[A-Z]{2,4}-[A-Z0-9]{4,20}")
_UNEXPECTED = "unexpected_answer"

_DOCUMENTED_SUCCESS = {
    Kind.STATE_UPDATE: HTTPStatus.CREATED,
    Kind.ACCEPT: HTTPStatus.CREATED,
    Kind.DECLINE: HTTPStatus.CREATED,
    Kind.BEST_TIME: HTTPStatus.CREATED,
    Kind.CHANGE_REQUEST: HTTPStatus.OK,
}
"""Of the commands whose success is documented by its status alone, without a body."""

_NO_WORD_ON_THE_COMMAND = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.MISDIRECTED_REQUEST,
        HTTPStatus.LOCKED,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        449,  # "Retry With", Microsoft's
    }
)
"""Not carried out, and to be tried again, whatever the body says."""

_TOKEN_REFUSED = frozenset({"members:not_authenticated", "members:authentication_failed"})
_REGISTERED = frozenset(HTTPStatus)


class Verdict(Enum):
    """What is known of the command."""

    DONE = auto()
    REFUSED = auto()
    """By VectorCare itself; trying again would not help."""
    LATER = auto()
    """It has not taken effect, and may do so if it is tried again."""
    LOST = auto()
    """It is unknown whether it has taken effect."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """A response as the sender reads it, or what is known if none came."""

    verdict: Verdict
    reason: str | None = None  # VectorCare's code, `http_` and the status, or why there was no response; never its text
    status: int | None = None  # HTTP's
    retry_after: float = 0  # seconds for which VectorCare asks for no call
    is_outage: bool = False  # it counts against VectorCare's health
    service_request_id: str | None = None  # of the service request that the call created

    @property
    def refuses_token(self) -> bool:
        """It says only that another token is needed."""
        is_no = self.verdict is Verdict.LATER
        return is_no and (self.status == HTTPStatus.UNAUTHORIZED or self.reason in _TOKEN_REFUSED)


def read(status: int, body: bytes | None, *, kind: Kind, retry_after: str | None, now: UtcTimestamp) -> CallResult:
    """Read a response.

        2xx in the shape that is documented for the command ───▶ done
        4xx in the shape of VectorCare's errors ───────────────▶ refused
        4xx that HTTP defines, from any sender ────────────────▶ later: the request was not carried out
        all else: 1xx, 3xx, 5xx, 499, a page in place of JSON ─▶ lost: its effect is unknown

    The body is None if it could not be read to its end; `retry_after` is the header, seconds or a date.
    """
    content = _parse(body)
    code = next(_codes(content), None)
    if HTTPStatus(200) <= status < HTTPStatus.MULTIPLE_CHOICES:
        if _is_done(kind, status, body, content, code):
            created = _created(content) if kind is Kind.CREATE_REQUEST else None
            return CallResult(Verdict.DONE, status=status, service_request_id=created)
        # An object comes from some API, and says nothing about VectorCare's health; a page means an outage.
        return CallResult(Verdict.LOST, code or _UNEXPECTED, status, is_outage=not isinstance(content, dict))
    reason = code or f"http_{status}"
    wait = retry_after_seconds(retry_after, now=now)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        is_for_token = status == HTTPStatus.UNAUTHORIZED or code in _TOKEN_REFUSED
        if is_for_token or status in _NO_WORD_ON_THE_COMMAND:
            return CallResult(Verdict.LATER, reason, status, retry_after=wait, is_outage=is_for_token)
        if code is not None:
            return CallResult(Verdict.REFUSED, reason, status)
        if status in _REGISTERED:
            # No outage: a firewall that blocks one command must not stop the others.
            return CallResult(Verdict.LATER, reason, status, retry_after=wait)
    return CallResult(Verdict.LOST, reason, status, retry_after=wait, is_outage=True)


def _is_done(kind: Kind, status: int, body: bytes | None, content: Any, code: str | None) -> bool:
    """Say whether a 2xx is the response that is documented for the command."""
    if kind is Kind.CREATE_REQUEST:
        url = content.get("service_request_web_url") if isinstance(content, dict) else None
        return bool(isinstance(url, str) and url) or _created(content) is not None
    if content == {}:
        return True
    if kind is Kind.LOCATION_UPDATE or status != _DOCUMENTED_SUCCESS[kind]:
        return False
    return body == b"" or (isinstance(content, dict) and code is None and not _is_error(content))


def _is_error(content: dict[str, Any]) -> bool:
    return content.keys() >= {"message", "code"} or not content.keys().isdisjoint({"error", "errors"})


def _parse(body: bytes | None) -> Any:
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None


def _codes(content: Any) -> Iterator[str]:
    """Find error codes in `{message, code}`, `{field: [{message, code}]}` or a list of those."""
    # In a loop: newer parsers accept deeper nesting than Python allows calls.
    rest = [content]
    while rest:
        value = rest.pop()
        if isinstance(value, list):
            rest += reversed(value)
        elif isinstance(value, dict):
            code = value.get("code")
            if isinstance(code, str) and _CODE.fullmatch(code):
                yield code
            rest += reversed(value.values())


def _created(content: Any) -> str | None:
    """Find the id of a new service request: in its own field, or at the end of its page's URL."""
    if not isinstance(content, dict):
        return None
    for value in (content.get("service_request_id"), content.get("service_request_web_url")):
        name = value.rstrip("/").rpartition("/")[2] if isinstance(value, str) else ""
        if _SERVICE_REQUEST_ID.fullmatch(name):
            return name
    return None


def retry_after_seconds(retry_after: str | None, *, now: UtcTimestamp) -> float:
    """Read the header `Retry-After`, seconds or a date, as seconds from now; 0 when it is absent or neither."""
    if retry_after is None:
        return 0
    if _SECONDS.fullmatch(retry_after.strip()):
        return int(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
        return max(
            0, utc_timestamp.seconds_between(now, utc_timestamp.of(date if date.tzinfo else date.replace(tzinfo=UTC)))
        )
    except (ValueError, OverflowError):
        return 0
