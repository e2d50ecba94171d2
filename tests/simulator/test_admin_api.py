"""The admin API over HTTP: what it does, what it refuses, and that a refusal changes nothing."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulator.admin_api import AdminApi
from simulator.api_rules import API_PATH, TOKEN_PATH
from simulator.chaos import NAMED_FAULTS
from simulator.http_types import Request, Response
from simulator.simulator import Simulator
from tests.simulator.post import STILL, Receiver, make_key
from tests.support.wait import PATIENCE, wait_until


class Admin:
    """The simulator without a network, called as over one."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._api = AdminApi(simulator)

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, raw: bytes | None = None
    ) -> Response:
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        return self._api.answer(Request(method, path, headers or {}, content))

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        response = self.request(method, path, body)
        return response.status, json.loads(response.body)

    def broadcast(self) -> str:
        status, content = self.ask("POST", "/requester/broadcast")
        assert status == 201
        return str(content["service_request_ids"][0])

    def accept(self, name: str, client_id: str, client_secret: str) -> Callable[[], Response]:
        """Get a token now; returns what accepts a trip with it."""
        form = f"grant_type=client_credentials&client_id={client_id}&client_secret={client_secret}"
        token = json.loads(self.request("POST", TOKEN_PATH, raw=form.encode()).body)["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        return lambda: self.request("PUT", f"{API_PATH}/requests/{name}/accept/", {}, headers)


@pytest.fixture
def admin() -> Iterator[Admin]:
    simulator = Simulator(private_key=make_key())
    simulator.delivery.gives_up_after = PATIENCE
    with simulator.running():
        yield Admin(simulator)


def test_a_requester_broadcasts_updates_completes_and_sees(admin: Admin) -> None:
    # Given
    name = admin.broadcast()
    # When
    assert admin.ask("POST", f"/requester/{name}/update", {"data": {"hospice": True}})[0] == 200
    admin.simulator.api.rules.requests[name] = "ASSIGNED"
    status, content = admin.ask("POST", f"/requester/{name}/complete")
    # Then
    assert (status, content["request_status"], content["last_action"]) == (200, "COMPLETED", "REQUEST_COMPLETED")
    assert admin.ask("GET", f"/requester/{name}")[1]["data"]["hospice"] is True
    [listed] = admin.ask("GET", "/requester/requests")[1]["requests"]
    assert listed["service_request_id"] == name
    assert "data" not in listed


def test_many_are_broadcast_together(admin: Admin) -> None:
    status, content = admin.ask("POST", "/requester/broadcast", {"count": 500})
    assert (status, len(set(content["service_request_ids"]))) == (201, 500)
    assert len(admin.ask("GET", "/requester/requests?limit=7")[1]["requests"]) == 7


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/requester/VC-UNKNOWN/cancel", None, (404, "api:not_found")),
        ("GET", "/requester/VC-UNKNOWN", None, (404, "api:not_found")),
        ("POST", "/requester/KNOWN/dance", None, (404, "api:not_found")),
        ("DELETE", "/requester/KNOWN", None, (404, "api:not_found")),
        ("POST", "/requester/KNOWN/complete", None, (409, "requester:not_possible")),
        ("POST", "/requester/KNOWN/answer", {"accept": True}, (409, "requester:not_possible")),
        ("POST", "/requester/KNOWN/answer", {}, (400, "api:bad_request")),
        ("POST", "/requester/KNOWN/cancel", {"why": "x"}, (400, "api:bad_request")),
        ("POST", "/requester/KNOWN/update", {"data": {"unknown": 1}}, (409, "requester:not_possible")),
        ("POST", "/requester/broadcast", {"count": 0}, (400, "api:bad_request")),
        ("POST", "/requester/broadcast", {"count": 1001}, (400, "api:bad_request")),
        ("POST", "/requester/broadcast", {"fate": "nonsense"}, (400, "api:bad_request")),
        ("POST", "/requester/broadcast", {"fate": ["twice"]}, (400, "api:bad_request")),
        ("POST", "/requester/broadcast", [], (400, "api:bad_request")),
        ("GET", "/requester/requests?limit=-1", None, (400, "api:bad_request")),
        ("POST", "/webhooks/history/1/redeliver", None, (404, "api:not_found")),
        ("POST", "/webhooks/history/x/redeliver", None, (404, "api:not_found")),
        ("DELETE", "/settings/credentials/nobody", None, (404, "api:not_found")),
        ("POST", "/settings", {}, (404, "api:not_found")),
        ("PUT", "/settings", {"webhooks": ["http://a.example"]}, (400, "api:bad_request")),
        ("PUT", "/settings", {"webhooks": "https://a.example"}, (400, "api:bad_request")),
        ("PUT", "/settings", {"speed": 0}, (400, "api:bad_request")),
        ("PUT", "/settings", {"speed": True}, (400, "api:bad_request")),
        ("PUT", "/settings", {"disorder": {"late": 2}}, (400, "api:bad_request")),
        ("PUT", "/settings", {"disorder": {"chaos": 1}}, (400, "api:bad_request")),
        ("PUT", "/settings", {"faults": [{"status": 99}]}, (400, "api:bad_request")),
        ("PUT", "/settings", {"faults": [{"headers": {"A": "b\r\nC: d"}}]}, (400, "api:bad_request")),
        ("PUT", "/settings", {"rate_limit": {"calls_per_second": -1}}, (400, "api:bad_request")),
        ("PUT", "/settings", {"token_life_seconds": 0}, (400, "api:bad_request")),
        ("PUT", "/settings", {"color": "red"}, (400, "api:bad_request")),
        ("PUT", "/settings", {"is_down": True, "open_api_enabled": 1}, (400, "api:bad_request")),
    ],
)
def test_an_invalid_call_is_refused_in_json_and_changes_nothing(
    admin: Admin, method: str, path: str, body: Any, expected: tuple[int, str]
) -> None:
    # Given
    name = admin.broadcast()
    settings, requests = admin.ask("GET", "/settings"), admin.simulator.api.rules.requests.copy()
    # When
    status, content = admin.ask(method, path.replace("/KNOWN", f"/{name}"), body)
    # Then
    assert (status, content["code"]) == expected
    assert content["message"]
    assert (admin.ask("GET", "/settings"), admin.simulator.api.rules.requests) == (settings, requests)


