"""What VectorCare's answer says about a command: done, refused for good, later, or lost."""

import json
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from tests.support.cloud import NOW
from vectorcare_bridge import vectorcare_answer
from vectorcare_bridge.vectorcare_answer import Answer, Verdict


def read(status: int, content: Any = None, *, retry_after: str | None = None) -> Answer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return vectorcare_answer.read(status, body, retry_after=retry_after, now=NOW)


@pytest.fixture
def _clocks_in_tokyo() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("status", [200, 201, 204, 299])
@pytest.mark.parametrize("content", [b"", b"\xff", None, {"code": "api:not_found"}])
def test_success_is_success_whatever_the_body_says(status: int, content: Any) -> None:
    assert read(status, content) == Answer(Verdict.DONE, status=status)


@pytest.mark.parametrize("status", [400, 402, 403, 404, 422, 428, 430, 499])
def test_a_refusal_is_final_and_no_outage(status: int) -> None:
    assert read(status, retry_after="5") == Answer(Verdict.REFUSED, f"http_{status}", status)


@pytest.mark.parametrize("status", [199, 300, 301, 399, 401, 500, 501, 503, 505, 599])
def test_what_is_no_answer_to_the_command_may_pass_and_counts_against_vectorcare(status: int) -> None:
    expected = Answer(Verdict.LATER, f"http_{status}", status, retry_after=5, is_outage=True)
    assert read(status, retry_after="5") == expected


@pytest.mark.parametrize("status", [502, 504])
def test_where_a_gateway_lost_the_server_the_call_may_have_got_there(status: int) -> None:
    expected = Answer(Verdict.LOST, f"http_{status}", status, retry_after=5, is_outage=True)
    assert read(status, retry_after="5") == expected


def test_too_many_requests_is_no_outage() -> None:
    assert read(429, retry_after="5") == Answer(Verdict.LATER, "http_429", 429, retry_after=5)


@pytest.mark.parametrize("status", [400, 429, 500])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"message": "Zebulon", "code": "common:required"}, "common:required"),
        ({"name": [{"message": "Zebulon", "code": "common:choice_invalid"}]}, "common:choice_invalid"),
        ([{"message": "Zebulon"}, {"code": "common:null"}, {"code": "common:blank"}], "common:null"),
        ({"x": {"code": "api:unknown_error"}, "code": "api:bad_request"}, "api:bad_request"),
        ({"code": "x" * 40 + ":" + "y" * 60}, "x" * 40 + ":" + "y" * 60),
    ],
)
def test_the_first_code_that_vectorcare_names_is_the_reason(status: int, content: Any, reason: str) -> None:
    assert read(status, content).reason == reason


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Zebulon",
        b"\xff",
        b"[" * 100_000,
        "api:not_found",
        ["api:not_found"],
        {"code": 7},
        {"code": None},
        {"code": "Zebulon Quillfeather"},
        {"code": "x" * 41 + ":y"},
        {"code": "x:" + "y" * 61},
        {"message": "api:not_found"},
    ],
    ids=range(12),
)
def test_what_is_no_code_is_never_a_reason(content: Any) -> None:
    assert read(400, content).reason == "http_400"


def test_a_body_may_be_nested_deeper_than_python_calls() -> None:
    # Given what the parser of Python 3.12 and later takes, and that of 3.11 does not
    deep: Any = {"code": "api:bad_request"}
    for _level in range(10_000):
        deep = {"x": [deep]}
    # When it is read, Then its code is found all the same
    with mock.patch("json.loads", return_value=deep):
        assert read(400, b"").reason == "api:bad_request"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"service_request_id": "VC-TEST0001"}, "VC-TEST0001"),
        ({"service_request_id": "VC-TESTX"}, "VC-TESTX"),
        ({"service_request_web_url": "https://x.invalid/requests/VC-TEST0001"}, "VC-TEST0001"),
        ({"service_request_web_url": "https://x.invalid/requests/VC-TEST0001//"}, "VC-TEST0001"),
        ({"service_request_id": "VC-A0001", "service_request_web_url": "https://x.invalid/VC-B0001"}, "VC-A0001"),
        ({"service_request_id": "0001", "service_request_web_url": "https://x.invalid/VC-B0001"}, "VC-B0001"),
        ({"service_request_id": 1, "service_request_web_url": "https://x.invalid/VC-B0001/"}, "VC-B0001"),
        ({"service_request_web_url": "https://x.invalid/VC-B0001/edit"}, None),
        ({"service_request_id": "VC-ABC"}, None),
        ({"service_request_id": "Zebulon Quillfeather"}, None),
        (["VC-TEST0001"], None),
        ({}, None),
    ],
)
def test_a_new_service_request_is_known_by_its_id_or_its_page(content: Any, expected: str | None) -> None:
    assert read(201, content) == Answer(Verdict.DONE, status=201, service_request_id=expected)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (None, 0),
        ("0", 0),
        ("20", 20),
        (" 20 ", 20),
        ("999999999", 999_999_999),
        ("1000000000", 0),
        ("-5", 0),
        ("soon", 0),
        ("", 0),
        ("Sun, 01 Mar 2026 12:00:40 GMT", 40),
        ("Sun, 01 Mar 2026 13:00:40 +0100", 40),
        ("Sun, 01 Mar 2026 12:00:40 -0000", 40),
        ("Sun, 01 Mar 2026 12:00:00 GMT", 0),
        ("Sun, 01 Mar 2026 11:59:20 GMT", 0),
        ("Sat, 01 Jan 0001 00:00:00 +2359", 0),
    ],
)
@pytest.mark.usefixtures("_clocks_in_tokyo")
def test_vectorcare_says_when_to_come_back_in_seconds_or_by_a_date(retry_after: str | None, seconds: float) -> None:
    # Given a clock that is not set to UTC, which changes nothing
    assert read(503, retry_after=retry_after).retry_after == seconds
