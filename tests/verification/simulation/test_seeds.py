"""A fixed share of the simulation: the functions hold its rules, and it notices functions that do not."""

from typing import Any

import pytest

from tests.verification.simulation.flaws import VARIANTS, Variant
from tests.verification.simulation.flaws.sender import burst_without_tokens
from verification.simulation.plan.draw import draw
from verification.simulation.run import run, run_plan
from verification.simulation.world.loader import Loader, compiled

EVENTS = 150
# Of each function, the flaw of its first rule; `make nightly` tries all.
_ALWAYS = (
    "the answer does not wait for the queue",
    "an event without data erases the data",
    "what the bus refuses is forgotten",
    "a call without an answer is made again, whatever it is",
    "a redrive deletes an event before it publishes it",
)


def trials() -> list[Any]:
    """Give each variant as a parameter, marked if only the nightly run tries it."""
    return [
        pytest.param(one, id=one.name, marks=[] if one.name in _ALWAYS else [pytest.mark.nightly]) for one in VARIANTS
    ]


@pytest.mark.parametrize("seed", range(20))
def test_no_history_breaks_a_rule(seed: int) -> None:
    result = run(seed, events=EVENTS)
    assert result.violations == ()
    assert result.faults.total() > 0


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (2, 3))])
def test_a_token_endpoint_that_hangs_leaves_no_command_in_doubt(seed: int) -> None:
    # Given commands that come in one burst, while VectorCare's token endpoint takes calls and answers none
    plan = burst_without_tokens(draw(seed, EVENTS))
    # When they are sent, Then the sender stays within its time, and whatever was not sent is not uncertain
    assert run_plan(plan).violations == ()


def test_a_seed_decides_everything() -> None:
    traces: list[list[str]] = [[], []]
    for trace in traces:
        run(7, events=EVENTS, trace=trace.append)
    # The logger's own time stamps are the real clock's.
    first, second = ([line for line in trace if " LOG " not in line] for trace in traces)
    assert first == second


@pytest.mark.parametrize("variant", trials())
def test_a_flawed_function_is_caught(variant: Variant) -> None:
    # Given the functions with one deliberate flaw
    loader = Loader(variant.flaws)
    # When some seeds are run, Then one of them breaks the rule that the flaw is about
    for seed in range(variant.first, variant.first + 7):
        result = run_plan(variant.plan(draw(seed, EVENTS)), loader=loader)
        if variant.rule in {violation.rule for violation in result.violations}:
            return
    pytest.fail(f"not noticed: {variant.rule}")


def test_every_flaw_finds_what_it_changes() -> None:
    for flaw in {flaw for variant in VARIANTS for flaw in variant.flaws}:
        assert compiled(flaw.module, (flaw,))
