"""What an invocation makes of the circuit that all of them know, call by call."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from sender.circuit import Circuit
from sender.circuit_breaker import CircuitBreaker
from sender.vectorcare.answers import ApiAnswer, Verdict

if TYPE_CHECKING:
    from sender.command_log import CommandLog

NOON = "2026-03-01T12:00:00.000000Z"
AFTER_30_SECONDS = "2026-03-01T12:00:30.000000Z"
AFTER_60_SECONDS = "2026-03-01T12:01:00.000000Z"
DUE = Circuit(failures=5, open_until=NOON)
"""Half open: a probe may be made."""
PROBED = Circuit(failures=5, open_until=NOON, probed_until=AFTER_60_SECONDS)
OUTAGE = ApiAnswer(Verdict.LOST, "http_503", 503, is_outage=True)
DONE = ApiAnswer(Verdict.DONE, status=200)


@dataclass
class Known:
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


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.now", lambda: NOON)


def breaker(known: Known) -> CircuitBreaker:
    return CircuitBreaker(cast("CommandLog", known))


def test_a_closed_circuit_admits_calls_and_their_success_is_not_written() -> None:
    # Given a closed circuit, When calls are answered
    known = Known()
    closed = breaker(known)
    closed.take_in(DONE)
    # Then there may be more, and the table has no work with it
    assert (closed.admits(), closed.is_probing, closed.seconds_left()) == (True, False, 0)
    assert known.writes == []


def test_each_failure_is_written_and_the_fifth_in_a_row_opens(counted: Counter[str]) -> None:
    # Given a closed circuit
    known = Known()
    closed = breaker(known)
    # When five calls fail
    admitted = []
    for _call in range(5):
        admitted.append(closed.admits())
        closed.take_in(OUTAGE)
    # Then there is no sixth, and somebody hears of it, once
    assert admitted == [True] * 5
    assert (closed.admits(), closed.is_probing, closed.seconds_left()) == (False, False, 30)
    assert known.circuit_now == Circuit(failures=5, open_until=AFTER_30_SECONDS)
    assert counted == {"CircuitOpened": 1}


def test_an_answer_forgets_the_failures() -> None:
    # Given a failure, When a call is answered
    known = Known(Circuit(failures=4))
    closed = breaker(known)
    closed.take_in(ApiAnswer(Verdict.REFUSED, "api:not_found", 404))
    # Then the next one is the first again
    assert known.writes == [(Circuit(failures=4), Circuit())]
    closed.take_in(OUTAGE)
    assert known.circuit_now == Circuit(failures=1)


def test_an_open_circuit_admits_nothing(counted: Counter[str]) -> None:
    known = Known(Circuit(failures=5, open_until=AFTER_30_SECONDS))
    opened = breaker(known)
    assert (opened.admits(), opened.is_probing, opened.seconds_left()) == (False, False, 30)
    # And what was under way when it opened, and fails, is no news
    opened.take_in(OUTAGE)
    assert known.circuit_now == Circuit(failures=6, open_until=AFTER_30_SECONDS)
    assert counted == {}


@pytest.mark.parametrize(
    ("answer", "after", "news"),
    [
        (DONE, Circuit(), {}),
        (OUTAGE, Circuit(failures=6, open_until=AFTER_30_SECONDS), {"CircuitOpened": 1}),
    ],
    ids=["answered", "failed"],
)
def test_the_probe_is_one_call_and_decides(
    counted: Counter[str], answer: ApiAnswer, after: Circuit, news: dict[str, int]
) -> None:
    # Given a circuit that is half open, When an invocation begins
    known = Known(DUE)
    probing = breaker(known)
    # Then it has the word, and the others know
    assert known.writes == [(DUE, PROBED)]
    assert (probing.admits(), probing.is_probing) == (True, True)
    # And how its call goes decides whether there are more
    probing.take_in(answer)
    assert known.circuit_now == after
    assert probing.is_probing is False
    assert probing.admits() is (answer is DONE)
    assert counted == news


OPEN = Circuit(failures=5, open_until=AFTER_30_SECONDS)


def test_a_late_success_does_not_close_what_its_own_invocations_failures_have_opened() -> None:
    # Given calls side by side, of which five fail
    known = Known()
    mine = breaker(known)
    for _call in range(5):
        mine.take_in(OUTAGE)
    # When one that was begun before is answered
    mine.take_in(DONE)
    # Then the circuit stays open
    assert (mine.admits(), known.circuit_now) == (False, OPEN)


def test_a_late_success_does_not_close_what_others_failures_have_opened() -> None:
    # Given a failure, and others whose failures open the circuit before the next answer comes
    known = Known(Circuit(failures=1), meanwhile=[OPEN])
    mine = breaker(known)
    # When that is a success, Then the circuit stays open, and this invocation knows
    mine.take_in(DONE)
    assert (mine.admits(), known.circuit_now) == (False, OPEN)


def test_a_probe_that_succeeds_does_not_close_what_failures_have_opened_since() -> None:
    # Given a probe, and a late failure of another invocation's
    known = Known(DUE, meanwhile=[DUE, OPEN])
    probing = breaker(known)
    # When it is answered, Then the next probe decides
    probing.take_in(DONE)
    assert (probing.admits(), probing.is_probing, known.circuit_now) == (False, False, OPEN)


def test_who_comes_second_does_not_probe() -> None:
    # Given a half-open circuit that another invocation takes the word for at the same time
    known = Known(DUE, meanwhile=[Circuit(failures=5, open_until=NOON, probed_until=AFTER_30_SECONDS)])
    # When this one begins, Then it calls nobody for as long as a probe may take
    second = breaker(known)
    assert (second.admits(), second.is_probing, second.seconds_left()) == (False, False, 60)


@pytest.mark.parametrize(
    ("others", "after", "news"),
    [
        ([Circuit(failures=1)], Circuit(failures=2), {}),
        ([Circuit(failures=1), Circuit(failures=2)], Circuit(failures=3), {}),
        ([Circuit(failures=4)], Circuit(failures=5, open_until=AFTER_30_SECONDS), {"CircuitOpened": 1}),
        (
            [Circuit(failures=5, open_until=NOON)],
            Circuit(failures=6, open_until=AFTER_30_SECONDS),
            {},
        ),
    ],
)
def test_failures_of_others_count_with_its_own(
    counted: Counter[str], others: list[Circuit], after: Circuit, news: dict[str, int]
) -> None:
    # Given others that fail at the same time, When a call fails
    known = Known(meanwhile=[*others])
    mine = breaker(known)
    mine.take_in(OUTAGE)
    # Then it is counted on top, and who opens the circuit says so
    assert known.circuit_now == after
    assert counted == news


def test_a_circuit_that_others_change_all_the_time_is_left_to_them() -> None:
    # Given others that write before each of its own writes, When a call fails
    known = Known(meanwhile=[Circuit(failures=number) for number in (1, 2, 3, 4)])
    mine = breaker(known)
    mine.take_in(OUTAGE)
    # Then it has tried three times, and believes them
    assert [old for old, _new in known.writes] == [Circuit(), Circuit(failures=1), Circuit(failures=2)]
    assert mine.admits()
    assert known.circuit_now == Circuit(failures=3)


def test_an_answer_counts_though_it_cannot_be_written() -> None:
    # Given a table that is out of reach, When calls fail
    known = Known()
    mine = breaker(known)
    known.fails = True
    for _call in range(5):
        mine.take_in(OUTAGE)
    # Then this invocation knows
    assert not mine.admits()