@pytest.mark.parametrize("raw", [b"{", b"\xff", b"[" * 100_000, b'"' + b"x" * 1_000_001 + b'"'])
def test_a_body_that_cannot_be_read_is_refused(admin: Admin, raw: bytes) -> None:
    assert admin.request("POST", "/requester/broadcast", raw=raw).status == 400


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"host": "evil.example:8424"}, {"origin": "null"}]
)
def test_pages_of_other_sites_may_do_nothing(admin: Admin, headers: dict[str, str]) -> None:
    assert admin.request("POST", "/requester/broadcast", headers=headers).status == 403
    assert list(admin.simulator.marketplace.ids()) == []


def test_settings_are_changed_and_read(admin: Admin) -> None:
    # Given
    wanted = {
        "webhooks": ["https://a.example/webhook?customer_id=1"],
        "speed": 4.0,
        "answer_within_seconds": 60,
        "disorder": {"late": 0.1, "duplicated": 0.2, "out_of_order": 0.3, "restamped": 0.4},
        "rate_limit": {"calls_per_second": 3, "retry_after": 7},
        "token_life_seconds": 30,
        "open_api_enabled": False,
    }
    # When
    status, content = admin.ask("PUT", "/settings", wanted)
    # Then
    assert status == 200
    assert wanted.items() <= content.items()
    assert admin.ask("GET", "/settings")[1] == content


