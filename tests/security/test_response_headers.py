"""Rule: every answer is JSON that is neither cached nor sniffed, requires HTTPS, and repeats nothing of the request."""

import base64
import json
from typing import Any

import pytest

from tests.support import faults, signing
from tests.support.cloud import CUSTOMER_ID, Cloud
from tests.support.reading import EVENTS, LIST, ONE, proxy_event
from tests.support.webhooks import body

HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
}
MARK = "reflect-me\r\nX-Injected: yes<script>"

REQUESTS: dict[str, tuple[int, dict[str, Any]]] = {
    "health": (200, {"httpMethod": "GET", "resource": "/health"}),
    "altered": (401, {"body": base64.b64encode(MARK.encode()).decode(), "multiValueHeaders": {MARK: [MARK]}}),
    "accepted": (200, {}),
    "empty": (400, {"body": ""}),
    "broken base64": (400, {"body": MARK}),
    "another customer": (401, {"queryStringParameters": {"customer_id": MARK}}),
    "unsigned": (401, {"headers": {}}),
    "forged": (401, {"headers": {"X-VectorCare-Signature": MARK}}),
    "another method": (405, {"httpMethod": MARK}),
    "another path": (405, {"resource": MARK}),
    "too large": (413, {"body": base64.b64encode(b"x" * (256 * 1024 + 1)).decode()}),
}


def request(**changes: Any) -> dict[str, Any]:
    return {
        "httpMethod": "POST",
        "resource": "/webhook",
        "headers": {"X-VectorCare-Signature": signing.sign(body())},
        "queryStringParameters": {"customer_id": CUSTOMER_ID},
        "body": base64.b64encode(body()).decode(),
        "isBase64Encoded": True,
    } | changes


@pytest.mark.parametrize(("status", "changes"), REQUESTS.values(), ids=REQUESTS.keys())
def test_every_answer_has_the_headers_and_repeats_nothing(
    shared_cloud: Cloud, status: int, changes: dict[str, Any]
) -> None:
    # When
    answer = shared_cloud.invoke("ingest", request(**changes))
    # Then
    assert (answer["statusCode"], answer["headers"]) == (status, HEADERS)
    # Whoever could not sign is answered what arrived, as its digest.
    assert set(json.loads(answer["body"])) in ({"status"}, {"error"}, {"error", "body_sha256"})
    assert "reflect-me" not in json.dumps(answer)


def test_the_answer_503_has_them_too(shared_cloud: Cloud) -> None:
    # Given queue and spool both down
    with faults.failing("SendMessage", "PutObject"):
        # When
        answer = shared_cloud.invoke("ingest", request())
    # Then
    assert (answer["statusCode"], answer["headers"]) == (503, HEADERS)


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (400, proxy_event(LIST, status=MARK)),
        (400, proxy_event(LIST, **{"status": "AVAILABLE", MARK: MARK})),
        (400, proxy_event(EVENTS, "VC-1", limit=MARK, next_token=MARK)),
        (404, proxy_event(ONE, MARK)),
        (404, proxy_event(EVENTS, MARK)),
        (405, proxy_event(ONE, "VC-1") | {"httpMethod": MARK}),
        (405, proxy_event(ONE, "VC-1") | {"resource": MARK}),
        (500, proxy_event(LIST) | {"multiValueQueryStringParameters": MARK}),
    ],
)
def test_refusals_of_the_reader_have_them_too(shared_cloud: Cloud, status: int, event: dict[str, Any]) -> None:
    answer = shared_cloud.invoke("reader", event)
    assert (answer["statusCode"], answer["headers"]) == (status, HEADERS)
    assert set(json.loads(answer["body"])) == {"error"}
    assert "reflect-me" not in json.dumps(answer)


def test_an_answer_of_the_reader_has_them_too(shared_cloud: Cloud) -> None:
    answer = shared_cloud.invoke("reader", proxy_event(LIST, status="AVAILABLE"))
    assert (answer["statusCode"], answer["headers"]) == (200, HEADERS)
