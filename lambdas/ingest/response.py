"""What API Gateway hands back."""

import json
from http import HTTPStatus
from typing import TypedDict


class Response(TypedDict):
    """API Gateway's proxy response ("Output format of a Lambda function for proxy integration")."""

    statusCode: int
    headers: dict[str, str]
    body: str
    isBase64Encoded: bool


def of(status: HTTPStatus, content: dict[str, str]) -> Response:
    """Answer with a JSON object; nothing that a cache or a browser could make more of it."""
    return Response(
        statusCode=status.value,
        headers={
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "Strict-Transport-Security": "max-age=63072000",
            "X-Content-Type-Options": "nosniff",
        },
        body=json.dumps(content),
        isBase64Encoded=False,
    )
