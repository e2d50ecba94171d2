"""HTTP as VectorCare is spoken to: bounded in time and size, no redirect followed, no error's text kept."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from vectorcare_bridge import aws, observability
from vectorcare_bridge.vectorcare_answer import Answer, Verdict

CONNECT_SECONDS = 2.0
READ_SECONDS = 6.0
MAX_ANSWER_BYTES = 256 * 1024
# A connection that was idle for long may be dead without a sign, and a call on it lost.
_MAX_IDLE_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Response:
    """What came back; `body` is empty where it was too long or too slow."""

    status: int
    body: bytes
    retry_after: str | None


class Http:
    """One session, for all threads of the process."""

    def __init__(self, session: requests.Session) -> None:
        self._session = session
        self._last_used = aws.monotonic()

    def request(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response | Answer:
        """Send a request; answer the response, or what is known where none came."""
        self._close_if_idle()
        content: Any = form
        sent_headers = {"Accept": "application/json", **(headers or {})}
        if form is None:
            content = json.dumps(body, allow_nan=False).encode()
            sent_headers["Content-Type"] = "application/json"
        try:
            with self._session.request(
                method,
                url,
                data=content,
                headers=sent_headers,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                return Response(response.status_code, _body(response), response.headers.get("Retry-After"))
        except requests.RequestException as error:
            observability.log("vectorcare.unanswered", error=error)
            return _unanswered(error)

    def _close_if_idle(self) -> None:
        now = aws.monotonic()
        if now - self._last_used > _MAX_IDLE_SECONDS:
            self._session.close()
        self._last_used = now


def _body(response: requests.Response) -> bytes:
    ends_at = aws.monotonic() + READ_SECONDS
    body = b""
    try:
        for piece in response.iter_content(8192):
            body += piece
            if len(body) > MAX_ANSWER_BYTES or aws.monotonic() > ends_at:
                return b""
    except requests.RequestException:
        # The status is here, and says enough.
        return b""
    return body


def _unanswered(error: requests.RequestException) -> Answer:
    if isinstance(error, requests.ConnectTimeout):
        return Answer(Verdict.LATER, "unreachable", is_outage=True)
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else None
    if isinstance(reason, NewConnectionError):
        return Answer(Verdict.LATER, "unreachable", is_outage=True)
    if reason and reason.args and isinstance(reason.args[0], ssl.SSLCertVerificationError):
        return Answer(Verdict.LATER, "certificate", is_outage=True)
    return Answer(Verdict.LOST, "no_answer", is_outage=True)
