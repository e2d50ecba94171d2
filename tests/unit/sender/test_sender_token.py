"""The access token: asked for seldom, renewed in time, and neither it nor the credentials seen anywhere."""

import json
from collections.abc import Iterator
from threading import Barrier
from unittest import mock
from urllib.parse import parse_qs

import pytest

from simulator.api_rules import TOKEN_PATH
from simulator.http_types import InjectedFault, Request, Response, error
from tests.support import faults, sender
from tests.support.sender import CLIENT_ID, CLIENT_SECRET, Outbound
from tests.support.wait import PATIENCE
from tests.unit.conftest import Output


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    with sender.running() as outbound:
        yield outbound


def test_a_token_is_asked_for_as_documented_and_used_by_all_invocations(outbound: Outbound) -> None:
    # Given three batches, When they are sent
    for _batch in range(3):
        outbound.put()
        outbound.run()
    # Then one token served them
    [asked] = outbound.vectorcare.token_calls
    assert parse_qs(asked.body.decode()) == {
        "client_id": [CLIENT_ID],
        "client_secret": [CLIENT_SECRET],
        "grant_type": ["client_credentials"],
    }
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert {call.headers["authorization"] for call in outbound.vectorcare.calls} == {"Bearer invented-token-1"}


@pytest.mark.parametrize(("age", "tokens"), [(0.79, 1), (0.81, 2)])
def test_a_token_is_renewed_when_80_percent_of_its_life_are_over(outbound: Outbound, age: float, tokens: int) -> None:
    outbound.put()
    outbound.run()
    outbound.clock.seconds += 3600 * age
    outbound.put()
    outbound.run()
    assert len(outbound.vectorcare.token_calls) == tokens


def test_a_token_serves_to_its_end_while_no_other_is_to_be_had(outbound: Outbound) -> None:
    # Given a token past 80 % of its life, and a token endpoint that fails
    outbound.put()
    outbound.run()
    outbound.clock.seconds += 3600 * 0.9
    outbound.vectorcare.token_faults.extend([InjectedFault(status=503)] * 10)
    # When commands come
    for _command in range(3):
        outbound.put()
        outbound.run()
    # Then they are sent, and the endpoint is asked once a minute
    assert outbound.ends() == [("succeeded", None)] * 4
    assert len(outbound.vectorcare.token_calls) == 2
    # And not beyond its end
    outbound.clock.seconds += 3600 * 0.2
    outbound.put()
    assert len(outbound.run()) == 1
    assert outbound.ends() == []


def test_a_refused_token_is_renewed_once_and_the_call_repeated(outbound: Outbound) -> None:
    # Given a token that VectorCare has withdrawn
    outbound.put()
    outbound.run()
    outbound.vectorcare.rules.tokens.clear()
    # When a command is sent
    outbound.put()
    assert outbound.run() == []
    # Then it got through with another
    assert len(outbound.vectorcare.token_calls) == 2
    assert len(outbound.vectorcare.calls) == 3


def test_a_fresh_token_that_is_refused_too_is_not_asked_for_again(outbound: Outbound) -> None:
    # Given VectorCare refusing whatever comes
    outbound.vectorcare.faults.extend([InjectedFault(status=401)] * 2)
    outbound.put()
    # When a command is sent, Then it is given back after one renewal, and not failed for it
    assert len(outbound.run()) == 1
    assert (len(outbound.vectorcare.token_calls), len(outbound.vectorcare.calls)) == (2, 2)
    outbound.run_until_empty()
    assert outbound.ends() == [("succeeded", None)]


def test_of_many_calls_with_a_refused_token_one_renews_it() -> None:
    # Given ten trips' calls under way at once with a token that is withdrawn meanwhile
    with sender.running(inline=False) as outbound:
        trips = [f"VC-{number}" for number in range(10)]
        outbound.vectorcare.rules.requests |= dict.fromkeys(trips, "ASSIGNED")
        outbound.put()
        outbound.run()
        outbound.vectorcare.rules.tokens.clear()
        right_answer = outbound.vectorcare.answer
        together = Barrier(10, timeout=PATIENCE)
        first = set(trips)

        def answer(request: Request) -> Response:
            trip = request.path.split("/")[-3]
            if trip in first:
                first.discard(trip)
                together.wait()
                return error(401, "members:not_authenticated")
            return right_answer(request)

        for trip in trips:
            outbound.put(service_request_id=trip)
        # When VectorCare refuses all of them
        with mock.patch.object(outbound.vectorcare, "answer", answer):
            assert outbound.run() == []
        # Then one token was asked for
        assert len(outbound.vectorcare.token_calls) == 2
        assert outbound.ends() == [("succeeded", None)] * 11


