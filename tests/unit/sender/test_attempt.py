"""One service request's commands: claimed, sent, recorded, and what is said of each where one of these fails."""

from collections import Counter
from collections.abc import Callable

import pytest

from sender.command_log import BusyError
from sender.command_result import CommandResult
from sender.delivery import Ended, Later
from sender.vectorcare.access_token import NoTokenError
from sender.vectorcare.answers import ApiAnswer, Verdict
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
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands.command import Kind

FORBIDDEN = ApiAnswer(Verdict.REFUSED, "members:permission_denied", 403)
BAD_REQUEST = ApiAnswer(Verdict.REFUSED, "api:bad_request", 400)
CONFLICT = ApiAnswer(Verdict.REFUSED, "api:conflict", 409)
REPEATABLE = [Kind.STATE_UPDATE, Kind.LOCATION_UPDATE, Kind.ACCEPT, Kind.DECLINE]
NOT_REPEATABLE = [Kind.BEST_TIME, Kind.CHANGE_REQUEST, Kind.CREATE_REQUEST]


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: NOW)


def test_a_command_is_claimed_sent_and_recorded() -> None:
    # Given a command, When it is sent
    world, one = World(), delivery()
    results = attempts(world).send([one])
    # Then it was claimed under a name that no other delivery has, until the invocation is over
    assert world.claims == [("c-1", "m of c-1/3/i-1", NOW, ENDS_AT)]
    # And sent once, its end recorded and told
    assert [call.path for call in world.calls] == ["/requests/VC-1/state/"]
    assert world.recorded == [("c-1", ending(CommandResult.SUCCEEDED), NOW)]
    assert results == [Ended(one, ending(CommandResult.SUCCEEDED), is_repeated=False)]
    assert (world.taken_in, world.given_up) == ([DONE], [])


def test_a_new_request_is_told_with_the_service_request_that_it_became() -> None:
    world = World(lambda _call: ApiAnswer(Verdict.DONE, status=201, service_request_id="VC-9"))
    one = delivery(Kind.CREATE_REQUEST)
    expected = ending(CommandResult.SUCCEEDED, kind=Kind.CREATE_REQUEST, service_request_id="VC-9")
    assert attempts(world).send([one]) == [Ended(one, expected)]


def test_without_a_call_to_spend_nothing_is_claimed() -> None:
    world, one = World(admits_calls=0), delivery()
    assert attempts(world).send([one]) == [Later(one, "circuit_open")]
    assert (world.claims, world.calls) == ([], [])


@pytest.mark.parametrize(("seconds", "is_sent"), [(45, True), (44.999, False)])
def test_no_call_is_begun_that_may_outlast_the_invocation(seconds: float, is_sent: bool) -> None:
    # Given an invocation that ends so soon, When a command is sent
    world, one = World(), delivery()
    results = attempts(world, ends_at=utc_timestamp.later(NOW, minutes=seconds / 60)).send([one])
    # Then it is, if a call takes no longer at worst
    assert bool(world.calls) is is_sent
    assert (results == [Later(one, "out_of_time")]) is not is_sent


def test_what_others_have_is_left_to_them_and_the_rest_is_sent() -> None:
    # Given positions that another invocation has, that have been sent, that the ledger cannot claim, and new ones
    failure, ended = RuntimeError(), ending(CommandResult.SUCCEEDED, kind=Kind.LOCATION_UPDATE, command_id="ended")
    world = World(known={"busy": BusyError(), "ended": ended, "failing": failure})
    busy, over, failing, new = (positions(name, 1) for name in ("busy", "ended", "failing", "new"))
    # When all are sent
    results = attempts(world).send([busy, over, failing, new])
    # Then the new ones are, and of each other one it is said why not
    assert [[command.command_id for command in call.commands] for call in world.calls] == [["new"]]
    assert results == [
        Later(busy, "busy"),
        Ended(over, ended, is_repeated=True),
        Later(failing, "not_claimed", error=failure),
        Ended(new, ending(CommandResult.SUCCEEDED, kind=Kind.LOCATION_UPDATE, command_id="new")),
    ]


def test_with_nothing_claimed_nothing_is_called() -> None:
    world, one = World(known={"c-1": BusyError()}), delivery()
    assert attempts(world).send([one]) == [Later(one, "busy")]
    assert world.calls == []


@pytest.mark.parametrize("kind", NOT_REPEATABLE)
def test_what_may_have_been_sent_is_not_repeated_where_that_does_harm(kind: Kind) -> None:
    # Given a crash during an earlier attempt, When such a command comes again
    world, one = World(known={"c-1": True}), delivery(kind)
    results = attempts(world).send([one])
    # Then nobody calls, and nobody claims to know
    expected = ending(CommandResult.UNCERTAIN, "no_answer", kind=kind, service_request_id=trip_of(kind))
    assert results == [Ended(one, expected)]
    assert (world.calls, world.recorded) == ([], [("c-1", expected, NOW)])


