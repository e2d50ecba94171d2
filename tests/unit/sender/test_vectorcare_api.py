"""A call with a token that VectorCare does not take is made once more with another, if there is time for that."""

from typing import Any, cast

import pytest

from sender.vectorcare.access_token import AccessToken, NoTokenError
from sender.vectorcare.api import VectorCareApi
from sender.vectorcare.api_calls import ApiCall
from sender.vectorcare.call_result import CallResult, Verdict
from sender.vectorcare.http import Http, HttpResponse
from tests.support.cloud import NOW
from vectorcare_bridge.commands.command import Command, Kind

CALL = ApiCall([Command(Kind.ACCEPT, "c-1", "VC-1", {})], "PUT", "/requests/VC-1/accept/", {})
REFUSED_TOKEN = HttpResponse(401, b"", None)
FORBIDDEN_TOKEN = HttpResponse(403, b'{"message": "x", "code": "members:not_authenticated"}', None)
TAKEN = HttpResponse(201, b"{}", None)
DONE = CallResult(Verdict.DONE, status=201)


class World:
    """HTTP and token."""

    def __init__(self, *responses: HttpResponse | CallResult, renewal: str | Exception = "second") -> None:
        self.responses = list(responses)
        self.renewal = renewal
        self.sent: list[tuple[str, str, Any, str]] = []

    def request(self, method: str, url: str, *, body: Any, headers: dict[str, str]) -> HttpResponse | CallResult:
        self.sent.append((method, url, body, headers["Authorization"]))
        return self.responses.pop(0)

    def current(self) -> str:
        return "first"

    def instead_of(self, refused: str) -> str:
        assert refused == "first"
        if isinstance(self.renewal, Exception):
            raise self.renewal
        return self.renewal

    def send(self, obstacle: CallResult | None = None) -> CallResult:
        api = VectorCareApi(cast("Http", self), cast("AccessToken", self), url="https://x.invalid/")
        return api.send(CALL, obstacle=lambda: obstacle)

    def tokens(self) -> list[str]:
        return [authorization for *_, authorization in self.sent]


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: NOW)


def test_a_call_carries_the_token() -> None:
    world = World(TAKEN)
    assert world.send() == DONE
    assert world.sent == [("PUT", "https://x.invalid/requests/VC-1/accept/", {}, "Bearer first")]


@pytest.mark.parametrize("refusal", [REFUSED_TOKEN, FORBIDDEN_TOKEN])
def test_a_refused_token_is_replaced_once(refusal: HttpResponse) -> None:
    world = World(refusal, TAKEN)
    assert world.send() == DONE
    assert world.tokens() == ["Bearer first", "Bearer second"]
    world = World(refusal, refusal)
    assert world.send().verdict is Verdict.LATER
    assert world.tokens() == ["Bearer first", "Bearer second"]


def test_after_the_wait_for_another_token_there_may_be_something_in_the_way() -> None:
    obstacle = CallResult(Verdict.LATER, "out_of_time")
    world = World(REFUSED_TOKEN)
    assert world.send(obstacle) == obstacle
    assert len(world.sent) == 1


def test_without_another_token_the_call_was_not_made() -> None:
    world = World(REFUSED_TOKEN, renewal=NoTokenError(CallResult(Verdict.LATER, "no_token")))
    with pytest.raises(NoTokenError):
        world.send()


def test_a_call_without_an_answer_is_not_repeated() -> None:
    lost = CallResult(Verdict.LOST, "no_answer", is_outage=True)
    world = World(lost)
    assert world.send() == lost
    assert len(world.sent) == 1
