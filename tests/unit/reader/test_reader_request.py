"""Which queries there are, how others are refused, and that a token is valid for its own query only."""

import base64
import json
import string
from http import HTTPStatus
from typing import Any

import pytest

from reader import page_token, request
from reader.request import GetServiceRequest, ListEvents, ListServiceRequests, PageRequest, RefusedError
from tests.support.reading import DOCUMENT, EVENTS, LIST, ONE, proxy_event
from tests.support.webhooks import INVENTED_NAME

STATUSES = "ASSIGNED, AVAILABLE, COMPLETED, UNAVAILABLE"
QUERY = "GET /service-requests?status=AVAILABLE"
POSITION = {"service_request_id": "VC-Ü1", "last_updated": "2026-03-01T10:00:00.000000Z"}
MAX_BYTES = {"service_request_id": 2048, "last_updated": 1024}
TOKEN = page_token.encode(POSITION, query=QUERY)


def refusal(event: dict[str, Any]) -> tuple[int, str]:
    with pytest.raises(RefusedError) as refused:
        request.read(event)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return refused.value.status, str(refused.value)


def test_each_route_is_a_query() -> None:
    assert request.read(proxy_event(ONE, "VC-1")) == GetServiceRequest("VC-1")
    assert request.read(proxy_event(LIST, status="AVAILABLE")) == ListServiceRequests(
        "AVAILABLE", PageRequest(QUERY, 25, None)
    )
    assert request.read(proxy_event(EVENTS, "VC-1", limit="100")) == ListEvents(
        "VC-1", PageRequest("GET /service-requests/{service_request_id}/events VC-1", 100, None)
    )


def test_an_id_is_decoded_once_and_a_plus_in_a_path_is_a_plus() -> None:
    for spelling, name in (("A+B", "A+B"), ("A%2BB", "A+B"), ("A%252FB", "A%2FB"), ("A%2FB", "A/B"), ("50%25", "50%")):
        assert request.read(
            proxy_event(ONE) | {"pathParameters": {"service_request_id": spelling}}
        ) == GetServiceRequest(name)


def test_a_token_names_where_to_go_on() -> None:
    asked = request.read(proxy_event(LIST, status="AVAILABLE", limit="1", next_token=TOKEN))
    assert asked == ListServiceRequests("AVAILABLE", PageRequest(QUERY, 1, POSITION))


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        (proxy_event(LIST), f"status must be one of {STATUSES}"),
        (proxy_event(LIST, status="available"), f"status must be one of {STATUSES}"),
        (proxy_event(LIST, status=""), f"status must be one of {STATUSES}"),
        (proxy_event(LIST, status=["AVAILABLE", "ASSIGNED"]), "status is given more than once"),
        (proxy_event(LIST, state="AVAILABLE"), "unknown query parameter; known are status, limit, next_token"),
        (proxy_event(EVENTS, "VC-1", status="AVAILABLE"), "unknown query parameter; known are limit, next_token"),
        (proxy_event(ONE, "VC-1", limit="1"), "unknown query parameter; there are none"),
        (proxy_event(EVENTS, "VC-1", limit=["1", "1"]), "limit is given more than once"),
        *(
            (proxy_event(EVENTS, "VC-1", limit=limit), "limit must be a whole number from 1 to 100")
            for limit in ("0", "101", "-1", "1.0", "01", "1e1", " 1", "1\n", "٣", "", "9" * 5000)
        ),
        (proxy_event(ONE, "x" * 2049), "service_request_id must be UTF-8, of at most 2048 bytes"),
        (
            proxy_event(ONE) | {"pathParameters": {"service_request_id": "%FF"}},
            "service_request_id must be UTF-8, of at most 2048 bytes",
        ),
    ],
)
def test_a_malformed_query_is_refused_with_what_is_allowed(event: dict[str, Any], complaint: str) -> None:
    assert refusal(event) == (HTTPStatus.BAD_REQUEST, complaint)


@pytest.mark.parametrize(
    "change",
    [
        {"httpMethod": "POST"},
        {"httpMethod": "DELETE"},
        {"httpMethod": INVENTED_NAME},
        {"resource": "/"},
        {"resource": INVENTED_NAME},
    ],
)
def test_another_method_or_path_is_refused_and_not_repeated(change: dict[str, str]) -> None:
    event = proxy_event(ONE, "VC-1") | change
    assert request.route_of(event) is None
    status, complaint = refusal(event)
    assert status == HTTPStatus.METHOD_NOT_ALLOWED
    assert INVENTED_NAME not in complaint


