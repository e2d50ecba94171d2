"""Which call each command becomes, and many positions few calls."""

from typing import Any

import pytest

from sender.vectorcare import api_calls
from sender.vectorcare.api_calls import ApiCall
from vectorcare_bridge.commands.command import Command, Kind

BERLIN, UTC = "2026-03-02T10:00:00.1239+01:00", "2026-03-02T09:00:00.123Z"


def position(timestamp: float, lat: float = 1) -> dict[str, float]:
    return {"lat": lat, "lng": 2, "alt": 3, "timestamp": timestamp}


def update(command_id: str, *positions: dict[str, float]) -> Command:
    return Command(Kind.LOCATION_UPDATE, command_id, "VC-1", {"locations": list(positions)})


@pytest.mark.parametrize(
    ("kind", "fields", "method", "suffix", "body"),
    [
        (
            Kind.STATE_UPDATE,
            {"name": "en_route", "timestamp": BERLIN},
            "POST",
            "state",
            {"name": "en_route", "timestamp": UTC},
        ),
        (Kind.ACCEPT, {"response_notes": BERLIN}, "PUT", "accept", {"response_notes": BERLIN}),
        (Kind.DECLINE, {}, "PUT", "decline", {}),
        (Kind.BEST_TIME, {"proposed_agreed_dt": BERLIN}, "PUT", "best-time", {"proposed_agreed_dt": UTC}),
        (
            Kind.CHANGE_REQUEST,
            {"agreed_dt": BERLIN, "change_reason": "x"},
            "POST",
            "change-request",
            {"agreed_dt": UTC, "change_reason": "x"},
        ),
    ],
)
def test_a_command_is_one_call_with_its_times_as_vectorcare_writes_them(
    kind: Kind, fields: dict[str, Any], method: str, suffix: str, body: dict[str, Any]
) -> None:
    command = Command(kind, "c-1", "VC-1", fields)
    assert list(api_calls.calls([command])) == [ApiCall([command], method, f"/requests/VC-1/{suffix}/", body)]


def test_a_new_request_goes_to_its_service_as_it_was_given() -> None:
    command = Command(Kind.CREATE_REQUEST, "c-1", None, {"service_id": "s-1", "request": {"timestamp": BERLIN}})
    expected = ApiCall([command], "POST", "/requests/service/s-1/", {"timestamp": BERLIN})
    assert list(api_calls.calls([command])) == [expected]


def test_positions_go_in_their_order_each_point_in_time_once() -> None:
    # Given two updates, whose positions come in disorder and share a point in time
    first, second = update("c-1", position(3), position(1)), update("c-2", position(2), position(3, lat=9))
    # When they are sent together, Then one call brings all, the first to come where two differ
    assert list(api_calls.calls([first, second])) == [
        ApiCall([first, second], "POST", "/requests/VC-1/locations/", [position(1), position(2), position(3)])
    ]


@pytest.mark.parametrize(("count", "lengths"), [(200, [200]), (201, [200, 1]), (401, [200, 200, 1])])
def test_a_call_has_at_most_as_many_positions_as_vectorcare_takes(count: int, lengths: list[int]) -> None:
    calls = list(api_calls.calls([update("c-1", *map(position, range(count)))]))
    assert [len(call.body) for call in calls] == lengths
    assert [one for call in calls for one in call.body] == [position(number) for number in range(count)]


def test_a_call_names_the_commands_whose_positions_it_has() -> None:
    # Given three updates; the second has positions at both ends, and one that another update has too
    early = update("c-1", *map(position, range(1, 150)))
    both = update("c-2", position(0), position(900))
    late = update("c-3", *map(position, range(800, 901)))
    # When they are sent, Then each is part of the calls that its positions are in
    calls = list(api_calls.calls([early, both, late]))
    named = [{command.command_id for command in call.commands} for call in calls]
    assert named == [{"c-1", "c-2", "c-3"}, {"c-2", "c-3"}]
