"""Which calls VectorCare's API accepts, and what it answers (Open API 2.0, "Requests" and "Errors")."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from simulator.api_validation import REFUSALS
from simulator.http_types import Request, Response, answer, error

TOKEN_PATH = "/v2.0/oauth2/token"  # noqa: S105 a path
API_PATH = "/openapi/v2.0"

# By verb: the method, the status that it needs, and how success is answered.
_VERBS = {
    "state": ("POST", "ASSIGNED", 201),
    "locations": ("POST", "ASSIGNED", 200),
    "accept": ("PUT", "AVAILABLE", 201),
    "decline": ("PUT", "AVAILABLE", 201),
    "best-time": ("PUT", "AVAILABLE", 201),
    "change-request": ("POST", "ASSIGNED", 200),
}
_KEPT_POSITIONS = 10_000  # of a service request, so that memory does not grow


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many calls VectorCare takes, which it does not document; None for any number.

    `retry_after` is in seconds, for the header `Retry-After`; None for no header.
    """

    calls_per_second: int | None = None
    retry_after: int | None = None


class ApiRules:
    """VectorCare as one organization sees it; `clock` counts seconds since 1970."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clients: dict[str, str] = {}  # secrets by client id
        self.tokens: dict[str, float] = {}  # when each ends, in seconds since 1970
        self.token_life = 3600  # seconds
        self.requests: dict[str, str] = {}  # statuses by service request id
        self.foreign: set[str] = set()  # service requests of other organizations
        self.states: dict[str, list[str]] = {}
        self.positions: dict[str, list[float]] = {}
        self.is_enabled = True
        self.rate_limit = RateLimit()
        # Called for each call that was taken: service request, verb, body.
        self.on_call: Callable[[str, str, Any], None] = lambda _service_request_id, _verb, _body: None
        self._clock = clock
        self._serial = 0
        self._second, self._calls_in_second = 0, 0
        self._owners: dict[str, str] = {}

    def answer(self, request: Request) -> Response:
        if request.path == TOKEN_PATH:
            return self._token(request)
        refusal = self._refuse_caller(request.headers.get("authorization", "")) or self._refuse_rate()
        if refusal:
            return refusal
        parts = request.path.removeprefix(API_PATH).split("/")
        match parts:
            case ["", "requests", "service", _service, ""]:
                return self._create(request)
            case ["", "requests", service_request_id, verb, ""] if verb in _VERBS:
                return self._act(request, service_request_id, verb)
        return error(404, "api:not_found")

    def revoke(self, client_id: str) -> None:
        """Delete a client's credentials and its tokens; KeyError if there is no such client."""
        del self.clients[client_id]
        for token in [token for token, owner in self._owners.items() if owner == client_id]:
            self.tokens.pop(token, None)
            del self._owners[token]

    def forget(self, service_request_id: str) -> None:
        for known in (self.requests, self.states, self.positions):
            known.pop(service_request_id, None)

    def _token(self, request: Request) -> Response:
        if request.method != "POST":
            return error(405, "api:method_not_allowed")
        form = {name: values[0] for name, values in parse_qs(request.body.decode(errors="replace")).items()}
        client_id, now = form.get("client_id", ""), self._clock()
        is_known = client_id in self.clients and self.clients[client_id] == form.get("client_secret", "")
        if not is_known or form.get("grant_type") != "client_credentials":
            return answer(401, {"error": "invalid_client", "error_description": "invented description"})
        self.tokens = {token: end for token, end in self.tokens.items() if end > now}
        self._owners = {token: owner for token, owner in self._owners.items() if token in self.tokens}
        self._serial += 1
        token = f"invented-token-{self._serial}"
        self.tokens[token] = now + self.token_life
        self._owners[token] = client_id
        return answer(200, {"access_token": token, "token_type": "bearer", "expires_in": self.token_life})

    def _refuse_caller(self, authorization: str) -> Response | None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return error(401, "members:not_authenticated")
        if self.tokens.get(token, -math.inf) <= self._clock():
            return error(401, "members:authentication_failed")
        return None if self.is_enabled else error(403, "public_api:public_api_not_enabled")

    def _refuse_rate(self) -> Response | None:
        limit, second = self.rate_limit, int(self._clock())
        if second != self._second:
            self._second, self._calls_in_second = second, 0
        self._calls_in_second += 1
        if limit.calls_per_second is None or self._calls_in_second <= limit.calls_per_second:
            return None
        headers = {} if limit.retry_after is None else {"Retry-After": str(limit.retry_after)}
        return error(429, "api:too_many_requests", headers=headers)

    def _create(self, request: Request) -> Response:
        if request.method != "POST":
            return error(405, "api:method_not_allowed")
        try:
            if not isinstance(json.loads(request.body), dict):
                return error(400, "api:bad_request")
        except ValueError:
            return error(400, "api:bad_request")
        self._serial += 1
        service_request_id = f"VC-NEW{self._serial:05}"
        self.requests[service_request_id] = "AVAILABLE"
        url = f"https://vectorcare.invalid/requests/{service_request_id}"
        return answer(201, {"service_request_web_url": url})

    def _act(self, request: Request, service_request_id: str, verb: str) -> Response:
        method, status, success = _VERBS[verb]
        if request.method != method:
            return error(405, "api:method_not_allowed")
        is_foreign = service_request_id in self.foreign
        if service_request_id not in self.requests and not is_foreign:
            return error(404, "api:not_found")
        if is_foreign or self.requests[service_request_id] != status:
            return error(403, "members:permission_denied")
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError):
            return error(400, "api:bad_request")
        refusal = REFUSALS[verb](body, self._clock())
        if refusal:
            return refusal
        self._keep(service_request_id, verb, body)
        self.on_call(service_request_id, verb, body)
        return answer(success, {})

    def _keep(self, service_request_id: str, verb: str, body: Any) -> None:
        match verb:
            case "accept":
                self.requests[service_request_id] = "ASSIGNED"
            case "decline":
                self.requests[service_request_id] = "UNAVAILABLE"
            case "state":
                self.states.setdefault(service_request_id, []).append(body["name"])
            case "locations":
                positions = self.positions.setdefault(service_request_id, [])
                positions.extend(location["timestamp"] for location in body)
                del positions[:-_KEPT_POSITIONS]
