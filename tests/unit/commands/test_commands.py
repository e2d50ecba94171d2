"""What is a command, what is refused before a call is spent, and what cannot be read."""

import json
from typing import Any

import pytest

from tests.support.cloud import NOW
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands import command, command_fields
from vectorcare_bridge.commands.command import Command, Kind, Refusal, RefusedError, Unreadable, UnreadableError

TRIP = {"service_request_id": "VC-TEST0001"}
POSITION = {"lat": 1.25, "lng": -2.5, "alt": 3, "timestamp": 1772366000}
FIELDS = ("lat", "lng", "alt", "speed", "timestamp")
LEAST, MOST = (-90, -180, -100_000, 0, 0), (90, 180, 100_000, 100_000, 4_102_444_800)
GOOD: dict[str, dict[str, Any]] = {
    "state_update": TRIP | {"name": "en_route", "timestamp": "2026-03-01T11:59:00Z"},
    "location_update": TRIP | {"locations": [POSITION]},
    "accept": TRIP | {"response_notes": "x" * 450},
    "decline": TRIP,
    "best_time": TRIP | {"proposed_agreed_dt": "2026-03-02T10:00:00+01:00"},
    "change_request": TRIP | {"agreed_dt": "2026-03-02T10:00:00.5Z", "change_reason": "x"},
    "create_request": {"service_id": "svc-1", "request": {"any": [1.5, None]}},
}


def read(given: Any, message_id: str = "m-1") -> Command:
    body = given if isinstance(given, str) else json.dumps(given)
    return command.read(body, message_id=message_id)


def refusal(kind: str, **changes: Any) -> Refusal | None:
    """Say why a good command with these changes is refused; `...` leaves a field out."""
    fields = {name: value for name, value in (GOOD[kind] | changes).items() if value is not ...}
    try:
        command_fields.check(read({"command": kind} | fields))
    except RefusedError as error:
        return error.reason
    return None


