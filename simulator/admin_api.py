"""The requester's side, the Webhook Call History and the settings over HTTP: what VectorCare's own pages are for."""

import json
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from simulator import settings
from simulator.chaos import NAMED_FAULTS, Fault
from simulator.http_types import BadRequestError, Request, Response, answer, error
from simulator.hub import Hub
from simulator.marketplace import NotPossibleError

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST_BODY = 1_000_000
_MOST_AT_ONCE = 1000
_DEFAULT_LIMIT = 100
_NOWHERE = error(404, "api:not_found", "There is nothing at this path, or not by this method.")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class AdminApi:
    """Answers for the requester's side, and has the API answer for the rest.

    Parameters
    ----------
    hub : Hub
        What is controlled.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._sides = {"requester": self._requester, "webhooks": self._webhooks, "settings": self._settings}

    def answer(self, request: Request) -> Response:
        """Answer a request."""
        parts = urlsplit(request.path)
        first, *rest = parts.path.removeprefix("/").removesuffix("/").split("/")
        if first not in self._sides:
            return self._hub.api.answer(request)
        if not _is_from_here(request):
            return error(403, "members:permission_denied", "Pages from elsewhere may not do this.")
        try:
            body = _body(request)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            with self._hub.api.lock:
                return self._sides[first]([request.method, *rest], body, query)
        except KeyError:
            return error(404, "api:not_found", "There is no such thing.")
        except NotPossibleError as problem:
            return error(409, "requester:not_possible", str(problem))
        except ValueError as problem:
            return error(400, "api:bad_request", str(problem))

    def _requester(self, way: list[str], body: dict[str, Any], query: dict[str, str]) -> Response:
        match way:
            case ["POST", "broadcast"]:
                return self._broadcast(body)
            case ["GET", "requests"]:
                ids = islice(self._hub.marketplace.ids(), _limit(query))
                return answer(200, {"requests": [self._hub.marketplace.describe(name) for name in ids]})
            case ["GET", service_request_id]:
                return self._show(service_request_id)
            case ["POST", service_request_id, verb]:
                return self._act(service_request_id, verb, body)
        return _NOWHERE

    def _webhooks(self, way: list[str], _body: dict[str, Any], query: dict[str, str]) -> Response:
        match way:
            case ["GET", "history"]:
                return answer(200, self._hub.delivery.history(_limit(query), query.get("service_request_id")))
            case ["POST", "history", call_id, "redeliver"]:
                return self._redeliver(call_id)
        return _NOWHERE

    def _settings(self, way: list[str], body: dict[str, Any], _query: dict[str, str]) -> Response:
        match way:
            case ["GET"]:
                return answer(200, settings.read(self._hub))
            case ["PUT"]:
                settings.change(self._hub, body)
                return answer(200, settings.read(self._hub))
            case ["POST", "key"]:
                return answer(201, {"public_key": self._hub.rotate_key()})
            case ["POST", "credentials"]:
                client_id, client_secret = self._hub.add_credentials()
                return answer(201, {"client_id": client_id, "client_secret": client_secret})
            case ["DELETE", "credentials", client_id]:
                self._hub.api.rules.revoke(client_id)
                return answer(200, {})
        return _NOWHERE

    def _broadcast(self, body: dict[str, Any]) -> Response:
        _check_names(body, "data", "count", "fate")
        count = body.get("count", 1)
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= _MOST_AT_ONCE:
            raise BadRequestError(f"count is a whole number from 1 to {_MOST_AT_ONCE}.")
        with self._hub.delivery.befalling(_fate(body)):
            ids = [self._hub.marketplace.broadcast(_data(body)) for _ in range(count)]
        return answer(201, {"service_request_ids": ids})

    def _show(self, service_request_id: str) -> Response:
        marketplace = self._hub.marketplace
        more = {"data": marketplace.data(service_request_id), "track": marketplace.track(service_request_id)}
        return answer(200, marketplace.describe(service_request_id) | more)

    def _act(self, service_request_id: str, verb: str, body: dict[str, Any]) -> Response:
        marketplace = self._hub.marketplace
        match verb:
            case "update":
                _check_names(body, "data", "fate")
                with self._hub.delivery.befalling(_fate(body)):
                    marketplace.update(service_request_id, _data(body))
            case "cancel" | "complete":
                _check_names(body)
                act: Callable[[str], None] = getattr(marketplace, verb)
                act(service_request_id)
            case "answer":
                _check_names(body, "accept")
                if not isinstance(body.get("accept"), bool):
                    raise BadRequestError("accept is true or false.")
                marketplace.answer(service_request_id, accept=body["accept"])
            case _:
                raise KeyError(verb)
        return answer(200, marketplace.describe(service_request_id))

    def _redeliver(self, call_id: str) -> Response:
        if not call_id.isdecimal():
            raise KeyError(call_id)
        try:
            self._hub.delivery.redeliver(int(call_id))
        except ValueError as problem:
            raise NotPossibleError(str(problem)) from None
        return answer(202, {})


def _is_from_here(request: Request) -> bool:
    """Say whether no page of another site had a browser send this, nor by a name that it made point here."""
    named = [f"//{request.headers['host']}"] if "host" in request.headers else []
    named += [request.headers["origin"]] if "origin" in request.headers else []
    try:
        return all(urlsplit(name).hostname in _LOOPBACK for name in named)
    except ValueError:
        return False


def _body(request: Request) -> dict[str, Any]:
    if len(request.body) > _LARGEST_BODY:
        raise BadRequestError("The body is too large.")
    if not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise BadRequestError("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise BadRequestError("The body is not a JSON object.")
    return body


def _check_names(body: dict[str, Any], *known: str) -> None:
    if body.keys() - set(known):
        raise BadRequestError(f"The body may hold {', '.join(known) or 'nothing'}.")


def _data(body: dict[str, Any]) -> dict[str, Any] | None:
    data = body.get("data")
    if data is not None and not isinstance(data, dict):
        raise BadRequestError("data is an object.")
    return data


def _fate(body: dict[str, Any]) -> Fault | None:
    name = body.get("fate")
    if name is None:
        return None
    if not isinstance(name, str) or name not in NAMED_FAULTS:
        raise BadRequestError(f"fate is one of {', '.join(NAMED_FAULTS)}.")
    return NAMED_FAULTS[name]


def _limit(query: dict[str, str]) -> int:
    text = query.get("limit", str(_DEFAULT_LIMIT))
    if not text.isascii() or not text.isdecimal() or len(text) > 6:  # noqa: PLR2004 more than is kept
        raise BadRequestError("limit is a whole number.")
    return int(text)
