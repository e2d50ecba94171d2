"""The stand and its local VectorCare: a request's whole way, there and back, and nothing lost."""

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from local.environment import LocalEnvironment
from tests.end_to_end.subscriber import command
from tests.support.wait import PATIENCE, wait_until

DISORDER = {"late": 0.2, "duplicated": 0.3, "out_of_order": 0.3, "seed": 7}


class Requester:
    """Drives the local VectorCare of a stand over HTTP, as a page or a script does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        response = self._session.request(method, f"{self._url}{path}", json=body, timeout=PATIENCE)
        assert response.ok, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def broadcast(self, count: int = 1) -> list[str]:
        return list(self.ask("POST", "/requester/broadcast", {"count": count})["service_request_ids"])

    def counts(self) -> dict[str, int]:
        return dict(self.ask("GET", "/webhooks/history")["counts"])

    def rest(self) -> dict[str, int]:
        """Wait until nothing is on its way; answers what all calls came to."""
        return wait_until(self.counts, lambda counts: not counts["pending"], what="nothing is on its way")


@pytest.fixture
def requester(local: LocalEnvironment) -> Iterator[Requester]:
    requester = Requester(local.vectorcare_url)
    yield requester
    requester.ask("PUT", "/settings", {"disorder": {}, "speed": 1, "answer_within_seconds": 1800})


def test_a_broadcast_is_accepted_carried_out_and_reported_and_both_sides_count_alike(
    local: LocalEnvironment, requester: Requester
) -> None:
    # Given a broadcast, which becomes state
    before = requester.rest()
    [name] = requester.broadcast()
    _await_state(local, name, ("AVAILABLE", "BROADCAST_RECEIVED"))
    # When the dispatch system accepts it
    _command(local, name, command="accept")
    # Then VectorCare tells that it is ours
    _await_state(local, name, ("ASSIGNED", "BROADCAST_ACCEPTED"))
    # When states and positions are reported
    _command(local, name, command="state_update", name="en_route", timestamp=datetime.now(UTC).isoformat())
    here = {"lat": 1.25, "lng": -2.5, "alt": 3.0}
    _command(local, name, command="location_update", locations=[here | {"timestamp": time.time() - 1}])
    # Then they are VectorCare's
    wait_until(lambda: requester.ask("GET", f"/requester/{name}")["positions"], what="VectorCare has a position")
    wait_until(lambda: requester.ask("GET", f"/requester/{name}")["states"], what="VectorCare has a state")
    # When another time is asked for, and the trip is over
    _command(local, name, command="change_request", agreed_dt="2030-01-01T10:00:00Z", change_reason="invented")
    wait_until(lambda: requester.ask("GET", f"/requester/{name}")["change_requested_agreed_dt"], what="that is asked")
    requester.ask("POST", f"/requester/{name}/answer", {"accept": True})
    _await_state(local, name, ("ASSIGNED", "CHANGE_REQUEST_ACCEPTED"))
    _command(local, name, command="state_update", name="completed", timestamp=datetime.now(UTC).isoformat())
    # Then the state is COMPLETED, with the new time
    _await_state(local, name, ("COMPLETED", "REQUEST_COMPLETED"))
    item = local.stack.service_request(name)
    assert item is not None
    assert item["data"]["agreed_for_time"] == "2030-01-01T10:00:00.000Z"
    # And all that VectorCare counts as taken is in the journal
    after = requester.rest()
    assert after["acknowledged"] - before["acknowledged"] == len(local.stack.journal(name)) == 4
    assert after["given_up"] == before["given_up"]


def test_disorder_loses_nothing_and_ends_in_the_requesters_state(local: LocalEnvironment, requester: Requester) -> None:
    # Given webhooks that come late, twice and out of order
    before = requester.rest()
    requester.ask("PUT", "/settings", {"disorder": DISORDER, "speed": 300, "answer_within_seconds": 1_000_000})
    # When trips are broadcast, updated and canceled
    names = requester.broadcast(12)
    for name in names:
        requester.ask("POST", f"/requester/{name}/update")
    for name in names[:6]:
        requester.ask("POST", f"/requester/{name}/cancel")
    after = requester.rest()
    # Then the journal has what VectorCare counts as taken
    local.stack.settle()
    journaled = sum(len(local.stack.journal(name)) for name in names)
    assert after["acknowledged"] - before["acknowledged"] == journaled == 30
    assert after["calls"] - before["calls"] > 30
    # And each state is the last one
    assert [_state(local, name) for name in names[:6]] == [("UNAVAILABLE", "BROADCAST_CANCELED")] * 6
    assert [_state(local, name) for name in names[6:]] == [("AVAILABLE", "REQUEST_DATA_UPDATED")] * 6


def test_what_is_dated_anew_is_kept_beside_and_changes_no_state(local: LocalEnvironment, requester: Requester) -> None:
    # Given webhooks that come again with another time, once VectorCare's time does not stand nearly still any more
    before = requester.rest()
    still = {"speed": 0.001, "answer_within_seconds": 1_000_000}
    requester.ask("PUT", "/settings", {"disorder": {"restamped": 1}} | still)
    # When a trip is broadcast and canceled, and the copies come after their originals are out of the queue
    [name] = requester.broadcast()
    requester.ask("POST", f"/requester/{name}/cancel")
    _await_state(local, name, ("UNAVAILABLE", "BROADCAST_CANCELED"))
    local.stack.settle()
    requester.ask("PUT", "/settings", {"speed": 1000})
    after = requester.rest()
    # Then both sides count four bodies of two events, and the trip is canceled
    local.stack.settle()
    assert after["events"] - before["events"] == 2
    assert after["acknowledged"] - before["acknowledged"] == len(local.stack.journal(name)) == 4
    assert _state(local, name) == ("UNAVAILABLE", "BROADCAST_CANCELED")


def _command(local: LocalEnvironment, service_request_id: str, **fields: Any) -> None:
    command(local, {"service_request_id": service_request_id, "command_id": uuid.uuid4().hex} | fields)


def _state(local: LocalEnvironment, service_request_id: str) -> tuple[str, str]:
    item = local.stack.service_request(service_request_id) or {"request_status": "", "action": ""}
    return item["request_status"], item["action"]


def _await_state(local: LocalEnvironment, service_request_id: str, state: tuple[str, str]) -> None:
    wait_until(lambda: _state(local, service_request_id), lambda seen: seen == state, what=f"the state is {state}")
