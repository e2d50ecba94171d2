"""When VectorCare is down, calls are no longer spent on it, by no invocation, and nothing is lost."""

from collections.abc import Iterator
from unittest import mock

import pytest

from sender.circuit import FAILURES_TO_OPEN, OPEN_SECONDS
from simulator.http_types import InjectedFault
from tests.support import faults, sender
from tests.support.sender import Outbound
from tests.unit.conftest import Output


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    with sender.running() as outbound:
        trips = {f"VC-{number:03}": "ASSIGNED" for number in range(100)}
        outbound.vectorcare.rules.requests |= trips
        # A container that has its token.
        outbound.put()
        outbound.run()
        outbound.outcomes()
        outbound.vectorcare.calls.clear()
        outbound.vectorcare.token_calls.clear()
        yield outbound


def put_for_trips(outbound: Outbound, trips: int) -> None:
    for number in range(trips):
        outbound.put(service_request_id=f"VC-{number:03}")


def open_the_circuit(outbound: Outbound) -> None:
    """Let VectorCare fail until nobody calls it any more."""
    outbound.vectorcare.is_down = True
    outbound.put()
    put_for_trips(outbound, FAILURES_TO_OPEN)
    with mock.patch("vectorcare_bridge.edge.runtime.uniform", lambda _low, high: high):
        outbound.run()
    outbound.vectorcare.token_calls.clear()
    outbound.vectorcare.calls.clear()


def spent(outbound: Outbound) -> int:
    return len(outbound.vectorcare.calls) + len(outbound.vectorcare.token_calls)


@pytest.mark.parametrize("fault", [InjectedFault(status=500), InjectedFault(is_reset=True)], ids=["500", "reset"])
def test_five_failures_in_a_row_stop_the_calls_of_a_batch(
    outbound: Outbound, output: Output, fault: InjectedFault
) -> None:
    # Given VectorCare failing, When a batch for a hundred trips comes
    outbound.vectorcare.faults.extend([fault] * 100)
    put_for_trips(outbound, 100)
    kept = outbound.run()
    # Then five calls are spent, and all commands given back
    assert (len(outbound.vectorcare.calls), len(kept)) == (FAILURES_TO_OPEN, 100)
    text = output.text()
    assert text.count('"circuit.opened"') == 1
    assert '"CircuitOpened": [1.0]' in text.replace('"CircuitOpened":[1.0]', '"CircuitOpened": [1.0]')


def test_failures_of_several_invocations_count_together(outbound: Outbound) -> None:
    outbound.vectorcare.faults.extend([InjectedFault(status=503)] * 100)
    for number in range(FAILURES_TO_OPEN + 3):
        outbound.put(service_request_id=f"VC-{number:03}")
        outbound.restart()
        outbound.run(maximum=1)
    assert len(outbound.vectorcare.calls) == FAILURES_TO_OPEN


def test_an_answer_begins_the_count_anew(outbound: Outbound) -> None:
    # Given four failures, an answer, four failures and so on
    outbound.vectorcare.faults.extend(([InjectedFault(status=503)] * 4 + [InjectedFault(status=404)]) * 4)
    put_for_trips(outbound, 20)
    # When they are sent, Then no call was held back
    outbound.run()
    assert len(outbound.vectorcare.calls) == 20


def test_429_is_no_outage(outbound: Outbound) -> None:
    outbound.vectorcare.faults.extend([InjectedFault(status=429)] * 20)
    put_for_trips(outbound, 20)
    outbound.run()
    assert len(outbound.vectorcare.calls) == 20


def test_while_the_circuit_is_open_no_invocation_calls_and_no_command_comes_before_its_end(outbound: Outbound) -> None:
    # Given an open circuit
    open_the_circuit(outbound)
    outbound.put(service_request_id="VC-050", command_id="new")
    # When other containers get commands
    outbound.restart()
    outbound.run()
    # Then they make no call, not for a token either, and note nothing
    assert spent(outbound) == 0
    assert "new" not in outbound.ledger()
    assert min(outbound.hidden_for()) >= OPEN_SECONDS - 1


def test_what_expires_while_the_circuit_is_open_is_told(outbound: Outbound) -> None:
    open_the_circuit(outbound)
    outbound.put(command="accept", service_request_id="VC-050")
    outbound.clock.seconds += 1795
    outbound.restart()
    open_the_circuit(outbound)
    outbound.clock.seconds += 5
    outbound.run()
    assert ("expired", "max_age") in outbound.ends()


