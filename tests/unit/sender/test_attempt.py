"""One service request's commands: claimed, sent and recorded, and what becomes of each if one of these fails."""

from collections import Counter
from dataclasses import replace

import pytest

from sender.command_log import BusyError
from sender.command_result import Outcome
from sender.received_command import Completed, Postponed
from sender.vectorcare.access_token import NoTokenError
from sender.vectorcare.call_result import CallResult, Verdict
from tests.support.attempt import (
    DONE,
    ENDS_AT,
    LATER,
    LOST,
    REFUSED,
    World,
    attempts,
    delivery,
    ending,
    positions,
    trip_of,
)
from tests.support.cloud import NOW
from tests.unit.conftest import Output
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands.command import Kind

pytestmark = pytest.mark.usefixtures("at_noon")

CONFLICT = CallResult(Verdict.REFUSED, "api:conflict", 409)
UNNAMED = CallResult(Verdict.LATER)
OUT_OF_TIME = CallResult(Verdict.LATER, "out_of_time")
CIRCUIT_OPEN = CallResult(Verdict.LATER, "circuit_open")
REPEATABLE = [Kind.STATE_UPDATE, Kind.LOCATION_UPDATE, Kind.ACCEPT, Kind.DECLINE]
NOT_REPEATABLE = [Kind.BEST_TIME, Kind.CHANGE_REQUEST, Kind.CREATE_REQUEST]
TOO_LATE = utc_timestamp.later(ENDS_AT, minutes=-44.999 / 60)


def test_a_command_is_claimed_until_the_invocation_ends_sent_and_recorded() -> None:
    world, one = World(), delivery()
    results = attempts(world).send([one])
    # The holder is a name that no other delivery has.
    assert world.claims == [("c-1", "m of c-1/3/i-1", NOW, ENDS_AT)]
    assert [call.path for call in world.calls] == ["/requests/VC-1/state/"]
    assert world.recorded == [("c-1", ending(Outcome.SUCCEEDED), NOW)]
    assert results == [Completed(one, ending(Outcome.SUCCEEDED), is_repeated=False)]
    assert (world.taken_in, world.given_up) == ([DONE], [])


def test_the_lag_of_a_command_is_known_to_the_millisecond() -> None:
    one = delivery()
    one = replace(one, message=replace(one.message, sent_at=utc_timestamp.later(NOW, minutes=-1.23456 / 60)))
    [completed] = attempts(World()).send([one])
    assert isinstance(completed, Completed)
    assert completed.result.lag_seconds == 1.235


def test_a_new_request_ends_with_the_service_request_that_it_became() -> None:
    world = World(lambda _call: CallResult(Verdict.DONE, status=201, service_request_id="VC-9"))
    one = delivery(Kind.CREATE_REQUEST)
    expected = ending(Outcome.SUCCEEDED, kind=Kind.CREATE_REQUEST, service_request_id="VC-9")
    assert attempts(world).send([one]) == [Completed(one, expected)]


