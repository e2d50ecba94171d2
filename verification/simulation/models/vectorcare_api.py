"""VectorCare's API, by the rules that the local stand-in keeps; and Secrets Manager, which has its credentials."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from simulator.api_rules import TOKEN_PATH, ApiRules
from simulator.http_types import Request, Response

CLIENT_ID = "invented-client"
API, TOKENS = "vectorcare", "vectorcare's tokens"
"""The two hosts, each with troubles of its own."""

Arrived = Callable[[Request, Response, float], None]


class VectorCareApiModel:
    """The one operation.

    `begun` takes each call but those for a token before anything can happen to it, `arrived` each such call that came:
    request, response, and when it was asked.
    """

    def __init__(self, clock: Callable[[], float], begun: Callable[[Request, Any], None], arrived: Arrived) -> None:
        self.rules = ApiRules(clock)
        self.issued: set[str] = set()
        self._begun = begun
        self._arrived = arrived

    def begins(self, method: str, url: str, data: bytes, *, process: Any) -> None:
        """Note that a container begins a call, which need not come."""
        request = _request(method, url, data, {})
        if request.path != TOKEN_PATH:
            self._begun(request, process)

    def request(self, *, method: str, url: str, data: bytes, headers: Mapping[str, str], asked_at: float) -> Response:
        request = _request(method, url, data, headers)
        response = self.rules.answer(request)
        if request.path == TOKEN_PATH:
            self.issued |= self.rules.tokens.keys()
        else:
            self._arrived(request, response, asked_at)
        return response

    def revoke(self) -> None:
        self.rules.tokens.clear()


class SecretsManager:
    """The operation, by boto3's name for it and its parameters; one secret."""

    def __init__(self) -> None:
        self.client_secret = ""

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: ARG002 boto3's name
        return {"SecretString": json.dumps({"client_id": CLIENT_ID, "client_secret": self.client_secret})}


def _request(method: str, url: str, data: bytes, headers: Mapping[str, str]) -> Request:
    return Request(method, urlsplit(url).path, {name.lower(): value for name, value in headers.items()}, data)
