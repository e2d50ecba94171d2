"""What an invocation makes of the circuit that all of them share, call by call."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from sender.circuit_breaker import CircuitBreaker
from sender.circuit_state import Circuit
from sender.vectorcare.call_result import CallResult, Verdict
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp

if TYPE_CHECKING:
    from sender.command_log import CommandLog

pytestmark = pytest.mark.usefixtures("at_noon")

NOON = UtcTimestamp("2026-03-01T12:00:00.000000Z")
AFTER_30_SECONDS = UtcTimestamp("2026-03-01T12:00:30.000000Z")
AFTER_60_SECONDS = UtcTimestamp("2026-03-01T12:01:00.000000Z")
OPEN = Circuit(failures=5, open_until=AFTER_30_SECONDS)
DUE = Circuit(failures=5, open_until=NOON)
"""Half open: a probe may be made."""
PROBED = Circuit(failures=5, open_until=NOON, probed_until=AFTER_60_SECONDS)
REOPENED = Circuit(failures=6, open_until=AFTER_30_SECONDS)
NEWS = {"CircuitOpened": 1}
OUTAGE = CallResult(Verdict.LOST, "http_503", 503, is_outage=True)
DONE = CallResult(Verdict.DONE, status=200)


@dataclass
class Shared:
    """What all invocations know; `meanwhile` is what others write before this one's next writes."""

    circuit_now: Circuit = field(default_factory=Circuit)
    meanwhile: list[Circuit] = field(default_factory=list)
    writes: list[tuple[Circuit, Circuit]] = field(default_factory=list)
    fails: bool = False

    def circuit(self) -> Circuit:
        return self.circuit_now

    def replace_circuit(self, old: Circuit, new: Circuit) -> bool:
        if self.fails:
            raise RuntimeError
        if self.meanwhile:
            self.circuit_now = self.meanwhile.pop(0)
        self.writes.append((old, new))
        if old != self.circuit_now:
            return False
        self.circuit_now = new
        return True


def breaker(shared: Shared) -> CircuitBreaker:
    return CircuitBreaker(cast("CommandLog", shared))


def test_a_closed_circuit_admits_calls_and_their_success_is_not_written() -> None:
    shared = Shared()
    closed = breaker(shared)
    closed.note(DONE)
    assert (closed.allows_call(), closed.is_probing, closed.seconds_left()) == (True, False, 0)
    assert shared.writes == []


@pytest.mark.parametrize("fails", [False, True], ids=["written", "the table is out of reach"])
def test_the_fifth_failure_in_a_row_opens_the_circuit(counted: Counter[str], fails: bool) -> None:
    # Given a closed circuit, When five calls fail
    shared = Shared()
    closed = breaker(shared)
    shared.fails = fails
    admitted = []
    for _call in range(5):
        admitted.append(closed.allows_call())
        closed.note(OUTAGE)
    # Then there is no sixth
    assert admitted == [True] * 5
    assert (closed.allows_call(), closed.is_probing, closed.seconds_left()) == (False, False, 30)
    # And the others know, and the metric says so once
    assert (shared.circuit_now, counted) == ((Circuit(), {}) if fails else (OPEN, NEWS))


def test_an_answer_resets_the_count() -> None:
    shared = Shared(Circuit(failures=4))
    closed = breaker(shared)
    closed.note(CallResult(Verdict.REFUSED, "api:not_found", 404))
    assert shared.writes == [(Circuit(failures=4), Circuit())]
    closed.note(OUTAGE)
    assert shared.circuit_now == Circuit(failures=1)


def test_an_open_circuit_admits_nothing_and_a_late_failure_is_no_news(counted: Counter[str]) -> None:
    shared = Shared(OPEN)
    opened = breaker(shared)
    assert (opened.allows_call(), opened.is_probing, opened.seconds_left()) == (False, False, 30)
    opened.note(OUTAGE)
    assert (shared.circuit_now, counted) == (REOPENED, {})