@pytest.mark.parametrize(
    "event",
    [
        proxy_event(LIST, status="ASSIGNED", next_token=TOKEN),
        proxy_event(EVENTS, "VC-1", next_token=TOKEN),
        proxy_event(LIST, status="AVAILABLE", next_token=""),
        proxy_event(LIST, status="AVAILABLE", next_token=TOKEN + "="),
        proxy_event(LIST, status="AVAILABLE", next_token=TOKEN + "\n"),
        proxy_event(LIST, status="AVAILABLE", next_token=TOKEN[:-4]),
        proxy_event(LIST, status="AVAILABLE", next_token=TOKEN + "\U0001f6bb"),
        proxy_event(LIST, status="AVAILABLE", next_token=[TOKEN, TOKEN]),
    ],
)
def test_a_token_of_another_query_or_a_changed_one_is_refused(event: dict[str, Any]) -> None:
    status, complaint = refusal(event)
    assert status == HTTPStatus.BAD_REQUEST
    assert complaint.startswith("next_token ")
    assert TOKEN not in complaint


def test_a_token_of_one_service_request_is_invalid_for_another() -> None:
    token = page_token.encode({"event_id": "e"}, query=f"{request.EVENTS} VC-1")
    assert request.read(proxy_event(EVENTS, "VC-1", next_token=token)) is not None
    assert refusal(proxy_event(EVENTS, "VC-2", next_token=token))[0] == HTTPStatus.BAD_REQUEST


def test_a_token_with_one_character_changed_is_refused() -> None:
    # Given every token that differs from a good one by one character, changed, missing or added
    alphabet = string.ascii_letters + string.digits + "-_+/= %"
    changed = {
        TOKEN[:at] + character + TOKEN[at + skipped :]
        for at in range(len(TOKEN) + 1)
        for character in ["", *alphabet]
        for skipped in (0, 1)
    } - {TOKEN}
    # When each is read, Then it is refused
    for token in changed:
        with pytest.raises(ValueError, match="not a token of this query"):
            page_token.decode(token, query=QUERY, max_bytes=MAX_BYTES)
    assert len(changed) > 10_000


@pytest.mark.parametrize(
    "position",
    [
        {},
        [],
        None,
        {"service_request_id": "VC-1"},
        {**POSITION, "request_status": "ASSIGNED"},
        {**POSITION, "last_updated": 5},
        {**POSITION, "last_updated": ""},
        {**POSITION, "last_updated": "x" * 1025},
        {**POSITION, "last_updated": {"S": "x"}},
    ],
)
def test_a_forged_token_with_a_key_that_dynamodb_would_refuse_is_refused(position: Any) -> None:
    forged = page_token.encode(position, query=QUERY)
    assert refusal(proxy_event(LIST, status="AVAILABLE", next_token=forged))[0] == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("content", [b"[" * 9000, b'"\\ud800"', b"9" * 5000, b"\xff", b"", b"NaN"])
def test_a_token_with_content_that_python_cannot_read_is_refused(content: bytes) -> None:
    token = base64.urlsafe_b64encode(b"0" * 16 + content).rstrip(b"=").decode()
    assert refusal(proxy_event(LIST, status="AVAILABLE", next_token=token))[0] == HTTPStatus.BAD_REQUEST


def test_the_document_says_what_the_function_takes() -> None:
    # Given the parameters of the OpenAPI document
    parameters = DOCUMENT["components"]["parameters"]
    limit, status = parameters["limit"]["schema"], parameters["status"]["schema"]["enum"]
    # Then bounds and values are those of the function
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, request.MAX_LIMIT, request.DEFAULT_LIMIT)
    assert ", ".join(status) == STATUSES
    for value in status:
        assert request.read(proxy_event(LIST, status=value)) is not None


def test_a_token_needs_no_escapes_in_a_url() -> None:
    assert set(TOKEN) <= set(string.ascii_letters + string.digits + "-_")
    assert "VC-" not in TOKEN
    padded = TOKEN + "=" * (-len(TOKEN) % 4)
    assert json.loads(base64.urlsafe_b64decode(padded)[16:]) == POSITION