def test_each_of_the_next_calls_meets_its_fault(admin: Admin) -> None:
    # Given
    faults = [{"status": 503, "headers": {"Retry-After": "2"}}, {"status": 500, "takes_effect": True}]
    name = admin.broadcast()
    accept = admin.accept(name, *admin.simulator.add_credentials())
    admin.ask("PUT", "/settings", {"faults": faults})
    # When
    answers = [accept() for _ in range(3)]
    # Then the second took effect, as the third shows
    assert [answer.status for answer in answers] == [503, 500, 403]
    assert answers[0].headers["Retry-After"] == "2"
    assert admin.simulator.api.rules.requests[name] == "ASSIGNED"


def test_credentials_are_rotated_without_a_gap(admin: Admin) -> None:
    # Given
    name = admin.broadcast()
    old, new = (admin.ask("POST", "/settings/credentials")[1] for _ in range(2))
    accept_with_old, accept_with_new = (admin.accept(name, **credentials) for credentials in (old, new))
    # When the old ones are deleted
    assert admin.ask("DELETE", f"/settings/credentials/{old['client_id']}")[0] == 200
    # Then
    assert (accept_with_old().status, accept_with_new().status) == (401, 201)
    with pytest.raises(KeyError):
        admin.accept(name, **old)
    assert admin.ask("GET", "/settings")[1]["client_ids"] == [new["client_id"]]
    assert new["client_secret"] not in str(admin.ask("GET", "/settings"))


def test_a_rotated_key_is_answered_and_written_to_its_file(admin: Admin, tmp_path: Path) -> None:
    # Given
    admin.simulator.public_key_file = tmp_path / "public_key.pem"
    before = admin.ask("GET", "/settings")[1]["public_key"]
    # When
    status, content = admin.ask("POST", "/settings/key")
    # Then
    assert status == 201
    assert content["public_key"] != before
    assert content["public_key"] == admin.ask("GET", "/settings")[1]["public_key"]
    assert admin.simulator.public_key_file.read_text() == content["public_key"]


def test_a_webhook_is_redelivered_from_the_history(admin: Admin, receiver: Receiver) -> None:
    # Given
    admin.ask("PUT", "/settings", {"webhooks": [receiver.url]})
    name = admin.broadcast()
    wait_until(admin.simulator.delivery.pending, lambda pending: not pending, what="nothing is on its way")
    [call] = admin.ask("GET", f"/webhooks/history?service_request_id={name}")[1]["calls"]
    # When
    assert admin.ask("POST", f"/webhooks/history/{call['id']}/redeliver")[0] == 202
    # Then
    receiver.await_count(2)
    assert admin.ask("GET", "/webhooks/history?service_request_id=VC-OTHER")[1]["calls"] == []


def test_a_broadcast_expires_without_a_call(admin: Admin) -> None:
    # Given
    admin.ask("PUT", "/settings", {"answer_within_seconds": 0})
    # When
    name = admin.broadcast()
    # Then
    wait_until(
        lambda: admin.ask("GET", f"/requester/{name}")[1]["last_action"],
        lambda action: action == "BROADCAST_EXPIRED",
        what="the broadcast expires",
    )


def test_a_requested_fault_is_injected_into_one_webhook_and_no_other(admin: Admin, receiver: Receiver) -> None:
    # Given
    admin.simulator.delivery.register([receiver.url])
    admin.simulator.clock.speed = STILL
    begin = datetime.now(UTC)
    # When
    name = admin.ask("POST", "/requester/broadcast", {"fate": "ahead"})[1]["service_request_ids"][0]
    admin.ask("POST", f"/requester/{name}/update", {"fate": "overtaken"})
    admin.ask("POST", f"/requester/{name}/update")
    receiver.await_count(3)
    # Then
    times = [one.content["event_timestamp"] for one in receiver.received]
    ahead = datetime.fromisoformat(max(times)) - timedelta(seconds=NAMED_FAULTS["ahead"].dated_ahead)
    earlier, later = sorted(times)[:2]
    assert begin - timedelta(milliseconds=1) <= ahead <= datetime.now(UTC)
    assert times.index(later) < times.index(earlier)