@pytest.mark.parametrize(
    ("answer", "after", "news"), [(DONE, Circuit(), {}), (OUTAGE, REOPENED, NEWS)], ids=["answered", "failed"]
)
def test_the_probe_is_one_call_and_decides(
    counted: Counter[str], answer: CallResult, after: Circuit, news: dict[str, int]
) -> None:
    # Given a circuit that is half open, When an invocation begins
    shared = Shared(DUE)
    probing = breaker(shared)
    # Then it may make the probe, and the others know
    assert shared.writes == [(DUE, PROBED)]
    assert (probing.allows_call(), probing.is_probing) == (True, True)
    # And how its call goes decides whether there are more
    probing.note(answer)
    assert shared.circuit_now == after
    assert probing.is_probing is False
    assert probing.allows_call() is (answer is DONE)
    assert counted == news


@pytest.mark.parametrize(
    ("circuit", "seconds", "seconds_left"),
    [(OPEN, 0, 30), (OPEN, 29.5, 0.5), (OPEN, 30, 0), (OPEN, 60, 0), (PROBED, 59.999999, 0.000001), (PROBED, 60, 0)],
)
def test_a_circuit_is_half_open_when_its_time_and_that_of_a_probe_are_over(
    circuit: Circuit, seconds: float, seconds_left: float
) -> None:
    now = utc_timestamp.later(NOON, seconds=seconds)
    assert (circuit.seconds_left(now), circuit.is_half_open(now)) == (seconds_left, seconds_left == 0)


def test_only_the_first_invocation_probes() -> None:
    # Given a half-open circuit that another invocation probes at the same time
    shared = Shared(DUE, meanwhile=[Circuit(failures=5, open_until=NOON, probed_until=AFTER_30_SECONDS)])
    # When this one begins, Then it makes no call for as long as a probe may take
    second = breaker(shared)
    assert (second.allows_call(), second.is_probing, second.seconds_left()) == (False, False, 60)


@pytest.mark.parametrize(
    ("circuit", "meanwhile", "failures"),
    [(Circuit(), [], 5), (Circuit(failures=1), [OPEN], 0), (DUE, [DUE, OPEN], 0)],
    ids=["its own failures", "others' failures", "others' failures since its probe"],
)
def test_a_late_success_does_not_close_a_circuit_that_has_opened_since(
    circuit: Circuit, meanwhile: list[Circuit], failures: int
) -> None:
    shared = Shared(circuit, meanwhile=[*meanwhile])
    # Given calls side by side; some fail and open the circuit
    mine = breaker(shared)
    for _call in range(failures):
        mine.note(OUTAGE)
    # When a call that was begun before succeeds, Then the circuit stays open
    mine.note(DONE)
    assert (mine.allows_call(), mine.is_probing, shared.circuit_now) == (False, False, OPEN)


@pytest.mark.parametrize(
    ("others", "after", "news"),
    [
        ([Circuit(failures=1)], Circuit(failures=2), {}),
        ([Circuit(failures=1), Circuit(failures=2)], Circuit(failures=3), {}),
        ([Circuit(failures=4)], OPEN, NEWS),
        ([DUE], REOPENED, {}),
    ],
)
def test_failures_of_others_count_with_its_own(
    counted: Counter[str], others: list[Circuit], after: Circuit, news: dict[str, int]
) -> None:
    shared = Shared(meanwhile=[*others])
    breaker(shared).note(OUTAGE)
    assert (shared.circuit_now, counted) == (after, news)


def test_a_circuit_that_others_change_all_the_time_is_left_to_them() -> None:
    # Given others that write before each of its own writes, When a call fails
    shared = Shared(meanwhile=[Circuit(failures=number) for number in (1, 2, 3, 4)])
    mine = breaker(shared)
    mine.note(OUTAGE)
    # Then it has tried three times, and believes them
    assert [old for old, _new in shared.writes] == [Circuit(), Circuit(failures=1), Circuit(failures=2)]
    assert mine.allows_call()
    assert shared.circuit_now == Circuit(failures=3)