@pytest.mark.parametrize("kind", REPEATABLE)
def test_what_may_have_been_sent_is_repeated_where_a_loss_is_worse(kind: Kind) -> None:
    world, one = World(known={"c-1": True}), delivery(kind)
    assert attempts(world).send([one]) == [Ended(one, ending(CommandResult.SUCCEEDED, kind=kind))]
    assert len(world.calls) == 1


@pytest.mark.parametrize("kind", Kind)
def test_a_refusal_is_the_end(kind: Kind) -> None:
    world, one = World(lambda _call: REFUSED), delivery(kind)
    expected = ending(CommandResult.FAILED, "api:not_found", kind=kind, service_request_id=trip_of(kind))
    assert attempts(world).send([one]) == [Ended(one, expected)]


@pytest.mark.parametrize("answer", [FORBIDDEN, REFUSED, BAD_REQUEST, CONFLICT], ids=lambda answer: answer.status)
@pytest.mark.parametrize("kind", REPEATABLE)
def test_a_repetition_that_is_refused_may_have_counted_the_first_time(kind: Kind, answer: ApiAnswer) -> None:
    world, one = World(lambda _call: answer, known={"c-1": True}), delivery(kind)
    assert attempts(world).send([one]) == [Ended(one, ending(CommandResult.UNCERTAIN, answer.reason, kind=kind))]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(("answer", "wait"), [(LATER, 7), (ApiAnswer(Verdict.LATER), 0)])
def test_what_may_pass_is_tried_later_and_was_not_sent(kind: Kind, answer: ApiAnswer, wait: float) -> None:
    world, one = World(lambda _call: answer), delivery(kind)
    assert attempts(world).send([one]) == [Later(one, answer.reason or "", wait)]
    assert (world.given_up, world.recorded) == ([("c-1", False, NOW)], [])


def test_that_it_may_have_been_sent_is_not_forgotten() -> None:
    world = World(lambda _call: LATER, known={"c-1": True})
    attempts(world).send([delivery()])
    assert world.given_up == [("c-1", True, NOW)]


@pytest.mark.parametrize("kind", REPEATABLE)
def test_a_lost_answer_is_noted_where_the_command_is_repeated(kind: Kind) -> None:
    world, one = World(lambda _call: LOST), delivery(kind)
    assert attempts(world).send([one]) == [Later(one, "http_504")]
    assert world.given_up == [("c-1", True, NOW)]


@pytest.mark.parametrize("kind", NOT_REPEATABLE)
def test_a_lost_answer_is_the_end_where_it_is_not(kind: Kind) -> None:
    world, one = World(lambda _call: LOST), delivery(kind)
    expected = ending(CommandResult.UNCERTAIN, "http_504", kind=kind, service_request_id=trip_of(kind))
    assert attempts(world).send([one]) == [Ended(one, expected)]


def test_a_claim_that_cannot_be_given_up_ends_by_itself() -> None:
    # Given a ledger that fails after the call, When the command is to be tried later
    world, one = World(lambda _call: LATER, refuses=("give_up_claim",)), delivery()
    [later] = attempts(world).send([one])
    # Then it is, as late as VectorCare asks for
    assert isinstance(later, Later)
    assert (later.delivery, later.reason, later.at_least) == (one, "http_401", 7)
    assert isinstance(later.error, RuntimeError)


def test_what_cannot_be_given_up_and_has_no_reason_names_none() -> None:
    world = World(lambda _call: ApiAnswer(Verdict.LATER), refuses=("give_up_claim",))
    [later] = attempts(world).send([delivery()])
    assert isinstance(later, Later)
    assert later.reason == ""


def test_an_end_that_cannot_be_recorded_is_not_told() -> None:
    world, one = World(refuses=("record",)), delivery()
    [later] = attempts(world).send([one])
    assert isinstance(later, Later)
    assert (later.delivery, later.reason, later.at_least) == (one, "not_recorded", 0)
    assert isinstance(later.error, RuntimeError)


def without_token(**how: bool) -> Callable[[], None]:
    def authorize() -> None:
        raise NoTokenError(LATER, **how)

    return authorize


@pytest.mark.parametrize(("is_refused", "news"), [(True, {"CredentialsRefused": 1}), (False, {})])
def test_without_a_token_nothing_is_claimed_and_refused_credentials_are_news(
    counted: Counter[str], is_refused: bool, news: dict[str, int]
) -> None:
    # Given no token to be had, When a command is sent
    world, one = World(authorizes=without_token(is_refused=is_refused)), delivery()
    # Then it waits as after an answer, which counts as one, and the ledger has not heard of it
    assert attempts(world).send([one]) == [Later(one, "http_401", 7)]
    assert (world.taken_in, world.claims, world.calls) == ([LATER], [], [])
    assert counted == news


