"""Location updates that are sent together: each has its own end, in however many calls its positions were."""

import pytest

from sender.command_result import CommandResult
from sender.delivery import Ended, Later
from sender.vectorcare.answers import ApiAnswer, Verdict
from sender.vectorcare.api_calls import ApiCall
from tests.support.attempt import DONE, LATER, LOST, REFUSED, World, attempts, positions
from tests.support.cloud import NOW

BAD_REQUEST = ApiAnswer(Verdict.REFUSED, "api:bad_request", 400)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: NOW)


def test_one_update_at_fault_fails_alone() -> None:
    # Given five location updates, of which VectorCare refuses one
    def answer(call: ApiCall) -> ApiAnswer:
        return BAD_REQUEST if any(location["timestamp"] == 4 for location in call.body) else DONE

    world, updates = World(answer), [positions(f"c-{number}", number) for number in range(1, 6)]
    # When they are sent
    results = attempts(world).send(updates)
    # Then it is looked for by halves
    assert [[location["timestamp"] for location in call.body] for call in world.calls] == [
        [1, 2, 3, 4, 5],
        [1, 2],
        [3, 4, 5],
        [3],
        [4, 5],
        [4],
        [5],
    ]
    # And it fails alone
    outcomes = {
        result.delivery.command.command_id: result.ending.outcome for result in results if type(result) is Ended
    }
    assert outcomes == {
        f"c-{number}": CommandResult.FAILED if number == 4 else CommandResult.SUCCEEDED for number in range(1, 6)
    }
    assert world.taken_in == [BAD_REQUEST, DONE, BAD_REQUEST, DONE, BAD_REQUEST, BAD_REQUEST, DONE]


def test_a_400_that_is_not_vectorcares_is_no_reason_to_look_for_one_at_fault() -> None:
    # Given a proxy that does not like a call
    answer = ApiAnswer(Verdict.LATER, "http_400", 400)
    world, updates = World(lambda _call: answer), [positions(f"c-{number}", number) for number in range(1, 6)]
    # When positions are sent together, Then one call is spent, and all of them wait
    assert attempts(world).send(updates) == [Later(one, "http_400") for one in updates]
    assert len(world.calls) == 1


def test_two_at_fault_are_each_found() -> None:
    world = World(lambda call: BAD_REQUEST if len(call.commands) == 2 else REFUSED)
    results = attempts(world).send([positions("c-1", 1), positions("c-2", 2)])
    assert [one.ending.reason for one in results if isinstance(one, Ended)] == ["api:not_found"] * 2
    assert len(world.calls) == 3


def test_other_refusals_are_not_looked_for() -> None:
    world = World(lambda _call: REFUSED)
    results = attempts(world).send([positions("c-1", 1), positions("c-2", 2)])
    assert [one.ending.outcome for one in results if isinstance(one, Ended)] == [CommandResult.FAILED] * 2
    assert len(world.calls) == 1


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((DONE, DONE), CommandResult.SUCCEEDED),
        ((DONE, REFUSED), CommandResult.FAILED),
        ((REFUSED, DONE), CommandResult.FAILED),
        ((LOST, REFUSED), CommandResult.FAILED),
        ((REFUSED, LATER), CommandResult.FAILED),
        ((DONE, LATER), ("http_401", False)),
        ((LATER, DONE), ("http_401", False)),
        ((DONE, LOST), ("http_504", True)),
        ((LOST, LATER), ("http_504", True)),
        ((LATER, LOST), ("http_504", True)),
    ],
)
def test_over_several_calls_a_refusal_decides_and_then_what_is_not_done(
    answers: tuple[ApiAnswer, ApiAnswer], expected: CommandResult | tuple[str, bool]
) -> None:
    # Given two updates whose 201 positions take two calls, of which the first has its positions in both
    rest = iter(answers)
    world = World(lambda _call: next(rest))
    updates = [positions("c-1", *range(1, 200), 201), positions("c-2", 200)]
    # When they are sent
    result = attempts(world).send(updates)[0]
    # Then the worst answer decides over it
    assert [len(call.body) for call in world.calls] == [200, 1]
    if isinstance(expected, CommandResult):
        assert isinstance(result, Ended)
        assert result.ending.outcome is expected
    else:
        reason, may_have_been_sent = expected
        assert isinstance(result, Later)
        assert result.reason == reason
        assert ("c-1", may_have_been_sent, NOW) in world.given_up


def test_a_circuit_that_opens_between_two_calls_holds_the_second_back() -> None:
    # Given positions for two calls, and a circuit that opens with the first answer
    world = World(lambda _call: DONE, admits_calls=1)
    update = positions("c-1", *range(1, 202))
    # When they are sent, Then the second call is not made, and the update waits for it
    assert attempts(world).send([update]) == [Later(update, "circuit_open")]
    assert len(world.calls) == 1
    assert world.given_up == [("c-1", False, NOW)]
