"""HTTP to VectorCare: every request is bounded in time and size, and ends in a response or a known failure."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests
from requests.exceptions import InvalidHeader, InvalidSchema, InvalidURL, MissingSchema
from urllib3.exceptions import MaxRetryError, NewConnectionError

from sender.vectorcare.call_result import CallResult, Verdict
from vectorcare_bridge.edge import observability, runtime

CONNECT_SECONDS = 2.0
READ_SECONDS = 6.0
"""For a whole response, from the request's last byte on."""
MAX_ANSWER_BYTES = 256 * 1024
# A connection that was idle for long may be dead without notice, and a call on it would be lost.
_MAX_IDLE_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response; `body` is None if it was too long, too slow or broken, or belongs to a redirect."""

    status: int
    body: bytes | None
    retry_after: str | None


class Http:
    """One session, for all threads of the process."""

    def __init__(self, session: requests.Session) -> None:
        self._session = session
        self._last_used = runtime.monotonic()

    def request(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse | CallResult:
        """Send a request; return the response, or what is known if none came."""
        try:
            self._close_if_idle()
            with self._session.request(
                method,
                url,
                data=form,
                json=body,
                headers={"Accept": "application/json", **(headers or {})},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                return HttpResponse(response.status_code, _body(response), response.headers.get("Retry-After"))
        except Exception as error:  # noqa: BLE001 whatever it is, the command needs a result
            observability.log("vectorcare.unanswered", error=error)
            return _unanswered(error)

    def _close_if_idle(self) -> None:
        now = runtime.monotonic()
        if now - self._last_used > _MAX_IDLE_SECONDS:
            self._session.close()
        self._last_used = now


def _body(response: requests.Response) -> bytes | None:
    if response.status_code < HTTPStatus.OK or 300 <= response.status_code < HTTPStatus.BAD_REQUEST:  # noqa: PLR2004 redirects
        return None
    body = b""
    try:
        for piece in response.iter_content(8192):
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                return None
    except Exception:  # noqa: BLE001 the status is known, and counts
        return None
    return body


def _unanswered(error: Exception) -> CallResult:
    """Say what an error means for the call: it was certainly not sent, or its effect is unknown."""
    if isinstance(error, InvalidHeader | InvalidSchema | InvalidURL | MissingSchema):
        return CallResult(Verdict.LATER, "not_sent", is_outage=True)
    if isinstance(error, requests.ConnectTimeout):
        return CallResult(Verdict.LATER, "unreachable", is_outage=True)
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else None
    if isinstance(reason, NewConnectionError):
        return CallResult(Verdict.LATER, "unreachable", is_outage=True)
    if reason and reason.args and isinstance(reason.args[0], ssl.SSLCertVerificationError):
        return CallResult(Verdict.LATER, "certificate", is_outage=True)
    return CallResult(Verdict.LOST, "no_answer", is_outage=True)
