"""When calls to VectorCare stop, when one is tried again, and who may try it."""

import pytest

from sender.circuit_state import Circuit, CircuitState
from vectorcare_bridge.utc_timestamp import UtcTimestamp

NOON = UtcTimestamp("2026-03-01T12:00:00.000000Z")
AFTER_30_SECONDS = UtcTimestamp("2026-03-01T12:00:30.000000Z")
AFTER_60_SECONDS = UtcTimestamp("2026-03-01T12:01:00.000000Z")
OPEN = Circuit(failures=5, open_until=AFTER_30_SECONDS)


def test_the_fifth_failure_in_a_row_opens_the_circuit_for_half_a_minute() -> None:
    circuits = [Circuit()]
    for _failure in range(5):
        circuits.append(circuits[-1].after_failure(NOON))
    # The first four are counted, and the fifth opens.
    assert circuits[1:] == [*(Circuit(failures=number) for number in (1, 2, 3, 4)), OPEN]
    assert {(circuit.state(NOON), circuit.seconds_left(NOON)) for circuit in circuits[:5]} == {(CircuitState.CLOSED, 0)}


@pytest.mark.parametrize(
    ("now", "gate", "seconds_left"),
    [
        (NOON, CircuitState.OPEN, 30),
        (UtcTimestamp("2026-03-01T12:00:29.500000Z"), CircuitState.OPEN, 0.5),
        (AFTER_30_SECONDS, CircuitState.HALF_OPEN, 0),
        (AFTER_60_SECONDS, CircuitState.HALF_OPEN, 0),
    ],
)
def test_an_open_circuit_is_half_open_when_its_time_is_over(
    now: UtcTimestamp, gate: CircuitState, seconds_left: float
) -> None:
    assert (OPEN.state(now), OPEN.seconds_left(now)) == (gate, seconds_left)


def test_a_probe_keeps_other_calls_out_for_a_minute() -> None:
    probed = OPEN.with_probe(AFTER_30_SECONDS)
    assert probed == Circuit(
        failures=5, open_until=AFTER_30_SECONDS, probed_until=UtcTimestamp("2026-03-01T12:01:30.000000Z")
    )
    assert (probed.state(AFTER_30_SECONDS), probed.seconds_left(AFTER_30_SECONDS)) == (CircuitState.OPEN, 60)
    assert probed.state(UtcTimestamp("2026-03-01T12:01:29.999999Z")) is CircuitState.OPEN
    assert probed.state(UtcTimestamp("2026-03-01T12:01:30.000000Z")) is CircuitState.HALF_OPEN


@pytest.mark.parametrize("failures", [0, 5, 17])
def test_a_probe_that_fails_opens_the_circuit_again(failures: int) -> None:
    probed = Circuit(failures, open_until=NOON, probed_until=AFTER_60_SECONDS)
    assert probed.after_failure(NOON) == Circuit(failures + 1, open_until=AFTER_30_SECONDS, probed_until=None)
