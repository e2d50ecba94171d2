"""The access token: requested rarely and renewed in time; every failure has a reason."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import pytest

from sender.vectorcare.access_token import AccessToken, NoTokenError
from sender.vectorcare.call_result import CallResult, Verdict
from sender.vectorcare.http import Http, HttpResponse
from tests.support import sender
from tests.support.cloud import NOW
from tests.support.sender import CLIENT_ID, CLIENT_SECRET
from tests.unit.conftest import Output
from vectorcare_bridge import utc_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://x.invalid/token"
STORED_UNDER = "vectorcare"
UNREACHABLE = CallResult(Verdict.LATER, "unreachable", is_outage=True)


def granted(token: str, life: Any = 3600, status: int = 200) -> HttpResponse:
    return HttpResponse(status, json.dumps({"access_token": token, "expires_in": life}).encode(), None)


def refused(status: int, body: bytes = b"", retry_after: str | None = None) -> HttpResponse:
    return HttpResponse(status, body, retry_after)


class Endpoint:
    """VectorCare's token endpoint, Secrets Manager and the clock; the last response is repeated."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *responses: HttpResponse | CallResult) -> None:
        self.responses = list(responses)
        self.requests: list[dict[str, str]] = []
        self.secret = sender.secret(CLIENT_SECRET)
        self.seconds = 0.0
        self.meanwhile: Callable[[], object] = lambda: None
        monkeypatch.setattr(
            "vectorcare_bridge.edge.runtime.now", lambda: utc_timestamp.later(NOW, minutes=self.seconds / 60)
        )
        self.token = self.start()

    def start(self, url: str = URL) -> AccessToken:
        return AccessToken(cast("Http", self), cast("Any", self), url=url, secret=STORED_UNDER)

    def request(self, method: str, url: str, *, form: dict[str, str]) -> HttpResponse | CallResult:
        assert (method, url, form["grant_type"]) == ("POST", URL, "client_credentials")
        self.requests.append(form)
        self.meanwhile()
        return self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 boto3's name
        assert SecretId == STORED_UNDER
        return {"SecretString": self.secret}


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """Give an endpoint that grants one token after another."""
    return Endpoint(monkeypatch, *(granted(f"token-{number}") for number in range(1, 9)))


@pytest.mark.parametrize(("age", "token"), [(0, "token-1"), (0.79, "token-1"), (0.81, "token-2"), (1, "token-2")])
def test_a_token_is_renewed_when_80_percent_of_its_life_are_over(endpoint: Endpoint, age: float, token: str) -> None:
    assert endpoint.token.current() == "token-1"
    endpoint.seconds = 3600 * age
    assert endpoint.token.current() == token
    assert endpoint.requests[0] == {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "grant_type": "client_credentials",
    }


def test_a_token_serves_to_its_end_if_no_other_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a token past 80 % of its life, and an endpoint that fails
    endpoint = Endpoint(monkeypatch, granted("token-1"), refused(503))
    endpoint.token.current()
    endpoint.seconds = 3600 * 0.9
    # When it is needed, Then it serves, and the endpoint is asked once a minute
    assert [endpoint.token.current() for _call in range(3)] == ["token-1"] * 3
    assert len(endpoint.requests) == 2
    endpoint.seconds += 60
    assert endpoint.token.current() == "token-1"
    assert len(endpoint.requests) == 3
    # And not beyond its end
    endpoint.seconds = 3600
    with pytest.raises(NoTokenError):
        endpoint.token.current()


def test_while_one_caller_renews_a_token_the_others_use_the_old_one(endpoint: Endpoint) -> None:
    endpoint.token.current()
    endpoint.seconds = 3600 * 0.9
    others: list[str] = []
    endpoint.meanwhile = lambda: others.append(endpoint.token.current())
    assert endpoint.token.current() == "token-2"
    assert (others, len(endpoint.requests)) == (["token-1"], 2)


def test_only_one_of_many_callers_renews_a_refused_token(endpoint: Endpoint) -> None:
    assert endpoint.token.current() == "token-1"
    assert [endpoint.token.instead_of("token-1") for _caller in range(3)] == ["token-2"] * 3
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize("token_comes", [True, False])
def test_only_one_of_many_callers_requests_a_token(monkeypatch: pytest.MonkeyPatch, token_comes: bool) -> None:
    # Given ten threads that need a first token
    endpoint = Endpoint(monkeypatch, granted("token-1") if token_comes else UNREACHABLE)

    def need(_caller: int) -> bool | str:
        try:
            return endpoint.token.current()
        except NoTokenError as error:
            return error.is_remembered

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(need, range(10)))
    # Then one asks, and the others wait for its answer, whatever that is
    assert len(endpoint.requests) == 1
    assert sorted(answers, key=str) == (["token-1"] * 10 if token_comes else [False] + [True] * 9)
    # And a failure is remembered for five seconds
    endpoint.seconds = 4.9
    need(0)
    assert len(endpoint.requests) == 1
    endpoint.seconds = 5
    need(0)
    assert len(endpoint.requests) == (1 if token_comes else 2)