def test_claimed_commands_are_sent_and_the_others_left_alone() -> None:
    # Given positions that another invocation has, that have been sent, that the log cannot claim, and new ones
    failure, ended = RuntimeError(), ending(Outcome.SUCCEEDED, kind=Kind.LOCATION_UPDATE, command_id="ended")
    world = World(known={"busy": BusyError(), "ended": ended, "failing": failure})
    busy, over, failing, new = (positions(name, 1) for name in ("busy", "ended", "failing", "new"))
    # When all are sent
    results = attempts(world).send([busy, over, failing, new])
    # Then the new ones are, and each other one's reason is known
    assert [[command.command_id for command in call.commands] for call in world.calls] == [["new"]]
    assert results == [
        Postponed(busy, "busy"),
        Completed(over, ended, is_repeated=True),
        Postponed(failing, "not_claimed", error=failure),
        Completed(new, ending(Outcome.SUCCEEDED, kind=Kind.LOCATION_UPDATE, command_id="new")),
    ]
    # And nothing is called if there is no new one
    assert attempts(world).send([busy]) == [Postponed(busy, "busy")]
    assert len(world.calls) == 1


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("answer", "result", "calls"),
    [
        (DONE, Outcome.SUCCEEDED, 1),
        (REFUSED, Outcome.FAILED, 1),
        (LATER, False, 1),
        (UNNAMED, False, 1),
        (LOST, True, 1),
        (ValueError("Zebulon"), True, 1),
    ],
)
def test_the_answer_decides_how_a_command_ends_or_whether_it_may_have_been_sent(
    kind: Kind, answer: CallResult | Exception, result: Outcome | bool, calls: int
) -> None:
    # Given VectorCare's answer to the first call, or an unforeseen error, When a command is sent
    world, one = World(lambda _call: answer), delivery(kind)
    [got] = attempts(world).send([one])
    lost = CallResult(Verdict.LOST, "no_answer", is_outage=True)
    taken_in = lost if isinstance(answer, Exception) else answer
    if result is True and kind in NOT_REPEATABLE:
        # Then it is unknown whether it was sent, and it is not repeated if that does harm
        result = Outcome.UNCERTAIN
    if isinstance(result, Outcome):
        expected = ending(result, taken_in.reason, kind=kind, service_request_id=trip_of(kind))
        assert (got, world.recorded, world.given_up) == (Completed(one, expected), [("c-1", expected, NOW)], [])
    else:
        # Or it is tried later, and what is known of its effect is kept
        assert got == Postponed(one, taken_in.reason or "", taken_in.retry_after)
        assert (world.recorded, world.given_up) == ([], [("c-1", result, NOW)])
    assert (world.taken_in, len(world.calls)) == ([taken_in], calls)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("answer", [DONE, REFUSED, CONFLICT, LATER])
def test_a_command_that_may_have_been_sent_is_repeated_unless_that_does_harm(kind: Kind, answer: CallResult) -> None:
    # Given a crash during an earlier attempt, When the command comes again
    world, one = World(lambda _call: answer, known={"c-1": True}), delivery(kind)
    [got] = attempts(world).send([one])
    if kind in NOT_REPEATABLE:
        expected = ending(Outcome.UNCERTAIN, "no_answer", kind=kind, service_request_id=trip_of(kind))
        assert (got, world.calls) == (Completed(one, expected), [])
    elif answer is DONE:
        assert got == Completed(one, ending(Outcome.SUCCEEDED, kind=kind))
    elif answer is LATER:
        assert world.given_up == [("c-1", True, NOW)]
    else:
        # The refusal may be for the first attempt, which took effect.
        assert got == Completed(one, ending(Outcome.UNCERTAIN, answer.reason, kind=kind))


@pytest.mark.parametrize(
    ("operation", "answer", "reason", "at_least"),
    [("release", LATER, "http_401", 7), ("release", UNNAMED, "", 0), ("record", DONE, "not_recorded", 0)],
)
def test_a_command_is_tried_later_if_the_log_fails_after_its_call(
    operation: str, answer: CallResult, reason: str, at_least: float
) -> None:
    world, one = World(lambda _call: answer, refuses=(operation,)), delivery()
    [later] = attempts(world).send([one])
    assert isinstance(later, Postponed)
    assert (later.delivery, later.reason, later.at_least) == (one, reason, at_least)
    assert isinstance(later.error, RuntimeError)


@pytest.mark.parametrize(
    ("is_refused", "is_remembered", "taken_in", "news"),
    [(True, False, [LATER], {"CredentialsRefused": 1}), (False, False, [LATER], {}), (True, True, [], {})],
    ids=["refused credentials are news", "an outage", "one of many who waited counts"],
)
def test_without_a_token_nothing_is_claimed(
    counted: Counter[str],
    output: Output,
    *,
    is_refused: bool,
    is_remembered: bool,
    taken_in: list[CallResult],
    news: dict[str, int],
) -> None:
    def authorize() -> None:
        raise NoTokenError(LATER, is_refused=is_refused, is_remembered=is_remembered)

    world, one = World(authorizes=authorize), delivery()
    assert attempts(world).send([one]) == [Postponed(one, "http_401", 7)]
    assert (world.taken_in, world.claims, world.calls) == (taken_in, [], [])
    assert counted == news
    text = output.text()
    assert ("token.refused" in text, "http_401" in text) == (bool(news), bool(news))