def test_a_rotated_secret_needs_no_deploy(outbound: Outbound) -> None:
    # Given a container that knows the old secret, and its token at its end
    outbound.put()
    outbound.run()
    outbound.vectorcare.rules.clients[CLIENT_ID] = "Zebulon-Secret-2"
    outbound.secrets.put_secret_value(SecretId="vectorcare", SecretString=sender.secret("Zebulon-Secret-2"))
    outbound.clock.seconds += 3600
    # When a command is sent
    outbound.put()
    assert outbound.run() == []
    # Then the new secret was read when the old one was refused
    assert outbound.ends() == [("succeeded", None)] * 2
    assert len(outbound.vectorcare.token_calls) == 3


@pytest.mark.parametrize(
    "value", [sender.secret("Zebulon-wrong"), "Zebulon-no-json", '{"client_id": "Zebulon"}', '["Zebulon"]']
)
def test_credentials_that_do_not_serve_are_counted_and_lose_no_command(
    outbound: Outbound, output: Output, value: str
) -> None:
    # Given a wrong secret
    outbound.secrets.put_secret_value(SecretId="vectorcare", SecretString=value)
    outbound.put()
    # When a command is sent
    assert len(outbound.run()) == 1
    # Then it waits, and the operator is told, not the secret
    text = output.text()
    assert "CredentialsRefused" in text
    assert "Zebulon" not in text
    outbound.secrets.put_secret_value(SecretId="vectorcare", SecretString=sender.secret(CLIENT_SECRET))
    outbound.run_until_empty()
    assert outbound.ends() == [("succeeded", None)]


def test_a_secret_that_is_not_to_be_had_leaves_no_command_in_doubt(outbound: Outbound) -> None:
    # Given a command that cannot be repeated, and no access to the secret
    outbound.put(command="create_request", service_request_id=..., service_id="s", request={})
    with faults.failing("GetSecretValue", error=lambda: faults.refusal("AccessDeniedException")):
        assert len(outbound.run()) == 1
    # When there is access, Then it is sent
    outbound.run_until_empty()
    assert outbound.ends() == [("succeeded", None)]


@pytest.mark.parametrize(
    "fault",
    [
        InjectedFault(status=500),
        InjectedFault(status=429, headers={"Retry-After": "5"}),
        InjectedFault(is_reset=True),
        InjectedFault(status=200, body=b"{}"),
        InjectedFault(status=200, body=b"no json"),
        InjectedFault(status=200, body=b'{"access_token": "a\\nb"}'),
        InjectedFault(status=302, headers={"Location": "https://elsewhere.invalid"}),
    ],
)
def test_a_token_that_is_not_to_be_had_costs_no_call_and_no_command(outbound: Outbound, fault: InjectedFault) -> None:
    outbound.vectorcare.token_faults.append(fault)
    outbound.put(command="create_request", service_request_id=..., service_id="s", request={})
    assert len(outbound.run()) == 1
    assert outbound.vectorcare.calls == []
    outbound.run_until_empty()
    assert outbound.ends() == [("succeeded", None)]


@pytest.mark.parametrize(
    ("faults_of_token", "asked", "secret_asked"),
    [([InjectedFault(is_reset=True)] * 20, 1, False), ([InjectedFault(status=503)] * 20, 1, False), ([], 0, True)],
    ids=["reset", "503", "secret"],
)
def test_of_many_who_wait_for_a_token_in_vain_one_asks(
    faults_of_token: list[InjectedFault], asked: int, secret_asked: bool
) -> None:
    # Given ten trips' commands, and neither token nor another renewal to hope for
    with sender.running(inline=False) as outbound:
        outbound.vectorcare.token_faults.extend(faults_of_token)
        for number in range(10):
            outbound.put(command="create_request", service_request_id=..., service_id="s", request={"n": number})
        asked_for_secret: list[str] = []

        def decide(operation: str, after: bool) -> Exception | None:
            is_secret = operation == "GetSecretValue" and not after
            if is_secret:
                asked_for_secret.append(operation)
            return faults.unreachable() if is_secret and secret_asked else None

        # When they are sent side by side
        with faults.on_call(decide):
            assert len(outbound.run()) == 10
        # Then one has asked, that is one failure, and the ledger has not heard of any command
        assert (len(outbound.vectorcare.token_calls), len(asked_for_secret)) == (asked, 1)
        assert {name for name in outbound.ledger() if not name.startswith("#")} == set()
        assert outbound.ledger()["#circuit"]["failures"] == 1
        # And some seconds later they are all sent
        outbound.vectorcare.token_faults.clear()
        outbound.run_until_empty()
        assert outbound.ends() == [("succeeded", None)] * 10


def test_while_one_renews_a_token_that_is_still_good_the_others_go_on_with_it(outbound: Outbound) -> None:
    # Given a token past 80 % of its life
    outbound.put()
    outbound.run()
    outbound.clock.seconds += 3600 * 0.9
    right_answer = outbound.vectorcare.answer
    tokens: list[str] = []

    def answer(request: Request) -> Response:
        if request.path == TOKEN_PATH and not tokens:
            tokens.append("")
            tokens[0] = outbound.token()
        return right_answer(request)

    # When somebody needs it while another one waits for its successor
    outbound.put()
    with mock.patch.object(outbound.vectorcare, "answer", answer):
        assert outbound.run() == []
    # Then that one does not wait, and does not ask
    assert tokens == ["invented-token-1"]
    assert len(outbound.vectorcare.token_calls) == 2


