"""Requests to the reading API, and the OpenAPI document that describes its answers."""

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "contracts" / "openapi.json").read_text())
ONE = "/service-requests/{service_request_id}"
LIST = "/service-requests"
EVENTS = "/service-requests/{service_request_id}/events"


def proxy_event(resource: str, service_request_id: str | None = None, /, **query: str | list[str]) -> dict[str, Any]:
    """Make API Gateway's event; a list of values is a parameter that is given several times."""
    values = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
    return {
        "httpMethod": "GET",
        "resource": resource,
        "pathParameters": service_request_id and {"service_request_id": quote(service_request_id, safe="")},
        "queryStringParameters": {name: each[-1] for name, each in values.items()} or None,
        "multiValueQueryStringParameters": values or None,
        "headers": {"Authorization": "AWS4-HMAC-SHA256 ..."},
        "body": None,
        "isBase64Encoded": False,
    }


def complaints(resource: str, status: int, body: Any) -> list[str]:
    """List where an answer differs from the document."""
    validator = _validator(resource, status)
    if validator is None:
        return [f"{status} is not described"]
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]


@cache
def _validator(resource: str, status: int) -> Draft202012Validator | None:
    described = _resolved(DOCUMENT["paths"][resource]["get"]["responses"].get(str(status)))
    if described is None:
        return None
    schema = described["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def _resolved(value: Any) -> Any:
    if isinstance(value, dict) and "$ref" in value:
        found: Any = DOCUMENT
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return found
    return value
