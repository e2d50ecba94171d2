"""Each change of a trip is followed by one webhook in VectorCare's form."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any
from unittest import mock

import pytest

from simulator import Webhook, trip, trip_lifecycle
from simulator.clock import Clock
from simulator.trip_lifecycle import Marketplace, NotPossibleError
from tests.simulator.vectorcare_calls import NOW, TRIP, call, make_rules

LATER = "2030-01-01T10:00:00Z"
STATE_TIME = datetime.fromtimestamp(NOW - 1, UTC).isoformat()


class Market:
    """A marketplace whose webhooks go nowhere, and the clock that it goes by."""

    def __init__(self) -> None:
        self.published: list[Webhook] = []
        self.clock = mock.Mock(spec=Clock)
        self.clock.now.return_value = 0.0
        self.rules = make_rules()
        self.requester = self.another()

    def another(self) -> Marketplace:
        return Marketplace(rules=self.rules, publish=self.published.append, clock=self.clock, random=Random(1))

    def call(self, name: str, verb: str, body: Any) -> None:
        assert call(self.rules, verb, body, trip=name).status < 300

    def webhooks(self) -> list[tuple[str, str]]:
        return [(webhook.request_status, webhook.action) for webhook in self.published]


@pytest.fixture
def market() -> Market:
    return Market()


def accept(market: Market, name: str) -> None:
    market.call(name, "accept", {})


def propose(market: Market, name: str) -> None:
    market.call(name, "best-time", {"proposed_agreed_dt": LATER})


def ask_for_change(market: Market, name: str) -> None:
    accept(market, name)
    market.call(name, "change-request", {"agreed_dt": LATER, "change_reason": "invented"})


def say(answer: bool, first: Callable[[Market, str], None]) -> Callable[[Market, str], None]:
    def steps(market: Market, name: str) -> None:
        first(market, name)
        market.requester.answer(name, accept=answer)

    return steps


def complete_by_state(market: Market, name: str) -> None:
    accept(market, name)
    for state in ("en_route", "completed"):
        market.call(name, "state", {"name": state, "timestamp": STATE_TIME})


def complete_by_requester(market: Market, name: str) -> None:
    accept(market, name)
    market.requester.complete(name)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (accept, ("ASSIGNED", "BROADCAST_ACCEPTED")),
        (lambda market, name: market.call(name, "decline", {}), ("UNAVAILABLE", "BROADCAST_DECLINED")),
        (propose, ("AVAILABLE", "PROPOSAL_SUBMITTED")),
        (say(True, propose), ("ASSIGNED", "PROPOSAL_ACCEPTED")),
        (say(False, propose), ("UNAVAILABLE", "PROPOSAL_DECLINED")),
        (say(True, ask_for_change), ("ASSIGNED", "CHANGE_REQUEST_ACCEPTED")),
        (say(False, ask_for_change), ("ASSIGNED", "CHANGE_REQUEST_DECLINED")),
        (complete_by_state, ("COMPLETED", "REQUEST_COMPLETED")),
        (complete_by_requester, ("COMPLETED", "REQUEST_COMPLETED")),
        (lambda market, name: market.requester.cancel(name), ("UNAVAILABLE", "BROADCAST_CANCELED")),
        (lambda market, name: market.requester.update(name), ("AVAILABLE", "REQUEST_DATA_UPDATED")),
    ],
)
def test_each_change_is_followed_by_its_webhook(
    market: Market, steps: Callable[[Market, str], None], expected: tuple[str, str]
) -> None:
    # Given a broadcast
    name = market.requester.broadcast()
    assert market.webhooks() == [("AVAILABLE", "BROADCAST_RECEIVED")]
    agreed = market.requester.describe_fully(name)["data"]["agreed_for_time"]
    # When
    steps(market, name)
    # Then
    assert market.webhooks()[-1] == expected
    assert market.rules.requests[name] == expected[0]
    data = market.published[-1].data
    assert (data is None) == (expected[0] == "UNAVAILABLE")
    # And the agreed time changes if both agree
    is_new = expected[1] in ("PROPOSAL_ACCEPTED", "CHANGE_REQUEST_ACCEPTED")
    assert data is None or data["agreed_for_time"] == ("2030-01-01T10:00:00.000Z" if is_new else agreed)


def test_a_broadcast_without_an_answer_expires(market: Market) -> None:
    # Given one without an answer, one accepted, one with a proposal
    market.requester.broadcast()
    accept(market, market.requester.broadcast())
    propose(market, market.requester.broadcast())
    earlier = len(market.webhooks())
    # When the time is not over yet, and when it is
    market.clock.now.return_value = trip_lifecycle.ANSWER_WITHIN_SECONDS - 1
    market.requester.expire()
    assert len(market.webhooks()) == earlier
    market.clock.now.return_value += 1
    market.requester.expire()
    market.requester.expire()
    # Then the first one has expired, once
    assert market.webhooks()[earlier:] == [("UNAVAILABLE", "BROADCAST_EXPIRED")]


@pytest.mark.parametrize("end", [complete_by_requester, lambda market, name: market.requester.cancel(name)])
def test_what_is_over_stays_over(market: Market, end: Callable[[Market, str], None]) -> None:
    # Given
    name = market.requester.broadcast()
    end(market, name)
    earlier = market.webhooks()
    # When, Then
    for act in (market.requester.update, market.requester.cancel, market.requester.complete):
        with pytest.raises(NotPossibleError):
            act(name)
    assert call(market.rules, "accept", {}, trip=name).status == 403
    assert market.webhooks() == earlier


def test_a_broadcast_has_every_documented_field_and_one_seed_invents_one_person(market: Market) -> None:
    # When two marketplaces of one seed broadcast
    market.requester.broadcast()
    market.another().broadcast()
    # Then each has every field, in JSON that can be read
    first, second = (json.loads(webhook.body)["data"] for webhook in market.published)
    assert first.keys() == trip(TRIP, pickup=datetime.now(UTC)).keys()
    # And the same person, who does not exist
    people = [{name: data[name] for name in data if name.startswith("patient_")} for data in (first, second)]
    assert people[0] == people[1]
    assert first["patient_id"].startswith("invented-")


def test_events_are_in_the_order_of_their_ids_and_times_however_fast(market: Market) -> None:
    # When
    for _ in range(50):
        market.requester.update(market.requester.broadcast())
    # Then
    ids = [webhook.event_id for webhook in market.published]
    times = [webhook.event_timestamp for webhook in market.published]
    assert (sorted(set(ids)), sorted(set(times))) == (ids, times)


def test_a_call_for_a_trip_of_another_source_sends_no_webhook(market: Market) -> None:
    market.rules.requests[TRIP] = "AVAILABLE"
    market.call(TRIP, "accept", {})
    assert market.published == []


def test_the_oldest_that_is_over_makes_room(market: Market) -> None:
    # Given room for two; one is over
    with mock.patch.object(trip_lifecycle, "_MOST_REQUESTS", 2):
        kept, over = market.requester.broadcast(), market.requester.broadcast()
        market.requester.cancel(over)
        # When a third comes, Then it takes that place
        third = market.requester.broadcast()
        assert list(market.requester.ids()) == [third, kept]
        assert over not in market.rules.requests
        # And if none is over, there is no room
        with pytest.raises(NotPossibleError):
            market.requester.broadcast()
