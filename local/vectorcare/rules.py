"""What VectorCare takes from an integrator, and what it answers (Open API 2.0, "Requests" and "Errors")."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from local.vectorcare.wire import Request, Response, answer, error, field_error

TOKEN_PATH = "/v2.0/oauth2/token"  # noqa: S105 a path
API_PATH = "/openapi/v2.0"
MAX_LOCATIONS = 200
MAX_TEXT_LENGTH = 450
MAX_STATE_AGE_SECONDS = 7 * 24 * 3600
STATES = {"en_route", "arrived", "on_board", "arrived_at_destination", "completed", "canceled", "dry_run"}

_Refusal = Response | None


class Rules:
    """One organization's view of VectorCare.

    Parameters
    ----------
    clock : callable
        Seconds since 1970.

    Attributes
    ----------
    clients : dict of str to str
        Secrets by client id.
    tokens : dict of str to float
        When each token ends, in seconds since 1970.
    token_life : int
        Seconds for which a new token is good.
    requests : dict of str to str
        The status of each service request by its id.
    foreign : set of str
        Service requests of other organizations.
    states, positions : dict
        What was reported, by service request.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clients: dict[str, str] = {}
        self.tokens: dict[str, float] = {}
        self.token_life = 3600
        self.requests: dict[str, str] = {}
        self.foreign: set[str] = set()
        self.states: dict[str, list[str]] = {}
        self.positions: dict[str, list[float]] = {}
        self._clock = clock
        self._serial = 0

    def answer(self, request: Request) -> Response:
        """Answer as documented."""
        if request.path == TOKEN_PATH:
            return self._token(request)
        if self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "), 0) <= self._clock():
            return error(401, "members:not_authenticated")
        parts = request.path.removeprefix(API_PATH).split("/")
        match parts:
            case ["", "requests", "service", _service, ""]:
                return self._create()
            case ["", "requests", service_request_id, verb, ""] if verb in self._verbs:
                return self._act(request, service_request_id, verb)
        return error(404, "api:not_found")

    def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        is_known = self.clients.get(form.get("client_id", "")) == form.get("client_secret", "")
        if not is_known or form.get("grant_type") != "client_credentials":
            return answer(401, {"error": "invalid_client", "error_description": "invented description"})
        self._serial += 1
        token = f"invented-token-{self._serial}"
        self.tokens[token] = self._clock() + self.token_life
        return answer(200, {"access_token": token, "token_type": "bearer", "expires_in": self.token_life})

    def _create(self) -> Response:
        self._serial += 1
        service_request_id = f"VC-NEW{self._serial:05}"
        self.requests[service_request_id] = "AVAILABLE"
        url = f"https://vectorcare.invalid/requests/{service_request_id}"
        return answer(201, {"service_request_web_url": url})

    @property
    def _verbs(self) -> dict[str, tuple[str, str, Callable[[str, Any], Response]]]:
        return {
            "state": ("POST", "ASSIGNED", self._state),
            "locations": ("POST", "ASSIGNED", self._locations),
            "accept": ("PUT", "AVAILABLE", self._accept),
            "decline": ("PUT", "AVAILABLE", self._decline),
            "best-time": ("PUT", "AVAILABLE", self._best_time),
            "change-request": ("POST", "ASSIGNED", self._change_request),
        }

    def _act(self, request: Request, service_request_id: str, verb: str) -> Response:
        method, status, act = self._verbs[verb]
        if request.method != method:
            return error(405, "api:method_not_allowed")
        if service_request_id in self.foreign:
            return error(403, "members:permission_denied")
        if service_request_id not in self.requests:
            return error(404, "api:not_found")
        if self.requests[service_request_id] != status:
            return error(403, "members:permission_denied")
        try:
            body = json.loads(request.body)
        except ValueError:
            return error(400, "api:bad_request")
        return act(service_request_id, body)

    def _state(self, service_request_id: str, body: Any) -> Response:
        refusal = _require(body, "name", "timestamp") or self._refuse_time(body["timestamp"])
        if refusal:
            return refusal
        if body["name"] not in STATES:
            return field_error("name", "common:choice_invalid")
        self.states.setdefault(service_request_id, []).append(body["name"])
        return answer(201, {})

    def _refuse_time(self, text: str) -> _Refusal:
        time = _time(text)
        if time is None:
            return field_error("timestamp", "common:datetime_invalid_format")
        age = self._clock() - time.timestamp()
        return None if 0 <= age <= MAX_STATE_AGE_SECONDS else field_error("timestamp", "api:bad_request")

    def _locations(self, service_request_id: str, body: Any) -> Response:
        if not isinstance(body, list):
            return error(400, "api:bad_request")
        if len(body) > MAX_LOCATIONS:
            return error(400, "responder:too_many_locations")
        for location in body:
            if not {"lat", "lng", "alt", "timestamp"} <= location.keys():
                return field_error("timestamp", "common:required", in_list=True)
        self.positions.setdefault(service_request_id, []).extend(location["timestamp"] for location in body)
        return answer(200, {})

    def _accept(self, service_request_id: str, body: Any) -> Response:
        refusal = _refuse_length(body, "response_notes")
        if not refusal:
            self.requests[service_request_id] = "ASSIGNED"
        return refusal or answer(201, {})

    def _decline(self, service_request_id: str, body: Any) -> Response:
        refusal = _refuse_length(body, "response_notes")
        if not refusal:
            self.requests[service_request_id] = "UNAVAILABLE"
        return refusal or answer(201, {})

    def _best_time(self, _service_request_id: str, body: Any) -> Response:
        return _require(body, "proposed_agreed_dt") or answer(201, {})

    def _change_request(self, _service_request_id: str, body: Any) -> Response:
        return _require(body, "agreed_dt", "change_reason") or _refuse_length(body, "change_reason") or answer(200, {})


def _require(body: Any, *names: str) -> _Refusal:
    for name in names:
        if not isinstance(body, dict) or name not in body:
            return field_error(name, "common:required")
        if body[name] is None:
            return field_error(name, "common:null")
        if body[name] == "":
            return field_error(name, "common:blank")
    return None


def _refuse_length(body: Any, name: str) -> _Refusal:
    text = body.get(name, "") if isinstance(body, dict) else ""
    return field_error(name, "common:max_length") if len(text) > MAX_TEXT_LENGTH else None


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
