"""Location updates that are sent together: each has its own result, in however many calls its positions are."""

import pytest

from sender.command_result import Outcome
from sender.received_command import Completed, Postponed
from sender.vectorcare.api_calls import ApiCall
from sender.vectorcare.call_result import CallResult, Verdict
from tests.support.attempt import DONE, LATER, LOST, REFUSED, World, attempts, positions
from tests.support.cloud import NOW

pytestmark = pytest.mark.usefixtures("at_noon")

BAD_REQUEST = CallResult(Verdict.REFUSED, "api:bad_request", 400)


@pytest.mark.parametrize(("at_fault", "calls"), [({4}, 7), ({1, 5}, 9)])
def test_an_update_at_fault_fails_alone(at_fault: set[int], calls: int) -> None:
    # Given five location updates, some of which VectorCare refuses
    def answer(call: ApiCall) -> CallResult:
        return BAD_REQUEST if at_fault & {location["timestamp"] for location in call.body} else DONE

    world, updates = World(answer), [positions(f"c-{number}", number) for number in range(1, 6)]
    # When they are sent
    results = attempts(world).send(updates)
    # Then those fail alone, found by halving
    outcomes = {
        result.delivery.command.command_id: result.result.outcome for result in results if isinstance(result, Completed)
    }
    assert outcomes == {
        f"c-{number}": Outcome.FAILED if number in at_fault else Outcome.SUCCEEDED for number in range(1, 6)
    }
    assert len(world.calls) == len(world.taken_in) == calls


@pytest.mark.parametrize("answer", [REFUSED, CallResult(Verdict.LATER, "http_400", 400)], ids=["404", "a proxy's 400"])
def test_other_answers_start_no_search_for_the_update_at_fault(answer: CallResult) -> None:
    world, updates = World(lambda _call: answer), [positions(f"c-{number}", number) for number in range(1, 6)]
    results = attempts(world).send(updates)
    assert len(world.calls) == 1
    if answer is REFUSED:
        assert [one.result.reason for one in results if isinstance(one, Completed)] == ["api:not_found"] * 5
    else:
        assert results == [Postponed(one, "http_400") for one in updates]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((DONE, DONE), Outcome.SUCCEEDED),
        ((DONE, REFUSED), Outcome.FAILED),
        ((REFUSED, DONE), Outcome.FAILED),
        ((LOST, REFUSED), Outcome.FAILED),
        ((REFUSED, LATER), Outcome.FAILED),
        ((DONE, LATER), ("http_401", False)),
        ((LATER, DONE), ("http_401", False)),
        ((DONE, LOST), ("http_504", True)),
        ((LOST, LATER), ("http_504", True)),
        ((LATER, LOST), ("http_504", True)),
    ],
)
def test_a_refusal_decides_over_several_calls_and_then_an_unfinished_one(
    answers: tuple[CallResult, CallResult], expected: Outcome | tuple[str, bool]
) -> None:
    # Given two updates whose 201 positions take two calls; the first update has positions in both calls
    rest = iter(answers)
    world = World(lambda _call: next(rest))
    updates = [positions("c-1", *range(1, 200), 201), positions("c-2", 200)]
    # When they are sent
    result = attempts(world).send(updates)[0]
    # Then the worst answer decides over it
    assert [len(call.body) for call in world.calls] == [200, 1]
    if isinstance(expected, Outcome):
        assert isinstance(result, Completed)
        assert result.result.outcome is expected
    else:
        reason, may_have_been_sent = expected
        assert isinstance(result, Postponed)
        assert result.reason == reason
        assert ("c-1", may_have_been_sent, NOW) in world.given_up


def test_a_circuit_that_opens_between_two_calls_holds_the_second_back() -> None:
    world = World(lambda _call: DONE, admits_calls=1)
    update = positions("c-1", *range(1, 202))
    assert attempts(world).send([update]) == [Postponed(update, "circuit_open")]
    assert len(world.calls) == 1
    assert world.given_up == [("c-1", False, NOW)]