@pytest.mark.parametrize("kind", GOOD)
def test_each_kind_is_read(kind: str) -> None:
    read_command = read({"command": kind, "command_id": "c-1"} | GOOD[kind])
    command_fields.check(read_command)
    fields = {name: value for name, value in GOOD[kind].items() if name != "service_request_id"}
    assert read_command == Command(Kind(kind), "c-1", GOOD[kind].get("service_request_id"), fields)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", Unreadable.NOT_JSON),
        ("{", Unreadable.NOT_JSON),
        ('{"x": NaN}', Unreadable.NOT_JSON),
        ('{"x": 1e999}', Unreadable.NOT_JSON),
        ('{"x": -1e999}', Unreadable.NOT_JSON),
        ('{"x": ' + "9" * 5000 + "}", Unreadable.NOT_JSON),
        ("[" * 100_000, Unreadable.NOT_JSON),
        ("[]", Unreadable.NOT_AN_OBJECT),
        ("null", Unreadable.NOT_AN_OBJECT),
        ({}, Unreadable.UNKNOWN_COMMAND),
        ({"command": "cancel"}, Unreadable.UNKNOWN_COMMAND),
        ({"command": ["accept"]}, Unreadable.UNKNOWN_COMMAND),
        ({"command": "accept"}, Unreadable.BAD_SERVICE_REQUEST_ID),
        ({"command": "accept", "service_request_id": ""}, Unreadable.BAD_SERVICE_REQUEST_ID),
        ({"command": "accept", "service_request_id": "../requests"}, Unreadable.BAD_SERVICE_REQUEST_ID),
        ({"command": "accept", "service_request_id": "VC-1\n"}, Unreadable.BAD_SERVICE_REQUEST_ID),
        ({"command": "accept", "service_request_id": "x" * 101}, Unreadable.BAD_SERVICE_REQUEST_ID),
        ({"command": "accept", "service_request_id": 7}, Unreadable.BAD_SERVICE_REQUEST_ID),
        ({"command": "accept", "command_id": ""} | TRIP, Unreadable.BAD_COMMAND_ID),
        ({"command": "accept", "command_id": None} | TRIP, Unreadable.BAD_COMMAND_ID),
        ({"command": "accept", "command_id": "#circuit"} | TRIP, Unreadable.BAD_COMMAND_ID),
        ({"command": "accept", "command_id": "x" * 129} | TRIP, Unreadable.BAD_COMMAND_ID),
    ],
)
def test_a_message_without_a_valid_command_is_unreadable(body: Any, reason: Unreadable) -> None:
    with pytest.raises(UnreadableError) as error:
        read(body)
    assert error.value.reason is reason
    assert str(error.value) == reason


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("state_update", {"name": "asleep"}, Refusal.UNKNOWN_STATE),
        ("state_update", {"name": 7}, Refusal.BAD_FIELD),
        ("state_update", {"timestamp": ...}, Refusal.MISSING_FIELD),
        ("state_update", {"timestamp": "2026-03-01"}, Refusal.BAD_FIELD),
        ("state_update", {"timestamp": "2026-13-01T00:00:00Z"}, Refusal.BAD_FIELD),
        ("state_update", {"timestamp": "2026-03-01T00:00:00"}, Refusal.BAD_FIELD),
        ("state_update", {"timestamp": 1772366000}, Refusal.BAD_FIELD),
        ("state_update", {"note": "x"}, Refusal.UNKNOWN_FIELD),
        ("location_update", {"locations": []}, Refusal.BAD_FIELD),
        ("location_update", {"locations": POSITION}, Refusal.BAD_FIELD),
        ("location_update", {"locations": [POSITION] * 201}, Refusal.TOO_MANY_LOCATIONS),
        ("location_update", {"locations": [POSITION | {"lat": 90.1}]}, Refusal.BAD_FIELD),
        ("location_update", {"locations": [POSITION | {"lng": "1"}]}, Refusal.BAD_FIELD),
        *[
            ("location_update", {"locations": [POSITION | {name: bound + step}]}, Refusal.BAD_FIELD)
            for bounds, step in ((LEAST, -1), (MOST, 1))
            for name, bound in zip(FIELDS, bounds, strict=True)
        ],
        ("location_update", {"locations": [POSITION | {"alt": None}]}, Refusal.BAD_FIELD),
        ("location_update", {"locations": [POSITION | {"alt": True}]}, Refusal.BAD_FIELD),
        ("location_update", {"locations": [POSITION | {"timestamp": 1772366000000}]}, Refusal.BAD_FIELD),
        ("location_update", {"locations": [{"lat": 1, "lng": 2, "timestamp": 3}]}, Refusal.MISSING_FIELD),
        ("location_update", {"locations": [POSITION | {"heading": 1}]}, Refusal.UNKNOWN_FIELD),
        ("location_update", {"locations": [7]}, Refusal.BAD_FIELD),
        ("accept", {"response_notes": "x" * 451}, Refusal.TOO_LONG),
        ("accept", {"response_notes": None}, Refusal.BAD_FIELD),
        ("decline", {"respons_notes": "x"}, Refusal.UNKNOWN_FIELD),
        ("best_time", {"proposed_agreed_dt": "tomorrow"}, Refusal.BAD_FIELD),
        ("change_request", {"change_reason": "x" * 451}, Refusal.TOO_LONG),
        ("change_request", {"change_reason": ""}, Refusal.BAD_FIELD),
        ("create_request", {"service_id": "a/b"}, Refusal.BAD_FIELD),
        ("create_request", {"request": []}, Refusal.BAD_FIELD),
        ("create_request", {"service_request_id": "VC-1"}, Refusal.UNKNOWN_FIELD),
    ],
)
def test_a_command_that_vectorcare_would_refuse_is_refused_with_its_reason(
    kind: str, changes: dict[str, Any], reason: Refusal
) -> None:
    assert refusal(kind, **changes) is reason


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("location_update", {"locations": [POSITION] * 200}),
        ("location_update", {"locations": [POSITION | {"speed": 0.5, "timestamp": 1772366000.25}]}),
        ("location_update", {"locations": [dict(zip(FIELDS, LEAST, strict=True))]}),
        ("location_update", {"locations": [dict(zip(FIELDS, MOST, strict=True))]}),
        ("accept", {"response_notes": ...}),
        ("accept", {"response_notes": ""}),
        ("accept", {"service_request_id": "x" * 100}),
        ("accept", {"command_id": "x" * 128}),
        ("change_request", {"change_reason": "\U0001f691" * 450}),
        ("create_request", {"request": {}}),
        *[("state_update", {"name": name}) for name in command_fields.STATES],
    ],
)
def test_values_just_within_the_limits_pass(kind: str, changes: dict[str, Any]) -> None:
    assert refusal(kind, **changes) is None


@pytest.mark.parametrize(
    ("seconds_ahead", "expected"),
    [
        (-7 * 86400 - 1, Refusal.TIMESTAMP_TOO_OLD),
        (-7 * 86400, 0),
        (0, 0),
        (0.5, 0.5),
        (60, 60),
        (60.1, Refusal.TIMESTAMP_IN_FUTURE),
    ],
)
def test_a_state_must_be_from_the_last_seven_days(seconds_ahead: float, expected: Refusal | float) -> None:
    timestamp = utc_timestamp.later(NOW, minutes=seconds_ahead / 60)
    state = read({"command": "state_update"} | GOOD["state_update"] | {"timestamp": timestamp})
    if isinstance(expected, Refusal):
        with pytest.raises(RefusedError) as error:
            command_fields.check_time(state, now=NOW)
        assert error.value.reason is expected
        assert str(error.value) == expected
    else:
        assert command_fields.check_time(state, now=NOW) == pytest.approx(expected)


def test_a_new_request_has_no_service_request_yet() -> None:
    # Given a new request that names a service request, which is a mistake and refused among its fields
    read_command = read({"command": "create_request", "service_request_id": "VC-1"} | GOOD["create_request"])
    assert read_command.service_request_id is None
    assert read_command.fields["service_request_id"] == "VC-1"
    assert command_fields.check_time(read_command, now=NOW) == 0


def test_no_error_repeats_what_it_was_given() -> None:
    # Given fields that hold patient data, in each place, When they are refused
    texts: list[str] = []
    for kind, good in GOOD.items():
        for name in good:
            try:
                command_fields.check(read({"command": kind} | good | {name: {"Zebulon": "Quillfeather"}}))
            except (RefusedError, UnreadableError) as error:
                texts.append(f"{error!r} {error.__cause__!r}")
    # Then the error has its reason, and no more
    assert texts
    assert not any("Zebulon" in text for text in texts)
