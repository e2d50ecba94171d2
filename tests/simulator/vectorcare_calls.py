"""Calls of the simulator's API, without a network."""

import json
from typing import Any

from simulator.api_rules import API_PATH, ApiRules
from simulator.http_types import Request, Response

NOW = 1_800_000_000.0
TRIP = "VC-TEST0001"
TOKEN = "invented-token-of-the-test"  # noqa: S105 opens nothing
METHODS = {"state": "POST", "locations": "POST", "change-request": "POST"}


def make_rules() -> ApiRules:
    """Make rules that know a token, at a fixed time."""
    rules = ApiRules(lambda: NOW)
    rules.tokens[TOKEN] = NOW + 3600
    return rules


def call(rules: ApiRules, verb: str, body: Any, *, trip: str = TRIP, method: str | None = None) -> Response:
    """Call the API with a valid token."""
    path = f"{API_PATH}/requests/{trip}/{verb}/"
    headers = {"authorization": f"Bearer {TOKEN}"}
    return rules.answer(Request(method or METHODS.get(verb, "PUT"), path, headers, json.dumps(body).encode()))


def codes(response: Response) -> tuple[int, list[tuple[str, str]] | str]:
    """Read an error: its status, and its code or those of its fields."""
    content: Any = json.loads(response.body)
    if isinstance(content, list):
        [content] = content
    if "code" in content:
        return response.status, str(content["code"])
    return response.status, [(name, error["code"]) for name, errors in content.items() for error in errors]
