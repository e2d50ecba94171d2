"""What a response says about a command: done, refused permanently, later, or nothing."""

import itertools
import json
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from sender.vectorcare import call_result
from sender.vectorcare.call_result import CallResult, Verdict
from tests.support.cloud import NOW
from vectorcare_bridge.commands.command import Kind

KINDS_WITHOUT_A_BODY = (Kind.STATE_UPDATE, Kind.ACCEPT, Kind.DECLINE, Kind.BEST_TIME, Kind.CHANGE_REQUEST)
CREATED = {"service_request_web_url": "https://x.invalid/requests/VC-TEST0001"}
SUCCESS = dict.fromkeys(Kind, 201) | {Kind.LOCATION_UPDATE: 200, Kind.CHANGE_REQUEST: 200}
PAGE = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back soon.</body></html>"
REFUSAL = {"message": "Zebulon", "code": "members:permission_denied"}


def read(
    status: int, content: Any = b"", *, kind: Kind = Kind.STATE_UPDATE, retry_after: str | None = None
) -> CallResult:
    body = content if isinstance(content, bytes | None) else json.dumps(content).encode()
    return call_result.read(status, body, kind=kind, retry_after=retry_after, now=NOW)


@pytest.mark.parametrize("status", [200, 201, 202, 299])
@pytest.mark.parametrize("kind", Kind)
def test_a_2xx_in_the_documented_shape_is_success(kind: Kind, status: int) -> None:
    content = CREATED if kind is Kind.CREATE_REQUEST else {}
    created = "VC-TEST0001" if kind is Kind.CREATE_REQUEST else None
    assert read(status, content, kind=kind) == CallResult(Verdict.DONE, status=status, service_request_id=created)


@pytest.mark.parametrize("content", [b"", {"name": "en_route"}, CREATED, {"message": "Zebulon"}], ids=range(4))
@pytest.mark.parametrize("kind", KINDS_WITHOUT_A_BODY)
def test_if_no_body_is_documented_the_documented_status_is_success(kind: Kind, content: Any) -> None:
    assert read(SUCCESS[kind], content, kind=kind) == CallResult(Verdict.DONE, status=SUCCESS[kind])
    other = 200 if SUCCESS[kind] == 201 else 201
    assert read(other, content, kind=kind).verdict is Verdict.LOST


@pytest.mark.parametrize("content", [None, PAGE, b"\xff", b"[" * 100_000, [{}], "ok", 7, b"null"], ids=range(8))
@pytest.mark.parametrize("status", [200, 201, 203])
def test_a_2xx_that_no_api_gives_proves_nothing_and_counts_against_vectorcare(content: Any, status: int) -> None:
    expected = CallResult(Verdict.LOST, "unexpected_answer", status, is_outage=True)
    assert {read(status, content, kind=kind) for kind in Kind} == {expected}


@pytest.mark.parametrize("status", [200, 201, 204, 299])
@pytest.mark.parametrize("kind", [Kind.LOCATION_UPDATE, Kind.CREATE_REQUEST])
def test_an_empty_2xx_is_no_success_if_a_body_is_documented(kind: Kind, status: int) -> None:
    assert read(status, b"", kind=kind) == CallResult(Verdict.LOST, "unexpected_answer", status, is_outage=True)


@pytest.mark.parametrize(
    ("kinds", "content", "reason"),
    [
        (Kind, REFUSAL, "members:permission_denied"),
        (Kind, {"name": [REFUSAL]}, "members:permission_denied"),
        (Kind, {"message": "Zebulon", "code": "Zebulon"}, "unexpected_answer"),
        (Kind, {"error": "Zebulon"}, "unexpected_answer"),
        (Kind, {"errors": []}, "unexpected_answer"),
        ([Kind.LOCATION_UPDATE, Kind.CREATE_REQUEST], {"status": "maintenance"}, "unexpected_answer"),
        *(
            ([Kind.CREATE_REQUEST], content, "unexpected_answer")
            for content in (
                {},
                {"service_request_web_url": None},
                {"service_request_web_url": ""},
                {"service_request_web_url": 7},
                {"service_request_id": "Zebulon Quillfeather"},
                {"service_request_id": "VC-ABC"},
            )
        ),
    ],
)
def test_a_2xx_in_another_shape_is_no_success_and_no_outage(kinds: list[Kind], content: Any, reason: str) -> None:
    for kind in kinds:
        assert read(SUCCESS[kind], content, kind=kind) == CallResult(Verdict.LOST, reason, SUCCESS[kind])


