"""When calls to VectorCare stop, when one is tried again, and who may try it."""

import pytest

from sender.circuit import Circuit, Gate

NOON = "2026-03-01T12:00:00.000000Z"
AFTER_30_SECONDS = "2026-03-01T12:00:30.000000Z"
AFTER_60_SECONDS = "2026-03-01T12:01:00.000000Z"
OPEN = Circuit(failures=5, open_until=AFTER_30_SECONDS)


def test_at_first_nothing_is_held_against_vectorcare() -> None:
    assert Circuit() == Circuit(failures=0, open_until=None, probed_until=None)
    assert Circuit().gate(NOON) is Gate.CLOSED
    assert Circuit().seconds_left(NOON) == 0


def test_the_fifth_failure_in_a_row_opens_the_circuit_for_half_a_minute() -> None:
    # Given VectorCare failing five times, When each is taken in
    circuits = [Circuit()]
    for _failure in range(5):
        circuits.append(circuits[-1].failed(NOON))
    # Then the first four are counted, and the fifth opens
    assert circuits[1:] == [*(Circuit(failures=number) for number in (1, 2, 3, 4)), OPEN]
    assert {circuit.gate(NOON) for circuit in circuits[:5]} == {Gate.CLOSED}


@pytest.mark.parametrize(
    ("now", "gate", "seconds_left"),
    [
        (NOON, Gate.OPEN, 30),
        ("2026-03-01T12:00:29.500000Z", Gate.OPEN, 0.5),
        (AFTER_30_SECONDS, Gate.HALF_OPEN, 0),
        (AFTER_60_SECONDS, Gate.HALF_OPEN, 0),
    ],
)
def test_an_open_circuit_is_half_open_when_its_time_is_over(now: str, gate: Gate, seconds_left: float) -> None:
    assert OPEN.gate(now) is gate
    assert OPEN.seconds_left(now) == seconds_left


def test_who_probes_has_the_word_for_a_minute() -> None:
    # Given a half-open circuit, When somebody takes the word
    probed = OPEN.probed(AFTER_30_SECONDS)
    # Then all others wait until that minute is over, and one of them may then probe
    assert probed == Circuit(failures=5, open_until=AFTER_30_SECONDS, probed_until="2026-03-01T12:01:30.000000Z")
    assert (probed.gate(AFTER_30_SECONDS), probed.seconds_left(AFTER_30_SECONDS)) == (Gate.OPEN, 60)
    assert probed.gate("2026-03-01T12:01:29.999999Z") is Gate.OPEN
    assert probed.gate("2026-03-01T12:01:30.000000Z") is Gate.HALF_OPEN


@pytest.mark.parametrize("failures", [0, 5, 17])
def test_a_probe_that_fails_opens_the_circuit_again(failures: int) -> None:
    # Given a probe, however few failures are known, When it fails
    probed = Circuit(failures, open_until=NOON, probed_until=AFTER_60_SECONDS)
    # Then the circuit is open from then on, and nobody has the word
    assert probed.failed(NOON) == Circuit(failures + 1, open_until=AFTER_30_SECONDS, probed_until=None)
