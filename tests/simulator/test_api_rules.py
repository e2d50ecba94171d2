"""The fake API follows the documented rules of VectorCare's Open API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.api_rules import API_PATH, TOKEN_PATH, ApiRules, RateLimit
from simulator.http_types import Request
from tests.simulator.vectorcare_calls import NOW, TOKEN, TRIP, call, codes, make_rules

HERE = {"lat": 1.25, "lng": -2.5, "alt": 3.0, "timestamp": NOW}
AVAILABLE_VERBS = ("accept", "decline", "best-time")


def at(seconds: float) -> str:
    return (datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def rules() -> ApiRules:
    return make_rules()


@pytest.mark.parametrize(
    ("verb", "body", "expected"),
    [
        ("state", {"name": "en_route", "timestamp": at(0)}, 201),
        ("state", {"name": "dry_run", "timestamp": at(-7 * 24 * 3600)}, 201),
        ("locations", [HERE, HERE | {"speed": 4.5, "timestamp": NOW - 0.25}], 200),
        ("locations", [HERE] * 200, 200),
        ("accept", {}, 201),
        ("accept", {"response_notes": "x" * 450}, 201),
        ("decline", {"response_notes": ""}, 201),
        ("best-time", {"proposed_agreed_dt": at(3600)}, 201),
        ("change-request", {"agreed_dt": at(3600), "change_reason": "invented"}, 200),
    ],
)
def test_a_documented_call_is_taken(rules: ApiRules, verb: str, body: Any, expected: int) -> None:
    # Given
    rules.requests[TRIP] = "AVAILABLE" if verb in AVAILABLE_VERBS else "ASSIGNED"
    # When, Then
    assert call(rules, verb, body).status == expected


@pytest.mark.parametrize(
    ("verb", "body", "expected"),
    [
        ("state", {"timestamp": at(0)}, [("name", "common:required")]),
        ("state", {"name": None, "timestamp": at(0)}, [("name", "common:null")]),
        ("state", {"name": "", "timestamp": at(0)}, [("name", "common:blank")]),
        ("state", {"name": "asleep", "timestamp": at(0)}, [("name", "common:choice_invalid")]),
        ("state", {"name": "en_route", "timestamp": "noon"}, [("timestamp", "common:datetime_invalid_format")]),
        ("state", {"name": "en_route", "timestamp": at(1)}, [("timestamp", "api:bad_request")]),
        ("state", {"name": "en_route", "timestamp": at(-7 * 24 * 3600 - 1)}, [("timestamp", "api:bad_request")]),
        ("state", [], [("name", "common:required")]),
        ("locations", {}, "api:bad_request"),
        ("locations", [3], "api:bad_request"),
        ("locations", [HERE] * 201, "responder:too_many_locations"),
        ("locations", [HERE, {"lat": 1.0, "lng": 1.0, "timestamp": NOW}], [("alt", "common:required")]),
        ("locations", [HERE | {"lat": 90.5}], [("lat", "api:bad_request")]),
        ("locations", [HERE | {"lng": True}], [("lng", "api:bad_request")]),
        ("locations", [HERE | {"timestamp": NOW * 1000}], [("timestamp", "api:bad_request")]),
        ("locations", [HERE | {"timestamp": at(0)}], [("timestamp", "api:bad_request")]),
        ("accept", {"response_notes": "x" * 451}, [("response_notes", "common:max_length")]),
        ("decline", {"response_notes": 1}, [("response_notes", "api:bad_request")]),
        ("best-time", {}, [("proposed_agreed_dt", "common:required")]),
        ("best-time", {"proposed_agreed_dt": "soon"}, [("proposed_agreed_dt", "common:datetime_invalid_format")]),
        ("change-request", {"agreed_dt": at(0)}, [("change_reason", "common:required")]),
        ("change-request", {"agreed_dt": at(0), "change_reason": "x" * 451}, [("change_reason", "common:max_length")]),
    ],
)
def test_any_other_call_is_refused_with_its_code_and_changes_nothing(
    rules: ApiRules, verb: str, body: Any, expected: Any
) -> None:
    # Given
    status = "AVAILABLE" if verb in AVAILABLE_VERBS else "ASSIGNED"
    rules.requests[TRIP] = status
    # When
    response = call(rules, verb, body)
    # Then
    assert codes(response) == (400, expected)
    assert (rules.requests[TRIP], rules.states, rules.positions) == (status, {}, {})


def test_a_call_that_is_not_permitted_is_refused_with_its_code(rules: ApiRules) -> None:
    # Given one request of ours, one of others, one assigned
    rules.requests |= {TRIP: "AVAILABLE", "VC-TAKEN": "ASSIGNED"}
    rules.foreign.add("VC-OTHERS")
    # When, Then
    assert codes(call(rules, "accept", {}, trip="VC-UNKNOWN")) == (404, "api:not_found")
    assert codes(call(rules, "accept", {}, trip="VC-OTHERS")) == (403, "members:permission_denied")
    assert codes(call(rules, "accept", {}, trip="VC-TAKEN")) == (403, "members:permission_denied")
    assert codes(call(rules, "accept", {}, method="POST")) == (405, "api:method_not_allowed")
    assert codes(call(rules, "dance", {})) == (404, "api:not_found")
    rules.is_enabled = False
    assert codes(call(rules, "accept", {})) == (403, "public_api:public_api_not_enabled")


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (None, "members:not_authenticated"),
        ("Basic eA==", "members:not_authenticated"),
        ("Bearer somebody-elses", "members:authentication_failed"),
    ],
)
def test_without_a_token_nothing_is_done(rules: ApiRules, authorization: str | None, expected: str) -> None:
    headers = {"authorization": authorization} if authorization else {}
    request = Request("PUT", f"{API_PATH}/requests/{TRIP}/accept/", headers, b"{}")
    assert codes(rules.answer(request)) == (401, expected)


def test_a_token_ends(rules: ApiRules) -> None:
    rules.requests[TRIP] = "AVAILABLE"
    rules.tokens[TOKEN] = NOW
    assert codes(call(rules, "accept", {})) == (401, "members:authentication_failed")


@pytest.mark.parametrize(("client_id", "secret"), [("known", "wrong"), ("nobody", ""), ("", "")])
def test_only_known_credentials_get_a_token(rules: ApiRules, client_id: str, secret: str) -> None:
    rules.clients["known"] = "invented"
    form = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}"
    assert rules.answer(Request("POST", TOKEN_PATH, {}, form.encode())).status == 401


@pytest.mark.parametrize(("retry_after", "expected"), [(None, None), (7, "7")])
def test_too_many_calls_in_a_second_are_refused(rules: ApiRules, retry_after: int | None, expected: str | None) -> None:
    # Given
    rules.requests[TRIP] = "ASSIGNED"
    rules.rate_limit = RateLimit(calls_per_second=2, retry_after=retry_after)
    # When
    answers = [call(rules, "locations", [HERE]) for _ in range(3)]
    # Then
    assert [response.status for response in answers] == [200, 200, 429]
    assert codes(answers[-1]) == (429, "api:too_many_requests")
    assert answers[-1].headers.get("Retry-After") == expected
