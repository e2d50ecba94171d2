"""Responses of the functions behind API Gateway."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypedDict


class ApiGatewayResponse(TypedDict):
    """API Gateway's proxy response ("Output format of a Lambda function for proxy integration")."""

    statusCode: int
    headers: dict[str, str]
    body: str
    isBase64Encoded: bool


def of(status: HTTPStatus, content: dict[str, str], headers: Mapping[str, str] | None = None) -> ApiGatewayResponse:
    """Answer with a JSON object that no cache stores and no browser interprets."""
    return of_json(status, json.dumps(content), headers)


def of_json(status: HTTPStatus, body: str, headers: Mapping[str, str] | None = None) -> ApiGatewayResponse:
    """Answer with JSON text; `headers` come in addition to those of every answer."""
    return ApiGatewayResponse(
        statusCode=status.value,
        headers={
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "Strict-Transport-Security": "max-age=63072000",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
        body=body,
        isBase64Encoded=False,
    )


def to(event: Mapping[str, Any], answer: ApiGatewayResponse) -> ApiGatewayResponse:
    """Leave out the body if the request is HEAD; the rest is as for GET."""
    return {**answer, "body": ""} if event.get("httpMethod") == "HEAD" else answer
