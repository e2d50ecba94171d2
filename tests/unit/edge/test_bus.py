"""Which events are tried again, in which order, and that each call is one that EventBridge takes."""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeAlias, cast

import pytest

from tests.support import faults
from tests.support.patience import Patience
from tests.unit.conftest import Output
from tests.unit.publisher.test_change import NAME
from vectorcare_bridge.edge.bus import Bus, BusEntry

PASSING = ["InternalFailure", "ThrottlingException", ""]
FINAL = ["MalformedDetail", "NotAuthorizedForSourceException"]
MAX_BYTES = 256 * 1024

Answer: TypeAlias = "Callable[[list[str]], dict[str, Any]]"


class Client:
    """EventBridge with prepared answers; after them it takes everything."""

    def __init__(self, *answers: Answer) -> None:
        self.calls: list[list[dict[str, str]]] = []
        self._answers = list(answers)

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 boto3's name
        self.calls.append(Entries)
        answer = self._answers.pop(0) if self._answers else taking_all
        return answer([json.loads(entry["Detail"])["name"] for entry in Entries])

    def names(self) -> list[list[str]]:
        return [[json.loads(entry["Detail"])["name"] for entry in call] for call in self.calls]


def taking_all(names: Sequence[str]) -> dict[str, Any]:
    return {"FailedEntryCount": 0, "Entries": [{"EventId": name} for name in names]}


def refusing(code: str, *refused: str) -> Answer:
    """Refuse events of these names, or all, one by one."""

    def answer(names: Sequence[str]) -> dict[str, Any]:
        refusal = {"ErrorCode": code, "ErrorMessage": NAME} if code else {"ErrorMessage": NAME}
        return {"Entries": [refusal if name in (refused or names) else {"EventId": name} for name in names]}

    return answer


def failing(error: Exception) -> Answer:
    def answer(_names: Sequence[str]) -> dict[str, Any]:
        raise error

    return answer


def bus(client: Client) -> Bus:
    return Bus(cast("Any", client), "bus")


def event(name: str, **detail: Any) -> BusEntry:
    return BusEntry("Type", {"name": name, **detail})


@pytest.mark.parametrize("code", PASSING)
def test_only_the_event_that_the_bus_may_take_next_time_is_put_again(patience: Patience, code: str) -> None:
    # Given a bus that refuses one of three events once
    client = Client(refusing(code, "b"))
    # When they are published
    assert bus(client).publish([event("a"), event("b"), event("c")]) == []
    # Then that one is put again, after a wait
    assert client.names() == [["a", "b", "c"], ["b"]]
    assert len(patience.waits) == 1


@pytest.mark.parametrize("code", FINAL)
def test_an_event_that_the_bus_will_never_take_is_not_put_again(patience: Patience, code: str) -> None:
    client = Client(refusing(code, "b"))
    a, b, c = event("a"), event("b"), event("c")
    assert bus(client).publish([a, b, c]) == [b]
    assert (len(client.calls), patience.waits) == (1, [])


@pytest.mark.parametrize(
    "answer",
    [
        failing(faults.refusal("ThrottlingException")),
        failing(faults.refusal("InternalException")),
        failing(faults.unreachable()),
        lambda _names: {"Entries": [{"EventId": "unknown"}]},
        lambda _names: {},
    ],
    ids=["throttled", "internal", "unreachable", "too few answers", "no answers"],
)
def test_a_call_that_fails_as_a_whole_is_made_again(patience: Patience, answer: Answer) -> None:
    client = Client(answer)
    assert bus(client).publish([event("a"), event("b")]) == []
    assert client.names() == [["a", "b"]] * 2
    assert len(patience.waits) == 1


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException"])
def test_a_call_that_will_always_fail_is_made_once(patience: Patience, code: str) -> None:
    client = Client(failing(faults.refusal(code)))
    assert len(bus(client).publish([event("a"), event("b")])) == 2
    assert (len(client.calls), patience.waits) == (1, [])


def test_waits_double_and_end(patience: Patience) -> None:
    # Given a bus that refuses some, for longer than it is asked, and the longest waits
    client = Client(*[refusing("InternalFailure", "a", "c")] * 50)
    a, b, c = event("a"), event("b"), event("c")
    # When they are published, Then they are returned in their order after seven attempts
    assert bus(client).publish([c, b, a]) == [c, a]
    assert len(client.calls) == 7
    # And each wait was drawn between nothing and twice as much as before
    assert patience.waits == [0.25, 0.5, 1, 2, 4, 8]
    assert patience.lowest == [0] * 6


def test_nothing_is_tried_again_when_time_is_over(patience: Patience) -> None:
    # Given a bus that refuses, and time for two waits
    client = Client(*[refusing("ThrottlingException")] * 50)
    limited = bus(client)
    limited.deadline = patience.now + 0.8
    # When an event is published, Then it is returned in time
    assert limited.publish([event("a")])
    assert patience.waits == [0.25, 0.5]
    assert patience.now <= limited.deadline


def test_when_time_is_over_no_call_follows_one_that_fails(patience: Patience) -> None:
    # Given calls that hang, and time for one and a half
    def hang(_names: Sequence[str]) -> dict[str, Any]:
        patience.now += 5
        raise faults.unreachable()

    client = Client(*[hang] * 50)
    limited = bus(client)
    limited.deadline = patience.now + 8
    # When events of four calls are published
    events = [event(f"{number:02}") for number in range(40)]
    # Then all are returned, and the last two calls were not made
    assert limited.publish(events) == events
    assert len(client.calls) == 2