def test_one_call_decides_when_the_circuit_may_close(outbound: Outbound) -> None:
    # Given an open circuit, VectorCare still down, and the time for a probe
    open_the_circuit(outbound)
    outbound.clock.seconds += 60
    put_for_trips(outbound, 20)
    # When a batch comes
    outbound.run()
    # Then one call is spent, and the circuit stays open
    assert spent(outbound) == 1
    # And when VectorCare is back, one call closes it for the others
    outbound.vectorcare.is_down = False
    outbound.clock.seconds += 100
    outbound.run()
    assert len(outbound.vectorcare.rules.states) >= 20
    outbound.run_until_empty()
    assert {end for end, _reason in outbound.ends()} == {"succeeded"}


def test_a_probe_is_one_call_however_many_threads_there_are() -> None:
    # Given ten threads, the time for a probe, and VectorCare answering nobody fast
    with sender.running(inline=False) as outbound:
        outbound.vectorcare.rules.requests |= {f"VC-{number:03}": "ASSIGNED" for number in range(20)}
        outbound.put()
        outbound.run()
        open_the_circuit(outbound)
        outbound.clock.seconds += 60
        outbound.vectorcare.is_down = False
        outbound.vectorcare.faults.extend([InjectedFault(status=503, delay=0.2)] * 20)
        put_for_trips(outbound, 20)
        # When a batch comes, Then one call is spent
        outbound.run()
        assert spent(outbound) == 1


def test_while_one_invocation_probes_the_others_wait(outbound: Outbound) -> None:
    # Given the time for a probe, and an invocation that makes it
    open_the_circuit(outbound)
    outbound.vectorcare.is_down = False
    outbound.clock.seconds += 60
    ids = [outbound.put(service_request_id=trip) for trip in ("VC-050", "VC-051")]
    [first, second] = [record for record in outbound.receive() if record["messageId"] in ids]
    kept: list[list[str]] = []
    right_answer = outbound.vectorcare.rules.answer

    def answer(request: object) -> object:
        if not kept:
            kept.append([])
            kept[0] = outbound.handle([second])
        return right_answer(request)  # type: ignore[arg-type]  # a Request

    # When another one comes meanwhile
    with (
        mock.patch.object(outbound.vectorcare.rules, "answer", answer),
        mock.patch.object(outbound.vectorcare, "lock", mock.MagicMock()),
    ):
        assert outbound.handle([first]) == []
    # Then it calls nobody
    assert kept == [[second["messageId"]]]


def test_a_circuit_that_cannot_be_written_loses_no_answer(outbound: Outbound) -> None:
    # Given one failure noted, and a table that fails when the next answer is to be noted
    outbound.vectorcare.faults.append(InjectedFault(status=500))
    outbound.put()
    outbound.run()
    outbound.clock.seconds += 5
    with mock.patch("sender.command_log.CommandLog.replace_circuit", side_effect=faults.unreachable()):
        assert outbound.run() == []
    assert outbound.ends() == [("succeeded", None)]


def test_two_invocations_that_fail_at_once_are_both_counted(outbound: Outbound) -> None:
    # Given a circuit that has changed since it was read
    outbound.vectorcare.faults.extend([InjectedFault(status=500)] * 2)
    outbound.put()
    put_for_trips(outbound, 1)
    [first, second] = outbound.receive(2)
    right_answer = outbound.vectorcare.answer
    nested: list[bool] = []

    def answer(request: object) -> object:
        if request.path.endswith("/state/") and not nested:  # type: ignore[attr-defined]  # a Request
            nested.append(True)
            outbound.handle([second])
        return right_answer(request)  # type: ignore[arg-type]  # a Request

    # When one fails while the other is under way
    with mock.patch.object(outbound.vectorcare, "answer", answer):
        outbound.handle([first])
    # Then both are known
    assert outbound.ledger()["#circuit"]["failures"] == 2


def test_an_open_circuit_is_known_at_once_however_far_a_replica_is_behind(outbound: Outbound) -> None:
    # Given a circuit that has just opened
    open_the_circuit(outbound)
    # When another command comes, Then no call is spent on it
    outbound.put(service_request_id="VC-099")
    with faults.lagging_replicas():
        outbound.run()
    assert spent(outbound) == 0
