"""VectorCare's API: a call with the organization's access token."""

from collections.abc import Callable

from sender.vectorcare import call_result
from sender.vectorcare.access_token import AccessToken
from sender.vectorcare.api_calls import ApiCall
from sender.vectorcare.call_result import CallResult
from sender.vectorcare.http import Http
from vectorcare_bridge.edge import runtime


class VectorCareApi:
    """One environment of VectorCare; `url` is its base URL, such as `https://hub.vectorcare.com/openapi/v2.0`."""

    def __init__(self, http: Http, token: AccessToken, *, url: str) -> None:
        self._http = http
        self._token = token
        self._url = url.rstrip("/")

    def authorize(self) -> None:
        """Get a token for the next call, which may take many times as long as a call.

        Raises
        ------
        NoTokenError
            There is none.
        """
        self._token.current()

    def send(self, call: ApiCall, *, obstacle: Callable[[], CallResult | None]) -> CallResult:
        """Make a call, and again with another token if the first is refused and `obstacle` then names nothing.

        Raises
        ------
        NoTokenError
            There is no token, so no call was made, or none that VectorCare accepted.
        """
        token = self._token.current()
        answer = self._send(call, token)
        if not answer.refuses_token:
            return answer
        token = self._token.instead_of(token)
        return obstacle() or self._send(call, token)

    def _send(self, call: ApiCall, token: str) -> CallResult:
        response = self._http.request(
            call.method, self._url + call.path, body=call.body, headers={"Authorization": f"Bearer {token}"}
        )
        if isinstance(response, CallResult):
            return response
        return call_result.read(
            response.status,
            response.body,
            kind=call.commands[0].kind,
            retry_after=response.retry_after,
            now=runtime.now(),
        )