def test_of_all_who_waited_for_a_token_in_vain_one_counts(counted: Counter[str]) -> None:
    world, one = World(authorizes=without_token(is_refused=True, is_remembered=True)), delivery()
    assert attempts(world).send([one]) == [Later(one, "http_401", 7)]
    assert (world.taken_in, world.claims, counted) == ([], [], {})


def test_a_token_that_is_refused_and_not_renewed_leaves_the_command_unsent() -> None:
    world, one = World(lambda _call: NoTokenError(LATER)), delivery()
    assert attempts(world).send([one]) == [Later(one, "http_401", 7)]
    assert (world.taken_in, world.given_up) == ([LATER], [("c-1", False, NOW)])


def test_after_a_long_wait_for_a_token_there_is_no_time_for_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a token that takes so long that the invocation may end before an answer
    late = utc_timestamp.later(ENDS_AT, minutes=-44 / 60)
    world, one = (
        World(authorizes=lambda: monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: late)),
        delivery(),
    )
    # When a command is sent, Then it waits, and the ledger has not heard of it
    assert attempts(world).send([one]) == [Later(one, "out_of_time")]
    assert (world.claims, world.calls, world.taken_in) == ([], [], [])


def test_a_circuit_that_opens_during_the_wait_for_a_token_counts() -> None:
    # Given others whose calls fail while this one waits for a token
    world = World(admits_calls=1)
    world.authorizes = lambda: world.taken_in.append(LATER)
    one = delivery()
    # When a command is sent, Then it is not
    assert attempts(world).send([one]) == [Later(one, "circuit_open")]
    assert (world.claims, world.calls) == ([], [])


def test_a_call_is_repeated_with_another_token_only_while_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given VectorCare's API, which asks before it repeats a call
    world, one = World(), delivery()
    attempts(world).send([one])
    [obstacle] = world.obstacles
    # When it asks, Then the clock and the circuit decide
    assert obstacle() is None
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: utc_timestamp.later(ENDS_AT, minutes=-44 / 60))
    assert obstacle() == ApiAnswer(Verdict.LATER, "out_of_time")
    world.admits_calls = 0
    assert obstacle() == ApiAnswer(Verdict.LATER, "circuit_open")


@pytest.mark.parametrize("reason", ["circuit_open", "out_of_time"])
def test_a_call_that_is_not_repeated_says_nothing_about_vectorcares_health(reason: str) -> None:
    world, one = World(lambda _call: ApiAnswer(Verdict.LATER, reason)), delivery()
    assert attempts(world).send([one]) == [Later(one, reason)]
    assert (world.taken_in, world.given_up) == ([], [("c-1", False, NOW)])


@pytest.mark.parametrize("kind", Kind)
def test_an_error_that_nobody_foresaw_leaves_no_claim_and_the_effect_open(kind: Kind) -> None:
    # Given a call that ends in an error of ours
    world, one = World(lambda _call: ValueError("Zebulon")), delivery(kind)
    [result] = attempts(world).send([one])
    # Then it ends as a lost answer does
    lost = ApiAnswer(Verdict.LOST, "no_answer", is_outage=True)
    assert world.taken_in == [lost]
    if kind in REPEATABLE:
        assert (result, world.given_up) == (Later(one, "no_answer"), [("c-1", True, NOW)])
    else:
        assert isinstance(result, Ended)
        assert (result.ending.outcome, world.given_up) == (CommandResult.UNCERTAIN, [])


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("may_have_been_sent", "outcome", "reason"),
    [(False, CommandResult.EXPIRED, "max_age"), (True, CommandResult.UNCERTAIN, "no_answer")],
)
def test_a_command_ends_without_a_call_unless_an_earlier_one_may_have_been_made(
    kind: Kind, may_have_been_sent: bool, outcome: CommandResult, reason: str
) -> None:
    world, one = World(known={"c-1": may_have_been_sent}), delivery(kind)
    result = attempts(world).end_without_call(one, CommandResult.EXPIRED, "max_age")
    expected = ending(outcome, reason, kind=kind, service_request_id=trip_of(kind))
    assert result == Ended(one, expected)
    assert (world.calls, world.recorded) == ([], [("c-1", expected, NOW)])


def test_what_another_invocation_has_is_not_ended() -> None:
    world, one = World(known={"c-1": BusyError()}), delivery()
    assert attempts(world).end_without_call(one, CommandResult.EXPIRED, "max_age") == Later(one, "busy")
    assert world.recorded == []
