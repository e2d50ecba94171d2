"""The command log, where two invocations meet: one command, one claim, one result."""

from collections.abc import Callable, Iterator
from unittest import mock

import boto3
import pytest
from moto import mock_aws

from sender.circuit_state import Circuit
from sender.command_log import BusyError, Claim, CommandLog
from sender.command_result import CommandResult, Outcome
from tests.support import faults
from tests.support.cloud import CREDENTIALS, NOW, create_command_log
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands import command
from vectorcare_bridge.utc_timestamp import UtcTimestamp

LEASE_UNTIL = utc_timestamp.later(NOW, minutes=1)
LATER = utc_timestamp.later(NOW, minutes=2)
COMMAND = command.read(
    '{"command": "accept", "service_request_id": "VC-TEST0001", "command_id": "c-1"}', message_id="m-1"
)
RESULT = CommandResult(Outcome.SUCCEEDED, "c-1", "accept", "VC-TEST0001", reason=None, attempts=1, lag_seconds=0.5)


@pytest.fixture
def log() -> Iterator[CommandLog]:
    with mock.patch.dict("os.environ", CREDENTIALS), mock_aws():
        client = boto3.client("dynamodb")
        create_command_log(client)
        yield CommandLog(client, "commands")


def claim(log: CommandLog, holder: str, now: UtcTimestamp = NOW) -> Claim:
    claimed = log.claim(COMMAND, holder=holder, now=now, lease_until=utc_timestamp.later(now, minutes=1))
    assert isinstance(claimed, Claim)
    return claimed


def before_write(number: int, meanwhile: Callable[[], object]) -> Callable[[str, bool], None]:
    """Let something happen before the write of that number; a claim that takes over makes two."""
    writes: list[str] = []

    def decide(operation: str, after: bool) -> None:
        if operation == "PutItem" and not after:
            writes.append(operation)
            if len(writes) == number:
                meanwhile()

    return decide


def test_a_lease_ends_exactly_at_its_time(log: CommandLog) -> None:
    claim(log, "first")
    with pytest.raises(BusyError):
        claim(log, "second", utc_timestamp.later(NOW, minutes=0.999))
    assert claim(log, "second", utc_timestamp.later(NOW, minutes=1)).may_have_been_sent


def test_a_result_that_is_recorded_while_another_takes_over_is_not_overwritten(log: CommandLog) -> None:
    # Given a claim whose lease is over, and whose holder is late but not dead
    first = claim(log, "first")
    ended = before_write(2, lambda: log.record(first, RESULT, now=LATER))
    # When another takes it over in that moment, Then it may not send
    with faults.on_call(ended), pytest.raises(BusyError):
        claim(log, "second", LATER)
    assert log.claim(COMMAND, holder="second", now=LATER, lease_until=LATER) == RESULT


def test_only_one_of_two_concurrent_takeovers_may_send(log: CommandLog) -> None:
    claim(log, "first")
    others = before_write(2, lambda: claim(log, "third", LATER))
    with faults.on_call(others), pytest.raises(BusyError):
        claim(log, "second", LATER)


@pytest.mark.parametrize("takes_over", [False, True])
def test_a_claim_whose_answer_was_lost_is_its_own(log: CommandLog, takes_over: bool) -> None:
    # Given a write that is answered at its second attempt only
    if takes_over:
        claim(log, "first")
    with faults.on_call(before_write(1 + takes_over, lambda: claim(log, "second", LATER))):
        assert claim(log, "second", LATER).may_have_been_sent is takes_over


def test_a_result_is_read_consistently_even_if_replicas_lag(log: CommandLog) -> None:
    log.record(claim(log, "first"), RESULT, now=NOW)
    with faults.lagging_replicas():
        assert log.has_ended("c-1")
        assert not log.has_ended("c-2")


def test_that_a_command_may_have_been_sent_is_never_forgotten(log: CommandLog) -> None:
    # Given an attempt that crashed, and a second one that was given up before it called
    claim(log, "first")
    log.release(claim(log, "second", LATER), may_have_been_sent=True, now=LATER)
    # When a third claims it, Then that is known
    assert claim(log, "third", LATER).may_have_been_sent


def test_a_holder_that_has_lost_its_claim_changes_nothing(log: CommandLog) -> None:
    # Given a claim that was taken over
    first = claim(log, "first")
    second = claim(log, "second", LATER)
    # When its first holder gives it up, or wants to say how it ended
    log.release(first, may_have_been_sent=False, now=LATER)
    with pytest.raises(BusyError):
        log.record(first, RESULT, now=LATER)
    # Then the second still has it
    log.record(second, RESULT, now=LATER)
    assert log.claim(COMMAND, holder="third", now=LATER, lease_until=LATER) == RESULT


@pytest.mark.parametrize(
    "known",
    [
        Circuit(),
        Circuit(failures=1),
        Circuit(failures=5, open_until=NOW),
        Circuit(failures=5, open_until=NOW, probed_until=LATER),
    ],
)
def test_the_shared_circuit_is_replaced_only_as_it_was_read(log: CommandLog, known: Circuit) -> None:
    # Given what one invocation has read
    assert known == Circuit() or log.replace_circuit(Circuit(), known)
    assert log.circuit() == known
    # When others have changed any of it since, Then it does not replace it
    for changed in (
        Circuit(known.failures + 1, known.open_until, known.probed_until),
        Circuit(known.failures, LEASE_UNTIL, known.probed_until),
        Circuit(known.failures, known.open_until, LEASE_UNTIL),
    ):
        assert log.replace_circuit(known, changed)
        assert not log.replace_circuit(known, Circuit(failures=9))
        assert log.circuit() == changed
        assert log.replace_circuit(changed, known)