FINAL = [400, 403, 404, 405, 409, 410, 422, 428, 451, 499]
DEFINED = [400, 402, 403, 404, 405, 406, 409, 410, 411, 413, 414, 415, 422, 426, 431, 451]
TRY_AGAIN = [407, 408, 421, 423, 425, 429, 449]
PROVES_NOTHING = [
    0,
    *range(100, 104),
    199,
    *range(300, 309),
    399,
    *range(500, 512),
    *range(520, 531),
    561,
    599,
    600,
    999,
]
# A proxy's own, such as 499 and 460: it gave up waiting for the server that it had asked.
UNDEFINED = [419, 420, 430, 440, 444, 450, 460, 463, 464, 494, 495, 499]
NOT_VECTORCARES = [b"", None, PAGE, {"message": "Forbidden"}, {"code": 1020}]
CODE, UNKNOWN_ERROR = REFUSAL["code"], {"message": "Zebulon", "code": "api:unknown_error"}


@pytest.mark.parametrize(
    ("statuses", "contents", "expected"),
    [
        (FINAL, [REFUSAL, {"name": [REFUSAL]}, [{"name": [REFUSAL]}]], CallResult(Verdict.REFUSED, CODE)),
        (DEFINED, NOT_VECTORCARES, CallResult(Verdict.LATER, retry_after=5)),
        (TRY_AGAIN, NOT_VECTORCARES, CallResult(Verdict.LATER, retry_after=5)),
        (TRY_AGAIN, [REFUSAL], CallResult(Verdict.LATER, CODE, retry_after=5)),
        (PROVES_NOTHING, NOT_VECTORCARES, CallResult(Verdict.LOST, retry_after=5, is_outage=True)),
        (PROVES_NOTHING, [UNKNOWN_ERROR], CallResult(Verdict.LOST, "api:unknown_error", retry_after=5, is_outage=True)),
        (UNDEFINED, NOT_VECTORCARES, CallResult(Verdict.LOST, retry_after=5, is_outage=True)),
    ],
)
def test_status_and_shape_say_what_is_known_of_a_command_of_any_kind(
    statuses: list[int], contents: list[Any], expected: CallResult
) -> None:
    for status, content, kind in itertools.product(statuses, contents, Kind):
        reason = expected.reason or f"http_{status}"
        assert read(status, content, kind=kind, retry_after="5") == replace(expected, status=status, reason=reason)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (401, b""),
        (401, PAGE),
        (401, REFUSAL),
        (403, {"message": "Zebulon", "code": "members:not_authenticated"}),
        (403, {"message": "Zebulon", "code": "members:authentication_failed"}),
    ],
)
def test_a_refused_token_says_nothing_about_the_command(status: int, content: Any) -> None:
    answer = read(status, content)
    assert (answer.verdict, answer.refuses_token, answer.is_outage) == (Verdict.LATER, True, True)


def test_other_answers_do_not_ask_for_another_token() -> None:
    assert not any(read(status, content).refuses_token for status in (403, 500, 201, 429) for content in (REFUSAL, b""))


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
        b"\xff",
        ["api:not_found"],
        {"code": 7},
        {"code": "Zebulon Quillfeather"},
        {"code": "x" * 41 + ":y"},
        {"code": "x:" + "y" * 61},
        {"message": "api:not_found"},
    ],
    ids=range(7),
)
def test_a_malformed_code_is_never_a_reason(content: Any) -> None:
    assert read(400, content).reason == "http_400"


def test_a_body_may_be_nested_deeper_than_python_calls() -> None:
    # Given what the parser of Python 3.12 and later takes, and that of 3.11 does not
    deep: Any = {"code": "api:bad_request"}
    for _level in range(10_000):
        deep = {"x": [deep]}
    # When it is read, Then its code is found all the same
    with mock.patch("json.loads", return_value=deep):
        assert read(400, b"deep").reason == "api:bad_request"


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
    ],
)
def test_a_new_service_request_is_known_by_its_id_or_its_page(content: Any, expected: str | None) -> None:
    answer = read(201, content, kind=Kind.CREATE_REQUEST)
    assert answer == CallResult(Verdict.DONE, status=201, service_request_id=expected)


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
@pytest.mark.usefixtures("in_japan")
def test_vectorcare_says_when_to_come_back_in_seconds_or_by_a_date(retry_after: str | None, seconds: float) -> None:
    # Given a clock that is not set to UTC, which changes nothing
    assert read(503, retry_after=retry_after).retry_after == seconds