@pytest.mark.parametrize("status", [404, 405, 410, 301, 308])
def test_a_url_where_no_token_endpoint_is_is_called_wrong_and_the_credentials_are_not(
    outbound: Outbound, output: Output, status: int
) -> None:
    page = InjectedFault(status=status, headers={"Content-Type": "text/html"}, body=b"<html>not here</html>")
    outbound.vectorcare.token_faults.extend([page] * 2)
    outbound.put()
    assert len(outbound.run()) == 1
    text = output.text()
    assert "token_url_wrong" in text
    assert "credentials_refused" not in text
    assert len(outbound.vectorcare.token_calls) == 1


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, b'{"error": "invalid_client"}', "credentials_refused"),
        (403, b'{"error": "unauthorized_client"}', "credentials_refused"),
        (401, b"", "credentials_refused"),
        (400, b'{"error": "invalid_request"}', "token_http_400"),
        (400, b'{"error": ["invalid_client"]}', "token_http_400"),
        (403, b"<html>Blocked</html>", "token_http_403"),
        (408, b"", "token_http_408"),
        (429, b"", "token_http_429"),
        (302, b"", "token_http_302"),
        (500, b'{"error": "invalid_client"}', "token_http_500"),
        (200, b"<html>Back soon</html>", "no_token"),
        (200, b'{"error": "invalid_client"}', "no_token"),
        (204, b"", "no_token"),
    ],
)
def test_what_keeps_a_token_from_coming_is_named(
    outbound: Outbound, output: Output, status: int, body: bytes, reason: str
) -> None:
    outbound.vectorcare.token_faults.extend([InjectedFault(status=status, body=body)] * 2)
    outbound.put()
    assert len(outbound.run()) == 1
    text = output.text()
    assert f'"reason":"{reason}"' in text.replace(" ", "")
    assert ("CredentialsRefused" in text) == (reason == "credentials_refused")
    assert outbound.vectorcare.calls == []


@pytest.mark.parametrize("status", [200, 201, 203])
def test_a_token_is_one_with_whichever_success_it_comes(outbound: Outbound, status: int) -> None:
    outbound.vectorcare.rules.tokens["t"] = outbound.clock.epoch() + 3600
    body = b'{"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}'
    outbound.vectorcare.token_faults.append(InjectedFault(status=status, body=body))
    outbound.put()
    assert outbound.run() == []
    assert outbound.ends() == [("succeeded", None)]


@pytest.mark.parametrize("life", ['"soon"', "0", "-1", "true", "null", "NaN"])
def test_a_life_that_is_not_told_is_taken_as_short(outbound: Outbound, life: str) -> None:
    outbound.vectorcare.rules.tokens["Zebulon-token"] = outbound.clock.epoch() + 3600
    body = f'{{"access_token": "Zebulon-token", "expires_in": {life}}}'.encode()
    outbound.vectorcare.token_faults.append(InjectedFault(status=200, body=body))
    for wait in (0, 200, 100):
        outbound.clock.seconds += wait
        outbound.put()
        assert outbound.run() == []
    assert len(outbound.vectorcare.token_calls) == 2


def test_threads_that_need_a_first_token_ask_for_one() -> None:
    with sender.running(inline=False) as outbound:
        for number in range(10):
            outbound.vectorcare.rules.requests[f"VC-{number}"] = "ASSIGNED"
            outbound.put(service_request_id=f"VC-{number}")
        assert outbound.run() == []
        assert len(outbound.vectorcare.token_calls) == 1


@pytest.mark.parametrize(
    ("client_id", "token_url", "reason"), [("", None, "secret_not_filled"), (CLIENT_ID, "", "token_url_missing")]
)
def test_a_stack_that_nobody_has_set_up_says_so_and_sends_once_it_is(
    outbound: Outbound, output: Output, client_id: str, token_url: str | None, reason: str
) -> None:
    # Given the stack's placeholder in the secret, or an environment whose token endpoint nobody has named
    placeholder = json.dumps({"client_id": client_id, "client_secret": "invented-by-the-stack"})
    outbound.secrets.put_secret_value(SecretId="vectorcare", SecretString=placeholder)
    if token_url is not None:
        outbound.restart(VECTORCARE_TOKEN_URL=token_url)
    # When a command comes
    message_id = outbound.put()
    # Then nothing is asked of VectorCare, the log says why, and the command stays
    assert outbound.run() == [message_id]
    assert outbound.vectorcare.token_calls == outbound.vectorcare.calls == []
    assert reason in output.text()
    assert "invented-by-the-stack" not in output.text()
    # And once that is mended it is sent
    outbound.secrets.put_secret_value(SecretId="vectorcare", SecretString=sender.secret(CLIENT_SECRET))
    if token_url is not None:
        outbound.restart()
    outbound.run_until_empty()
    assert outbound.ends() == [("succeeded", None)]
