"""The ledger where two invocations meet: one command, one claim, one end."""

from collections.abc import Callable, Iterator
from unittest import mock

import boto3
import pytest
from moto import mock_aws

from sender.circuit import Circuit
from sender.command_log import BusyError, Claim, CommandLog
from sender.command_result import CommandResult, Ending
from tests.support import faults
from tests.support.cloud import CREDENTIALS, NOW
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands import command

LEASE_UNTIL = utc_timestamp.later(NOW, minutes=1)
LATER = utc_timestamp.later(NOW, minutes=2)
COMMAND = command.read(
    '{"command": "accept", "service_request_id": "VC-TEST0001", "command_id": "c-1"}', message_id="m-1"
)
ENDING = Ending(CommandResult.SUCCEEDED, "c-1", "accept", "VC-TEST0001", reason=None, attempts=1, lag_seconds=0.5)


@pytest.fixture
def ledger() -> Iterator[CommandLog]:
    with mock.patch.dict("os.environ", CREDENTIALS), mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="commands",
            KeySchema=[{"AttributeName": "command_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "command_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield CommandLog(client, "commands")


def claim(ledger: CommandLog, holder: str, now: str = NOW) -> Claim:
    claimed = ledger.claim(COMMAND, holder=holder, now=now, lease_until=utc_timestamp.later(now, minutes=1))
    assert isinstance(claimed, Claim)
    return claimed


def before_the_second_write(meanwhile: Callable[[], object]) -> Callable[[str, bool], None]:
    """Let something happen between the two writes of a claim that takes over."""
    writes: list[str] = []

    def decide(operation: str, after: bool) -> None:
        if operation == "PutItem" and not after:
            writes.append(operation)
            if len(writes) == 2:
                meanwhile()

    return decide


def test_a_lease_that_is_just_over_is_over(ledger: CommandLog) -> None:
    claim(ledger, "first")
    with pytest.raises(BusyError):
        claim(ledger, "second", utc_timestamp.later(NOW, minutes=0.999))
    assert claim(ledger, "second", utc_timestamp.later(NOW, minutes=1)).may_have_been_sent


def test_an_end_that_comes_while_another_takes_over_is_not_overwritten(ledger: CommandLog) -> None:
    # Given a claim whose lease is over, and whose holder is late but not dead
    first = claim(ledger, "first")
    ended = before_the_second_write(lambda: ledger.record(first, ENDING, now=LATER))
    # When another takes it over in that moment, Then it may not send
    with faults.on_call(ended), pytest.raises(BusyError):
        claim(ledger, "second", LATER)
    assert ledger.claim(COMMAND, holder="second", now=LATER, lease_until=LATER) == ENDING


def test_of_two_that_take_over_at_once_one_may_send(ledger: CommandLog) -> None:
    claim(ledger, "first")
    others = before_the_second_write(lambda: claim(ledger, "third", LATER))
    with faults.on_call(others), pytest.raises(BusyError):
        claim(ledger, "second", LATER)


def test_a_take_over_whose_answer_was_lost_is_its_own(ledger: CommandLog) -> None:
    # Given a claim that is taken over, by a write that is answered at its second attempt only
    claim(ledger, "first")
    answers: list[str] = []

    def repeat(operation: str, after: bool) -> None:
        if operation == "PutItem" and not after:
            answers.append(operation)
            if len(answers) == 2:
                claim(ledger, "second", LATER)

    with faults.on_call(repeat):
        assert claim(ledger, "second", LATER).holder == "second"


def test_what_may_have_been_sent_once_may_have_been_for_ever(ledger: CommandLog) -> None:
    # Given an attempt that crashed, and a second one that was given up before it called
    claim(ledger, "first")
    ledger.give_up_claim(claim(ledger, "second", LATER), may_have_been_sent=True, now=LATER)
    # When a third claims it, Then that is known
    assert claim(ledger, "third", LATER).may_have_been_sent


def test_who_has_lost_its_claim_changes_nothing(ledger: CommandLog) -> None:
    # Given a claim that was taken over
    first = claim(ledger, "first")
    second = claim(ledger, "second", LATER)
    # When its first holder gives it up, or wants to say how it ended
    ledger.give_up_claim(first, may_have_been_sent=False, now=LATER)
    with pytest.raises(BusyError):
        ledger.record(first, ENDING, now=LATER)
    # Then the second still has it
    ledger.record(second, ENDING, now=LATER)
    assert ledger.claim(COMMAND, holder="third", now=LATER, lease_until=LATER) == ENDING


@pytest.mark.parametrize(
    "known",
    [
        Circuit(),
        Circuit(failures=1),
        Circuit(failures=5, open_until=NOW),
        Circuit(failures=5, open_until=NOW, probed_until=LATER),
    ],
)
def test_what_is_known_of_vectorcares_health_is_replaced_only_as_it_was_read(
    ledger: CommandLog, known: Circuit
) -> None:
    # Given what one invocation has read
    assert known == Circuit() or ledger.replace_circuit(Circuit(), known)
    assert ledger.circuit() == known
    # When others have changed any of it since, Then it does not replace it
    for changed in (
        Circuit(known.failures + 1, known.open_until, known.probed_until),
        Circuit(known.failures, LEASE_UNTIL, known.probed_until),
        Circuit(known.failures, known.open_until, LEASE_UNTIL),
    ):
        assert ledger.replace_circuit(known, changed)
        assert not ledger.replace_circuit(known, Circuit(failures=9))
        assert ledger.circuit() == changed
        assert ledger.replace_circuit(changed, known)
