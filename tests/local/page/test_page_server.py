"""The page's routes: what they do, for whom, and what they refuse."""

import json
from pathlib import Path

import pytest

from local.page.server import STATIC, StartingPage
from tests.local.page.asgi import ask
from tests.local.page.conftest import ServedPage

OWN = "127.0.0.1:8000"


def test_a_browser_loads_and_runs_nothing_but_the_pages_own_files(page: ServedPage) -> None:
    for path in ("/", *(f"/static/{file.name}" for file in STATIC.iterdir())):
        # When
        answer = ask(page.app, "GET", path)
        # Then
        text = answer.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert answer.status == 200
        assert "https://" not in text
        assert "http://" not in text
    policy = ask(page.app, "GET", "/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_until_everything_runs_the_page_shows_what_is_being_done(tmp_path: Path) -> None:
    # Given
    status_file = tmp_path / "page.json"
    status_file.write_text('{"starting": "Deploying <the> stack"}')
    app = StartingPage(status_file)
    # When
    shown, style, early = (ask(app, "GET", path) for path in ("/", "/static/app.css", "/settings"))
    # Then
    assert "Deploying &lt;the&gt; stack ..." in shown.body.decode()
    assert (shown.status, style.status, early.status) == (200, 200, 404)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "bridge.example"},
        {"host": "127.0.0.1.bridge.example:8000"},
        {"host": "[::1"},
        {"host": ""},
        {"origin": "https://bridge.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_pages_from_elsewhere_may_neither_read_nor_do(page: ServedPage, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/settings"), ("POST", "/requester/broadcast")):
        # When
        answer = ask(page.app, method, path, b"{}", **headers)
        # Then
        assert answer.status == 403
    assert list(page.simulator.marketplace.ids()) == []


def test_the_page_itself_may(page: ServedPage) -> None:
    # When
    answer = ask(page.app, "POST", "/requester/broadcast", b"{}", origin=f"http://{OWN}", sec_fetch_site="same-origin")
    # Then
    assert answer.content["service_request_ids"] == list(page.simulator.marketplace.ids())


def test_without_a_key_to_sign_with_nothing_is_broadcast(page: ServedPage) -> None:
    # Given
    page.description["private_key_file"] = None
    # When
    answer = ask(page.app, "POST", "/requester/broadcast", b"{}")
    # Then
    assert answer.status == 400
    assert "--private-key" in answer.content["message"]
    assert list(page.simulator.marketplace.ids()) == []


def test_what_vectorcare_refuses_is_said_in_its_words(page: ServedPage) -> None:
    # When
    answer = ask(page.app, "POST", "/requester/broadcast", b'{"count": 0}')
    # Then
    assert (answer.status, answer.content["message"]) == (400, "count is a whole number from 1 to 1000.")


@pytest.mark.parametrize("path", ["/requester/..%2Fsettings/key", "/requester/x/..%2F..%2Fsettings"])
def test_a_name_leads_nowhere_else_at_vectorcare(page: ServedPage, path: str) -> None:
    # Given
    before = page.simulator.public_key
    # When
    answer = ask(page.app, "POST", path.replace("%2F", "/"), b"{}")
    # Then
    assert answer.status in (400, 404)
    assert page.simulator.public_key == before


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"not json", {}),
        (b"[]", {}),
        (b"[" * 50_000, {}),
        (b'{"x": "' + b"x" * 200_000 + b'"}', {}),
        (b"{}", {"content_type": "text/plain"}),
    ],
)
def test_a_body_that_cannot_be_read_changes_nothing(page: ServedPage, body: bytes, headers: dict[str, str]) -> None:
    # When
    answer = ask(page.app, "POST", "/requester/broadcast", body, **headers)
    # Then
    assert answer.status == 400
    assert list(page.simulator.marketplace.ids()) == []


def test_a_command_goes_to_the_outbound_queue_as_the_dispatch_system_sends_it(page: ServedPage) -> None:
    # When
    answer = ask(page.app, "POST", "/commands", b'{"command": "accept", "service_request_id": "VC-TEST0001"}')
    # Then
    sent = page.stack.client("sqs").send_message.call_args.kwargs["MessageBody"]
    assert json.loads(sent) == {
        "command": "accept",
        "command_id": answer.content["command_id"],
        "service_request_id": "VC-TEST0001",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"command": "explode", "service_request_id": "VC-TEST0001"}',
        b'{"command": "accept", "service_request_id": 7}',
        b'{"command": "state_update", "service_request_id": "VC-TEST0001", "name": "asleep"}',
        b'{"command": "location_update", "service_request_id": "VC-TEST0001", "locations": [{"lat": 91}]}',
    ],
)
def test_a_command_that_vectorcare_would_refuse_is_not_sent(page: ServedPage, body: bytes) -> None:
    # When
    answer = ask(page.app, "POST", "/commands", body)
    # Then
    assert answer.status == 400
    page.stack.client("sqs").send_message.assert_not_called()


@pytest.mark.parametrize("body", [{}, {"dry_run": True}, {"dry_run": None}, {"dry_run": "false"}])
def test_a_redrive_is_a_dry_run_unless_it_is_said_not_to_be(page: ServedPage, body: dict[str, object]) -> None:
    # Given
    functions = page.stack.client("lambda")
    functions.invoke.return_value["Payload"].read.return_value = b'{"would_move": 2}'
    # When
    answer = ask(page.app, "POST", "/redrive", json.dumps(body).encode())
    # Then
    assert answer.content["would_move"] == 2
    assert json.loads(functions.invoke.call_args.kwargs["Payload"])["dry_run"] is True


def test_a_redrive_moves_no_more_than_the_dry_run_found(page: ServedPage) -> None:
    # Given
    functions = page.stack.client("lambda")
    functions.invoke.return_value["Payload"].read.return_value = b'{"moved": 2, "stopped": "limit"}'
    # When
    answer = ask(page.app, "POST", "/redrive", b'{"dry_run": false, "total": 2}')
    # Then
    assert answer.content["moved"] == 2
    assert json.loads(functions.invoke.call_args.kwargs["Payload"]) == {"limit": 2}


@pytest.mark.parametrize("total", ["2", None, 0, -1, True, 1.5])
def test_a_redrive_without_a_count_is_refused(page: ServedPage, total: object) -> None:
    # When
    answer = ask(page.app, "POST", "/redrive", json.dumps({"dry_run": False, "total": total}).encode())
    # Then
    assert answer.status == 400
    page.stack.client("lambda").invoke.assert_not_called()


def test_a_forged_webhook_says_how_it_was_answered(page: ServedPage) -> None:
    # When the local VectorCare's own API, which knows no such path, is in the receiver's place
    answer = ask(page.app, "POST", "/forge", b'{"service_request_id": "VC-TEST0001"}')
    # Then
    assert answer.content == {"status": 401}
