"""The schema that customers write commands by admits what the code reads, and nothing else."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vectorcare_bridge.commands import command, command_fields
from vectorcare_bridge.commands.command import RefusedError, UnreadableError

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "contracts" / "command.json").read_text())
DEFINITIONS = SCHEMA["$defs"]
FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time", raises=(ValueError, OverflowError))
def is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).astimezone(UTC).year > 0


def fits_whole(validator: Any, pattern: str, value: object, _schema: object) -> Any:
    """Match as JSON Schema's own regular expressions do; Python's `$` would admit a line feed at the end."""
    if validator.is_type(value, "string"):
        yield from jsonschema.Draft202012Validator.VALIDATORS["pattern"](
            validator, pattern.removesuffix("$") + r"\Z", value, _schema
        )


EXTENDED = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # the library leaves it untyped
    jsonschema.Draft202012Validator, {"pattern": fits_whole}
)
VALIDATOR = EXTENDED(SCHEMA, format_checker=FORMATS)

IDS = st.sampled_from(["VC-TEST0001", "a", "x" * 100, "x" * 101, "", "VC 1", "VC-1\n", "a/b", "Ä", 7, None])
COMMAND_IDS = st.sampled_from(["c-1", "a:b.c_d", "x" * 128, "x" * 129, "", "#circuit", "c\n", 7, None])
TEXTS: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["", "x", "x" * 450, "x" * 451, "\ud800", "é" * 450, 7, None, ["x"], {}]), st.text(max_size=5)
)
TIMES = st.one_of(
    st.datetimes(timezones=st.sampled_from([UTC])).map(datetime.isoformat),
    st.from_regex(DEFINITIONS["time"]["pattern"]),
    st.sampled_from(
        [
            "2026-03-01T10:00:00Z",
            "2026-02-29T10:00:00Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T10:00:60Z",
            "2026-03-01 10:00:00Z",
            "2026-03-01T10:00:00",
            "2026-03-01T10:00:00.1234567891Z",
            "0001-01-01T00:00:00+05:00",
            "2026-W01-1T00:00:00Z",
            "٢٠٢٦-03-01T10:00:00Z",
            "2026-03-01T10:00:00Z\n",
            1772366000,
            None,
        ]
    ),
)
NUMBERS = st.one_of(
    st.sampled_from([0, -0.0, 90, 90.0, -90.1, 180, 181, 1e5, 100_001, 4_102_444_800, 1772366000000, True, "1", None]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**12), 10**12),
)
NAMES = st.sampled_from([*command_fields.STATES, "asleep", "EN_ROUTE", "en_route\n", "", 7, None, ["en_route"]])
LOCATIONS: st.SearchStrategy[Any] = st.one_of(
    st.lists(
        st.fixed_dictionaries(
            {"lat": st.floats(-91, 91), "lng": st.floats(-181, 181), "alt": NUMBERS, "timestamp": st.floats(0, 5e9)},
            optional={"speed": NUMBERS, "heading": NUMBERS},
        )
        | st.dictionaries(st.sampled_from(["lat", "lng", "alt", "timestamp"]), NUMBERS)
        | st.sampled_from([7, None, []]),
        max_size=3,
    ),
    st.integers(198, 203).map(lambda count: [{"lat": 1, "lng": 2, "alt": 3, "timestamp": 4}] * count),
    st.sampled_from([{}, None, 7]),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "command_id": COMMAND_IDS,
    "service_request_id": IDS,
    "name": NAMES,
    "timestamp": TIMES,
    "locations": LOCATIONS,
    "response_notes": TEXTS,
    "proposed_agreed_dt": TIMES,
    "agreed_dt": TIMES,
    "change_reason": TEXTS,
    "service_id": IDS,
    "request": st.sampled_from([{}, {"any": [1, None]}, [], None, "x"]),
    "surplus": st.none(),
}
KINDS = [definition for definition in DEFINITIONS if "command" in DEFINITIONS[definition].get("properties", {})]
GOOD_VALUES = {
    "service_request_id": "VC-TEST0001",
    "name": "en_route",
    "timestamp": "2026-03-01T10:00:00Z",
    "locations": [{"lat": 1, "lng": 2, "alt": 3, "timestamp": 4}],
    "proposed_agreed_dt": "2026-03-01T10:00:00Z",
    "agreed_dt": "2026-03-01T10:00:00Z",
    "change_reason": "x",
    "service_id": "svc",
    "request": {},
}


@st.composite
def commands(draw: st.DrawFn) -> Any:
    """Draw a good command, and change a few of its fields, or those of other kinds."""
    kind = draw(st.sampled_from(KINDS))
    given = {"command": kind} | {name: GOOD_VALUES[name] for name in DEFINITIONS[kind]["required"] if name != "command"}
    for name in draw(st.lists(st.sampled_from([*VALUES, *DEFINITIONS[kind]["properties"]]), max_size=3)):
        if name == "command":
            given["command"] = draw(st.sampled_from([*KINDS, "cancel", None, 7]))
        elif draw(st.integers(0, 9)):
            given[name] = draw(VALUES[name])
        else:
            given.pop(name, None)
    return given


def is_read(body: str) -> bool:
    try:
        command_fields.check(command.read(body, message_id="message-1"))
    except (UnreadableError, RefusedError):
        return False
    return True


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert sorted(KINDS) == sorted(command.Kind)


@pytest.mark.parametrize("kind", KINDS)
def test_schema_and_code_admit_a_good_command_of_each_kind(kind: str) -> None:
    given = {"command": kind} | {name: GOOD_VALUES[name] for name in DEFINITIONS[kind]["required"] if name != "command"}
    assert VALIDATOR.is_valid(given)
    assert is_read(json.dumps(given))


@given(commands())
@example({"command": "accept", "service_request_id": "VC-1\n"})
@example([])
@example({"command": "create_request", "service_id": "svc", "request": {}, "service_request_id": "VC-1"})
def test_the_schema_admits_what_the_code_reads_and_nothing_else(given: Any) -> None:
    body = json.dumps(given)
    assert VALIDATOR.is_valid(json.loads(body)) == is_read(body)
