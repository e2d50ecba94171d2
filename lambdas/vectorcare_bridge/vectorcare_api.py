"""VectorCare's API: a call with the organization's access token."""

from http import HTTPStatus

from vectorcare_bridge import aws, vectorcare_answer
from vectorcare_bridge.access_token import AccessToken
from vectorcare_bridge.vectorcare_answer import Answer
from vectorcare_bridge.vectorcare_call import Call
from vectorcare_bridge.vectorcare_http import Http, Response


class VectorCareApi:
    """One environment of VectorCare.

    Parameters
    ----------
    http : Http
        Carries the calls.
    token : AccessToken
        The organization's.
    url : str
        Base URL, such as `https://hub.vectorcare.com/openapi/v2.0`.
    """

    def __init__(self, http: Http, token: AccessToken, *, url: str) -> None:
        self._http = http
        self._token = token
        self._url = url.rstrip("/")

    def send(self, call: Call) -> Answer:
        """Make a call, and once more with another token where the first is refused.

        Raises
        ------
        NoTokenError
            There is no token, so that no call was made.
        """
        token = self._token.current()
        response = self._send(call, token)
        if isinstance(response, Response) and response.status == HTTPStatus.UNAUTHORIZED:
            response = self._send(call, self._token.instead_of(token))
        if isinstance(response, Answer):
            return response
        return vectorcare_answer.read(
            response.status,
            response.body,
            kind=call.commands[0].kind,
            retry_after=response.retry_after,
            now=aws.now(),
        )

    def _send(self, call: Call, token: str) -> Response | Answer:
        return self._http.request(
            call.method, self._url + call.path, body=call.body, headers={"Authorization": f"Bearer {token}"}
        )
