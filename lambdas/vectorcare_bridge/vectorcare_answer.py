"""What VectorCare's answer to a call says about the command.

Codes and shapes of errors: VectorCare Open API 2.0, "Errors".
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

from vectorcare_bridge import instant

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
"""What VectorCare documents: the values that a metric may be counted by."""

_CODE = re.compile("[a-z_]{1,40}:[a-z_]{1,60}")
_SECONDS = re.compile("[0-9]{1,9}")
_SERVICE_REQUEST_ID = re.compile("[A-Z]{2,4}-[A-Z0-9]{4,20}")
# A gateway's word that it has none of the server behind it: the call may have got there.
_NO_ANSWER = (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)


class Verdict(Enum):
    """What becomes of the command."""

    DONE = auto()
    REFUSED = auto()
    """For good."""
    LATER = auto()
    """It has not taken effect, and may if it is tried again."""
    LOST = auto()
    """Nobody knows whether it has taken effect."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, or what is known where none came.

    Attributes
    ----------
    verdict : Verdict
        What becomes of the command.
    reason : str or None
        VectorCare's code, or `http_` and the status, or what kept the call from being answered; never its text.
    status : int or None
        HTTP's.
    retry_after : float
        Seconds for which VectorCare wants no call.
    is_outage : bool
        It counts against VectorCare's health.
    service_request_id : str or None
        Of the service request that the call created.
    """

    verdict: Verdict
    reason: str | None = None
    status: int | None = None
    retry_after: float = 0
    is_outage: bool = False
    service_request_id: str | None = None


def read(status: int, body: bytes, *, retry_after: str | None, now: str) -> Answer:
    """Read an answer; a body that is no JSON says nothing, and the status decides alone.

    Parameters
    ----------
    status : int
        HTTP's.
    body : bytes
        The answer's.
    retry_after : str or None
        The header, seconds or a date.
    now : str
        27-character instant.
    """
    content = _parse(body)
    if HTTPStatus(200) <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Answer(Verdict.DONE, status=status, service_request_id=_created(content))
    reason = next(_codes(content), f"http_{status}")
    wait = _seconds(retry_after, now=now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Answer(Verdict.LATER, reason, status, retry_after=wait)
    is_final = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    # A token that is refused says nothing about the command.
    if is_final and status != HTTPStatus.UNAUTHORIZED:
        return Answer(Verdict.REFUSED, reason, status)
    verdict = Verdict.LOST if status in _NO_ANSWER else Verdict.LATER
    return Answer(verdict, reason, status, retry_after=wait, is_outage=True)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _codes(content: Any) -> Iterator[str]:
    """Find error codes in `{message, code}`, `{field: [{message, code}]}` or a list of those."""
    # In a loop: newer parsers take what is nested deeper than a function may call itself.
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
    """Find the id of a service request that was created, by itself or at the end of its page's URL."""
    if not isinstance(content, dict):
        return None
    for value in (content.get("service_request_id"), content.get("service_request_web_url")):
        name = value.rstrip("/").rpartition("/")[2] if isinstance(value, str) else ""
        if _SERVICE_REQUEST_ID.fullmatch(name):
            return name
    return None


def _seconds(retry_after: str | None, *, now: str) -> float:
    if retry_after is None:
        return 0
    if _SECONDS.fullmatch(retry_after.strip()):
        return int(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
        return max(0, instant.seconds_between(now, instant.of(date if date.tzinfo else date.replace(tzinfo=UTC))))
    except (ValueError, OverflowError):
        return 0
