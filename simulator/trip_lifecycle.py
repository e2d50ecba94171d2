"""What happens to a trip, and the webhook that follows: broadcast, accept, decline, propose, change, complete, expire.

What follows what: VectorCare Open API 2.0, "Webhooks > Overview". It documents no action for a completed request, and
nothing that follows a trip canceled or run dry by the receiver: none follows here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from simulator.api_rules import ApiRules
from simulator.api_validation import parse_time
from simulator.clock import Clock
from simulator.sample_data import alter, invent
from simulator.webhook import Webhook, iso, new_event_id, new_service_request_id

ANSWER_WITHIN_SECONDS = 1800.0
"""How long a broadcast waits for an answer; VectorCare documents no figure."""

_MOST_REQUESTS = 10_000
_KEPT_POSITIONS = 500
_OPEN = ("AVAILABLE", "ASSIGNED")


class NotPossibleError(Exception):
    """The service request does not allow what its requester wants; the message says why."""


@dataclass(kw_only=True)
class Offer:
    """A service request as its requester sees it."""

    data: dict[str, Any]  # what each webhook carries
    answer_by: float  # when the broadcast expires, by the marketplace's clock
    last_action: str = ""
    proposed: str | None = None  # the time that the receiver proposes, until the requester has answered
    wanted: str | None = None  # the time that a change request asks for, until it is answered
    positions: list[dict[str, Any]] = field(default_factory=list)  # the last ones that the receiver has reported


class Marketplace:
    """Holds the offers, and publishes a webhook for each change.

    It is not thread-safe: hold the API's lock. Each method raises KeyError for an unknown service
    request, and NotPossibleError if its state does not allow the call.
    """

    def __init__(self, *, rules: ApiRules, publish: Callable[[Webhook], None], clock: Clock, random: Random) -> None:
        self.answer_within = ANSWER_WITHIN_SECONDS
        self._offers: dict[str, Offer] = {}
        self._rules, self._publish, self._clock, self._random = rules, publish, clock, random
        self._last_event = datetime.fromtimestamp(0, UTC)
        rules.on_call = self._follow

    def broadcast(self, data: Mapping[str, Any] | None = None) -> str:
        """Offer a new service request; `data` replaces sample data. Returns the request's id."""
        self._make_room()
        service_request_id = new_service_request_id()
        sample = invent(self._random, service_request_id, now=datetime.now(UTC))
        _check_known(data or {}, sample)
        offer = Offer(data=sample | dict(data or {}), answer_by=self._clock.now() + self.answer_within)
        self._offers[service_request_id] = offer
        self._change(service_request_id, "AVAILABLE", "BROADCAST_RECEIVED")
        return service_request_id

    def update(self, service_request_id: str, data: Mapping[str, Any] | None = None) -> None:
        """Change data of an open request; without `data`, some of the sample data changes."""
        offer = self._open_offer(service_request_id)
        _check_known(data or {}, offer.data)
        offer.data |= dict(data) if data else alter(self._random, offer.data)
        self._change(service_request_id, self._status(service_request_id), "REQUEST_DATA_UPDATED")

    def cancel(self, service_request_id: str) -> None:
        self._open_offer(service_request_id)
        self._change(service_request_id, "UNAVAILABLE", "BROADCAST_CANCELED")

    def complete(self, service_request_id: str) -> None:
        """Say that an assigned trip is over."""
        self._open_offer(service_request_id)
        if self._status(service_request_id) != "ASSIGNED":
            raise NotPossibleError("Only an assigned request can be completed.")
        self._change(service_request_id, "COMPLETED", "REQUEST_COMPLETED")

    def answer(self, service_request_id: str, *, accept: bool) -> None:
        """Answer the time that the receiver has proposed, or its change request."""
        offer = self._open_offer(service_request_id)
        outcome = "ACCEPTED" if accept else "DECLINED"
        time = offer.proposed or offer.wanted
        if time is None:
            raise NotPossibleError("The receiver has proposed no time and requested no change.")
        if accept:
            offer.data["agreed_for_time"] = iso(parse_time(time))
        if offer.proposed:
            self._change(service_request_id, "ASSIGNED" if accept else "UNAVAILABLE", f"PROPOSAL_{outcome}")
        else:
            self._change(service_request_id, "ASSIGNED", f"CHANGE_REQUEST_{outcome}")

    def expire(self) -> None:
        """End the broadcasts that were not answered in time."""
        now = self._clock.now()
        for service_request_id, offer in self._offers.items():
            if offer.answer_by <= now and not offer.proposed and self._status(service_request_id) == "AVAILABLE":
                self._change(service_request_id, "UNAVAILABLE", "BROADCAST_EXPIRED")

    def ids(self) -> Iterator[str]:
        """List every request, the newest first."""
        return reversed(self._offers)

    def describe(self, service_request_id: str) -> dict[str, Any]:
        """Write a request as JSON has it, without its data."""
        offer = self._offers[service_request_id]
        return {
            "service_request_id": service_request_id,
            "request_status": self._status(service_request_id),
            "last_action": offer.last_action,
            "expires_in_seconds": self._expires_in(service_request_id, offer),
            "proposed_agreed_dt": offer.proposed,
            "change_requested_agreed_dt": offer.wanted,
            "states": list(self._rules.states.get(service_request_id, [])),
            "positions": len(self._rules.positions.get(service_request_id, [])),
        }

    def describe_fully(self, service_request_id: str) -> dict[str, Any]:
        """Write a request with what its next webhook would carry, and the last positions reported."""
        offer = self._offers[service_request_id]
        return {**self.describe(service_request_id), "data": dict(offer.data), "track": list(offer.positions)}

    def _follow(self, service_request_id: str, verb: str, body: Any) -> None:
        """Do what follows an accepted call of the receiver."""
        offer = self._offers.get(service_request_id)
        if offer is None:  # not broadcast here, so it has no requester to notify
            return
        match verb:
            case "accept":
                self._change(service_request_id, "ASSIGNED", "BROADCAST_ACCEPTED")
            case "decline":
                self._change(service_request_id, "UNAVAILABLE", "BROADCAST_DECLINED")
            case "best-time":
                self._change(service_request_id, "AVAILABLE", "PROPOSAL_SUBMITTED")
                offer.proposed = body["proposed_agreed_dt"]
            case "change-request":
                offer.wanted = body["agreed_dt"]
            case "locations":
                offer.positions += body
                del offer.positions[:-_KEPT_POSITIONS]
            case "state" if body["name"] == "completed":
                self._change(service_request_id, "COMPLETED", "REQUEST_COMPLETED")

    def _change(self, service_request_id: str, status: str, action: str) -> None:
        offer = self._offers[service_request_id]
        if action != "REQUEST_DATA_UPDATED":
            offer.proposed = offer.wanted = None
        offer.last_action = action
        self._rules.requests[service_request_id] = status
        at = self._next_timestamp()
        self._publish(
            Webhook(
                event_id=new_event_id(at),
                event_timestamp=at,
                service_request_id=service_request_id,
                request_status=status,
                action=action,
                data=None if status == "UNAVAILABLE" else dict(offer.data),
            )
        )

    def _next_timestamp(self) -> datetime:
        """Now, but at least a millisecond after the last event, so that ids and times are in the events' order."""
        now = datetime.now(UTC)
        now -= timedelta(microseconds=now.microsecond % 1000)
        self._last_event = max(now, self._last_event + timedelta(milliseconds=1))
        return self._last_event

    def _status(self, service_request_id: str) -> str:
        return self._rules.requests[service_request_id]

    def _expires_in(self, service_request_id: str, offer: Offer) -> float | None:
        if offer.proposed or self._status(service_request_id) != "AVAILABLE":
            return None
        return round(max(0.0, offer.answer_by - self._clock.now()), 1)

    def _open_offer(self, service_request_id: str) -> Offer:
        offer = self._offers[service_request_id]
        if self._status(service_request_id) not in _OPEN:
            raise NotPossibleError(f"The request is over: {self._status(service_request_id)}.")
        return offer

    def _make_room(self) -> None:
        """Forget the oldest request that is over, if there are too many."""
        if len(self._offers) < _MOST_REQUESTS:
            return
        oldest = next((name for name in self._offers if self._status(name) not in _OPEN), None)
        if oldest is None:
            raise NotPossibleError(f"{_MOST_REQUESTS} requests are open; complete or cancel some.")
        del self._offers[oldest]
        self._rules.forget(oldest)


def _check_known(given: Mapping[str, Any], documented: Mapping[str, Any]) -> None:
    unknown = given.keys() - documented.keys()
    if unknown:
        raise NotPossibleError("These are not documented fields of a service request: " + ", ".join(sorted(unknown)))
