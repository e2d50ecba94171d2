"""A call with a token that VectorCare does not take is made once more with another, if there is time for that."""

from typing import Any, cast

import pytest

from sender.vectorcare.access_token import AccessToken, NoTokenError
from sender.vectorcare.api import VectorCareApi
from sender.vectorcare.api_calls import ApiCall
from sender.vectorcare.call_result import CallResult, Verdict
from sender.vectorcare.http import Http, HttpResponse
from vectorcare_bridge.commands.command import Command, Kind

pytestmark = pytest.mark.usefixtures("at_noon")

CALL = ApiCall([Command(Kind.ACCEPT, "c-1", "VC-1", {})], "PUT", "/requests/VC-1/accept/", {})
REFUSED_TOKEN = HttpResponse(401, b"", None)
FORBIDDEN_TOKEN = HttpResponse(403, b'{"message": "x", "code": "members:not_authenticated"}', None)
TAKEN = HttpResponse(201, b"{}", None)


class World:
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


@pytest.mark.parametrize(
    ("responses", "verdict", "tokens"),
    [
        ([TAKEN], Verdict.DONE, ["first"]),
        ([REFUSED_TOKEN, TAKEN], Verdict.DONE, ["first", "second"]),
        ([FORBIDDEN_TOKEN, TAKEN], Verdict.DONE, ["first", "second"]),
        ([REFUSED_TOKEN, REFUSED_TOKEN], Verdict.LATER, ["first", "second"]),
        ([CallResult(Verdict.LOST, "no_answer", is_outage=True)], Verdict.LOST, ["first"]),
    ],
    ids=["done", "401", "403", "401 again", "no response"],
)
def test_a_call_carries_the_token_and_is_repeated_once_if_that_is_refused(
    responses: list[HttpResponse | CallResult], verdict: Verdict, tokens: list[str]
) -> None:
    world = World(*responses)
    assert world.send().verdict is verdict
    url = "https://x.invalid/requests/VC-1/accept/"
    assert world.sent == [("PUT", url, {}, f"Bearer {token}") for token in tokens]


def test_a_call_is_not_repeated_if_there_is_an_obstacle_after_the_wait_for_a_token() -> None:
    obstacle = CallResult(Verdict.LATER, "out_of_time")
    world = World(REFUSED_TOKEN)
    assert world.send(obstacle) == obstacle
    assert len(world.sent) == 1


def test_without_another_token_the_call_was_not_made() -> None:
    world = World(REFUSED_TOKEN, renewal=NoTokenError(CallResult(Verdict.LATER, "no_token")))
    with pytest.raises(NoTokenError):
        world.send()
