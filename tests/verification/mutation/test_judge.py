"""When mutation testing fails."""

from verification.mutation.engine import Mutant
from verification.mutation.equivalents import Equivalent
from verification.mutation.judge import judge


def mutants(*, killed: int, survived: int) -> list[Mutant]:
    return [
        Mutant("package.module", "function", f"before {number}", f"after {number}", is_killed=number < killed)
        for number in range(killed + survived)
    ]


def equivalent(number: int) -> Equivalent:
    return Equivalent("package.module.function", f"before {number}", [f"after {number}"], "no test can tell")


def test_all_killed_or_explained_is_good() -> None:
    verdict = judge(mutants(killed=19, survived=1), [equivalent(19)])
    assert verdict.is_good
    assert verdict.last_line() == "mutants 20, killed 19, survived 0, equivalent 1, score 95.0 %"
    assert verdict.by_module() == {"package.module": (20, 19)}


def test_an_unexplained_survivor_is_not_good() -> None:
    verdict = judge(mutants(killed=39, survived=1), [])
    assert not verdict.is_good
    assert verdict.last_line() == "mutants 40, killed 39, survived 1, equivalent 0, score 97.5 %"


def test_an_explanation_of_a_killed_mutant_is_not_good() -> None:
    verdict = judge(mutants(killed=40, survived=0), [equivalent(3)])
    assert (verdict.is_good, list(verdict.stale)) == (False, [equivalent(3)])


def test_too_many_explanations_are_not_good() -> None:
    assert not judge(mutants(killed=18, survived=2), [equivalent(18), equivalent(19)]).is_good


def test_a_run_without_mutants_is_not_good() -> None:
    assert not judge([], []).is_good