def test_a_rotated_secret_is_read_when_the_old_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = Endpoint(monkeypatch, granted("token-1"), refused(401), granted("token-2"))
    endpoint.token.current()
    endpoint.secret = sender.secret("Zebulon-Secret-2")
    endpoint.seconds = 3600
    assert endpoint.token.current() == "token-2"
    assert [one["client_secret"] for one in endpoint.requests] == [CLIENT_SECRET, CLIENT_SECRET, "Zebulon-Secret-2"]


def failure(endpoint: Endpoint) -> NoTokenError:
    with pytest.raises(NoTokenError) as error:
        endpoint.token.current()
    assert not error.value.is_remembered
    return error.value


@pytest.mark.parametrize(
    ("response", "reason", "is_refused"),
    [
        (refused(400, b'{"error": "invalid_client"}'), "credentials_refused", True),
        (refused(403, b'{"error": "unauthorized_client"}'), "credentials_refused", True),
        (refused(401), "credentials_refused", True),
        *((refused(status, b"<html>not here</html>"), "token_url_wrong", True) for status in (301, 308, 404, 405, 410)),
        (refused(400, b'{"error": "invalid_request"}'), "token_http_400", False),
        (refused(400, b'{"error": ["invalid_client"]}'), "token_http_400", False),
        (refused(403, b"<html>Blocked</html>"), "token_http_403", False),
        (refused(302), "token_http_302", False),
        (refused(500, b'{"error": "invalid_client"}'), "token_http_500", False),
        (refused(200, b"<html>Back soon</html>"), "no_token", False),
        (refused(200, b"[]"), "no_token", False),
        (refused(200, b'{"access_token": "a\\nb"}'), "no_token", False),
        (refused(200, b'{"access_token": ""}'), "no_token", False),
        (refused(204), "no_token", False),
        (UNREACHABLE, "unreachable", False),
        (CallResult(Verdict.LOST, "no_answer", is_outage=True), "no_answer", False),
    ],
)
def test_each_failure_to_get_a_token_has_its_reason(
    monkeypatch: pytest.MonkeyPatch, response: HttpResponse | CallResult, reason: str, is_refused: bool
) -> None:
    error = failure(Endpoint(monkeypatch, response))
    status = response.status
    assert error.answer == CallResult(Verdict.LATER, reason, status, is_outage=True)
    assert error.is_refused is is_refused


def test_an_endpoint_that_is_busy_says_when_to_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    error = failure(Endpoint(monkeypatch, refused(429, retry_after="5")))
    assert error.answer == CallResult(Verdict.LATER, "token_http_429", 429, retry_after=5, is_outage=True)


@pytest.mark.parametrize("status", [200, 201, 203])
def test_a_token_comes_with_any_success(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    assert Endpoint(monkeypatch, granted("t", status=status)).token.current() == "t"


@pytest.mark.parametrize("life", ["soon", 0, -1, True, None, float("nan"), 1e9])
def test_without_a_life_that_makes_sense_a_token_serves_for_five_minutes(
    monkeypatch: pytest.MonkeyPatch, life: Any
) -> None:
    endpoint = Endpoint(monkeypatch, granted("first", life), granted("second"))
    for seconds, token in ((0, "first"), (239, "first"), (241, "second")):
        endpoint.seconds = seconds
        assert endpoint.token.current() == token


@pytest.mark.parametrize(
    ("secret", "url", "reason"),
    [
        ("Zebulon-no-json", URL, "secret_unreadable"),
        ('{"client_id": "Zebulon"}', URL, "secret_unreadable"),
        ('["Zebulon"]', URL, "secret_unreadable"),
        ('{"client_id": "", "client_secret": "Zebulon"}', URL, "secret_not_filled"),
        (sender.secret(CLIENT_SECRET), "", "token_url_missing"),
    ],
)
def test_a_stack_without_credentials_makes_no_call_says_so_and_works_once_it_has_them(
    endpoint: Endpoint, output: Output, secret: str, url: str, reason: str
) -> None:
    # Given a secret or an environment that is not filled yet
    endpoint.secret, endpoint.token = secret, endpoint.start(url)
    # When a token is needed, Then no call is made, and the reason repeats nothing
    error = failure(endpoint)
    assert (error.answer.reason, error.is_refused, endpoint.requests) == (reason, True, [])
    assert "Zebulon" not in output.text() + repr(error)
    # And once that is done there is one
    endpoint.secret, endpoint.seconds = sender.secret(CLIENT_SECRET), 5
    endpoint.token = endpoint.token if url else endpoint.start()
    assert endpoint.token.current() == "token-1"