def test_a_token_that_is_refused_and_not_renewed_leaves_the_command_unsent() -> None:
    world, one = World(lambda _call: NoTokenError(LATER)), delivery()
    assert attempts(world).send([one]) == [Postponed(one, "http_401", 7)]
    assert (world.taken_in, world.given_up) == ([LATER], [("c-1", False, NOW)])


@pytest.mark.parametrize(("seconds", "is_sent"), [(45, True), (44.999, False)])
def test_no_call_is_begun_that_may_outlast_the_invocation(seconds: float, is_sent: bool) -> None:
    world, one = World(), delivery()
    results = attempts(world, ends_at=utc_timestamp.later(NOW, minutes=seconds / 60)).send([one])
    assert bool(world.calls) is bool(world.claims) is is_sent
    assert (results == [Postponed(one, "out_of_time")]) is not is_sent


def obstruct(world: World, obstacle: CallResult, monkeypatch: pytest.MonkeyPatch) -> None:
    if obstacle is CIRCUIT_OPEN:
        world.admits_calls = 0
    else:
        monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: TOO_LATE)


@pytest.mark.parametrize("obstacle", [CIRCUIT_OPEN, OUT_OF_TIME], ids=lambda one: one.reason)
@pytest.mark.parametrize("when", ["at first", "after the wait for a token"])
def test_with_an_open_circuit_or_without_time_nothing_is_claimed(
    monkeypatch: pytest.MonkeyPatch, obstacle: CallResult, when: str
) -> None:
    # Given others' failures that open the circuit, or a token that takes too long
    world = World()
    if when == "at first":
        obstruct(world, obstacle, monkeypatch)
    else:
        world.authorizes = lambda: obstruct(world, obstacle, monkeypatch)
    # When a command is sent, Then it waits
    one = delivery()
    assert attempts(world).send([one]) == [Postponed(one, obstacle.reason or "")]
    assert (world.claims, world.calls, world.taken_in) == ([], [], [])


@pytest.mark.parametrize("obstacle", [CIRCUIT_OPEN, OUT_OF_TIME], ids=lambda one: one.reason)
def test_a_call_is_repeated_with_another_token_only_while_clock_and_circuit_allow_it(
    monkeypatch: pytest.MonkeyPatch, obstacle: CallResult
) -> None:
    # Given VectorCare's API, which asks before it repeats a call
    world, one = World(), delivery()
    attempts(world).send([one])
    [ask] = world.obstacles
    assert ask() is None
    # When the circuit is open or the time over, Then it is not repeated
    obstruct(world, obstacle, monkeypatch)
    assert ask() == obstacle
    # And that says nothing about VectorCare's health
    world = World(lambda _call: obstacle)
    assert attempts(world, ends_at=utc_timestamp.later(ENDS_AT, minutes=1)).send([one]) == [
        Postponed(one, obstacle.reason or "")
    ]
    assert world.taken_in == []


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("may_have_been_sent", "result", "reason"),
    [(False, Outcome.EXPIRED, "max_age"), (True, Outcome.UNCERTAIN, "no_answer")],
)
def test_a_command_ends_without_a_call_unless_an_earlier_one_may_have_been_made(
    kind: Kind, may_have_been_sent: bool, result: Outcome, reason: str
) -> None:
    world, one = World(known={"c-1": may_have_been_sent}), delivery(kind)
    expected = ending(result, reason, kind=kind, service_request_id=trip_of(kind))
    assert attempts(world).end_without_call(one, Outcome.EXPIRED, "max_age") == Completed(one, expected)
    assert (world.calls, world.recorded) == ([], [("c-1", expected, NOW)])


def test_a_command_that_another_invocation_has_is_not_ended() -> None:
    world, one = World(known={"c-1": BusyError()}), delivery()
    assert attempts(world).end_without_call(one, Outcome.EXPIRED, "max_age") == Postponed(one, "busy")
    assert world.recorded == []