@pytest.mark.usefixtures("patience")
def test_an_event_waits_behind_an_earlier_one_of_its_service_request() -> None:
    # Given a bus that refuses the first event of a service request once
    client = Client(refusing("InternalFailure", "00"))
    events = [event(f"{number:02}", service_request_id=f"VC-{number % 9}") for number in range(20)]
    # When twenty events of nine service requests are published
    assert bus(client).publish(events) == []
    # Then those of that request come in their order, but for those of one and the same call, and no other waits
    first, second, third = client.names()
    assert "09" in first
    assert second == [f"{number:02}" for number in range(10, 20) if number != 18]
    assert third == ["00", "18"]


@pytest.mark.usefixtures("patience")
def test_no_event_waits_for_one_without_a_service_request() -> None:
    client = Client(refusing("InternalFailure", "00"))
    assert bus(client).publish([event(f"{number:02}", service_request_id=None) for number in range(11)]) == []
    assert client.names()[1:] == [["10"], ["00"]]


@pytest.mark.usefixtures("patience")
def test_an_event_that_is_never_taken_does_not_hold_back_later_ones() -> None:
    # Given a bus that never takes the first of a service request's events
    client = Client(*[refusing("InternalFailure", "00")] * 50)
    events = [event(f"{number:02}", service_request_id="VC-1") for number in range(30)]
    # When they are published, Then the others are on the bus in the end
    assert bus(client).publish(events) == events[:1]


def as_event(entry: dict[str, str]) -> str:
    """Write the event that EventBridge makes of an entry, in a region with a long name."""
    around = {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": "123456789012",
        "time": "2026-03-01T10:00:00Z",
        "region": "ap-southeast-2",
        "resources": [],
        "detail": "",
    }
    return json.dumps(around, separators=(",", ":"))[:-3] + entry["Detail"] + "}"


@pytest.mark.parametrize("detail_type", ["T", "T" * 128, "Ü" * 20])
@pytest.mark.parametrize("events", [2, 3, 10])
def test_a_call_stays_within_its_size_with_source_and_detail_type_counted(events: int, detail_type: str) -> None:
    # Given events that fill a call but for some bytes, or a little more than one
    frame = len(as_event({"DetailType": detail_type, "Source": "vectorcare-bridge", "Detail": '{"name":""}'}))
    for missing in range(-20, 100 * events + 20, 9):
        client = Client()
        detail = {"name": "x" * ((MAX_BYTES - missing) // events - frame)}
        # When they are published
        bus(client).publish([BusEntry(detail_type, detail)] * events)
        # Then no call is as large as EventBridge's limit, and there is only one call if that can carry them
        sizes = [sum(len(as_event(entry).encode()) for entry in call) for call in client.calls]
        assert max(sizes) < MAX_BYTES
        assert len(sizes) == 1 or missing <= 100 * events


def test_a_call_carries_ten_events_and_calls_that_work_go_on_when_time_is_over(patience: Patience) -> None:
    client = Client()
    limited = bus(client)
    limited.deadline = patience.now - 1
    assert limited.publish([event(f"{number:02}") for number in range(25)]) == []
    assert [len(call) for call in client.calls] == [10, 10, 5]


def test_numbers_go_out_with_every_digit_and_integers_such_as_the_bus_takes() -> None:
    # Given numbers that a float would change, and integers around the greatest that EventBridge takes
    written = {
        "12345678901234567.89": "12345678901234567.89",
        "9007199254740993": "9007199254740993",
        "0.12345678901234567890123456789": "0.12345678901234567890123456789",
        "1E-130": "1E-130",
        "81.5": "81.5",
        "100": "100",
        "-0.5": "-0.5",
        "9223372036854775807": "9223372036854775807",
        "9223372036854775808": "9.223372036854775808E+18",
        "-12345678901234567890": "-1.2345678901234567890E+19",
        "1E+125": "1E+125",
    }
    client = Client()
    numbers = [Decimal(digits) for digits in written]
    # When they are published
    bus(client).publish([event("a", data={"numbers": numbers})])
    # Then they are there as they were
    detail = client.calls[0][0]["Detail"]
    assert f'"numbers":[{",".join(written.values())}]' in detail
    assert json.loads(detail, parse_int=Decimal, parse_float=Decimal)["data"]["numbers"] == numbers


def test_characters_that_sqs_refuses_are_escaped() -> None:
    client = Client()
    bus(client).publish([event("a", data="\uffff\u0001\u007f \U0001f691 Zoë")])
    assert client.calls[0][0]["Detail"].isascii()
    assert json.loads(client.calls[0][0]["Detail"])["data"] == "\uffff\u0001\u007f \U0001f691 Zoë"


@pytest.mark.usefixtures("patience")
def test_the_error_code_of_a_single_event_is_logged_without_its_text(output: Output) -> None:
    # Given a bus that takes one of two events, and whose text repeats what it was given
    client = Client(*[refusing("ThrottlingException", "b")] * 50)
    taken, refused = event("a"), event("b", note=NAME)
    # When both are published
    failed = bus(client).publish([taken, refused])
    # Then the other one comes back
    assert failed == [refused]
    text = output.text()
    assert '"ThrottlingException"' in text
    assert NAME not in text
