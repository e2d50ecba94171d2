"""The requester's side, the Webhook Call History and the settings over HTTP: what VectorCare's own pages are for."""

import json
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from simulator import settings
from simulator.chaos import NAMED_FAULTS, DeliveryFault
from simulator.http_types import InvalidRequestError, Request, Response, answer, error
from simulator.simulator import Simulator
from simulator.trip_lifecycle import NotPossibleError

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST_BODY = 1_000_000
_MOST_AT_ONCE = 1000
_DEFAULT_LIMIT = "100"
_SECTIONS = ("requester", "webhooks", "settings")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class AdminApi:
    """Answers calls of the admin API, and leaves the rest to the fake API."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def answer(self, request: Request) -> Response:
        parts = urlsplit(request.path)
        path = parts.path.removeprefix("/").removesuffix("/").split("/")
        if path[0] not in _SECTIONS:
            return self._simulator.api.answer(request)
        if not _is_from_this_machine(request):
            return error(403, "members:permission_denied", "Pages of other sites may not call this.")
        try:
            body = _body(request)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            with self._simulator.api.lock:
                return self._route([request.method, *path], body, query)
        except KeyError:
            return error(404, "api:not_found", "There is no such thing.")
        except NotPossibleError as problem:
            return error(409, "requester:not_possible", str(problem))
        except ValueError as problem:
            return error(400, "api:bad_request", str(problem))

    def _route(self, route: list[str], body: dict[str, Any], query: dict[str, str]) -> Response:  # noqa: PLR0911 a route each
        simulator = self._simulator
        match route:
            case ["POST", "requester", "broadcast"]:
                return self._broadcast(body)
            case ["GET", "requester", "requests"]:
                ids = islice(simulator.marketplace.ids(), _limit(query))
                return answer(200, {"requests": [simulator.marketplace.describe(name) for name in ids]})
            case ["GET", "requester", service_request_id]:
                return answer(200, simulator.marketplace.describe_fully(service_request_id))
            case ["POST", "requester", service_request_id, verb]:
                self._act(service_request_id, verb, body)
                return answer(200, simulator.marketplace.describe(service_request_id))
            case ["GET", "webhooks", "history"]:
                return answer(200, simulator.delivery.history(_limit(query), query.get("service_request_id")))
            case ["POST", "webhooks", "history", call_id, "redeliver"]:
                self._redeliver(call_id)
                return answer(202, {})
            case ["GET", "settings"]:
                return answer(200, settings.read(simulator))
            case ["PUT", "settings"]:
                settings.change(simulator, body)
                return answer(200, settings.read(simulator))
            case ["POST", "settings", "key"]:
                return answer(201, {"public_key": simulator.rotate_key()})
            case ["POST", "settings", "credentials"]:
                client_id, client_secret = simulator.add_credentials()
                return answer(201, {"client_id": client_id, "client_secret": client_secret})
            case ["DELETE", "settings", "credentials", client_id]:
                simulator.api.rules.revoke(client_id)
                return answer(200, {})
        return error(404, "api:not_found", "There is nothing at this path, or not by this method.")

    def _broadcast(self, body: dict[str, Any]) -> Response:
        _check_names(body, "data", "count", "fate")
        count = body.get("count", 1)
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= _MOST_AT_ONCE:
            raise InvalidRequestError(f"count is a whole number from 1 to {_MOST_AT_ONCE}.")
        with self._simulator.delivery.injecting(_fault(body)):
            ids = [self._simulator.marketplace.broadcast(_data(body)) for _ in range(count)]
        return answer(201, {"service_request_ids": ids})

    def _act(self, service_request_id: str, verb: str, body: dict[str, Any]) -> None:
        marketplace = self._simulator.marketplace
        match verb:
            case "update":
                _check_names(body, "data", "fate")
                with self._simulator.delivery.injecting(_fault(body)):
                    marketplace.update(service_request_id, _data(body))
            case "cancel" | "complete":
                _check_names(body)
                act: Callable[[str], None] = getattr(marketplace, verb)
                act(service_request_id)
            case "answer":
                _check_names(body, "accept")
                if not isinstance(body.get("accept"), bool):
                    raise InvalidRequestError("accept is true or false.")
                marketplace.answer(service_request_id, accept=body["accept"])
            case _:
                raise KeyError(verb)

    def _redeliver(self, call_id: str) -> None:
        if not call_id.isdecimal():
            raise KeyError(call_id)
        try:
            self._simulator.delivery.redeliver(int(call_id))
        except ValueError as problem:
            raise NotPossibleError(str(problem)) from None


def _is_from_this_machine(request: Request) -> bool:
    """Refuse what a browser sends for a page of another site, or under another host name that points here."""
    names = [f"//{request.headers['host']}"] if "host" in request.headers else []
    names += [request.headers["origin"]] if "origin" in request.headers else []
    try:
        return all(urlsplit(name).hostname in _LOOPBACK for name in names)
    except ValueError:
        return False


def _body(request: Request) -> dict[str, Any]:
    if len(request.body) > _LARGEST_BODY:
        raise InvalidRequestError("The body is too large.")
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        raise InvalidRequestError("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise InvalidRequestError("The body is not a JSON object.")
    return body


def _check_names(body: dict[str, Any], *known: str) -> None:
    if body.keys() - set(known):
        raise InvalidRequestError(f"The body may hold {', '.join(known) or 'nothing'}.")


def _data(body: dict[str, Any]) -> dict[str, Any] | None:
    data = body.get("data")
    if data is not None and not isinstance(data, dict):
        raise InvalidRequestError("data is an object.")
    return data


def _fault(body: dict[str, Any]) -> DeliveryFault | None:
    name = body.get("fate")
    if name is None:
        return None
    if not isinstance(name, str) or name not in NAMED_FAULTS:
        raise InvalidRequestError(f"fate is one of {', '.join(NAMED_FAULTS)}.")
    return NAMED_FAULTS[name]


def _limit(query: dict[str, str]) -> int:
    text = query.get("limit", _DEFAULT_LIMIT)
    if not text.isascii() or not text.isdecimal() or len(text) > 6:  # noqa: PLR2004 more than is kept
        raise InvalidRequestError("limit is a whole number.")
    return int(text)
