"""What the alarms on commands watch is counted when it happens, once, and says nothing else."""

import json
from collections.abc import Iterator

import pytest

from tests.support import faults, sender
from tests.support.sender import TRIP, Outbound, position
from tests.unit.conftest import Output

MINUTE = 60


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    with sender.running() as outbound:
        yield outbound


def counted(output: Output, metric: str) -> list[float]:
    """Give the values of a metric that has no dimension but the usual ones, since the last look."""
    values: list[float] = []
    for line in output.text().splitlines():
        document = json.loads(line) if line.startswith("{") else {}
        about = document.get("_aws", {}).get("CloudWatchMetrics", [])
        if any(each["Dimensions"] == [["organization", "service"]] for each in about):
            values += document.get(metric, [])
    return values


def test_of_commands_the_share_that_failed_is_counted(outbound: Outbound, output: Output) -> None:
    # Given three that VectorCare takes, and one of another organization
    outbound.vectorcare.rules.requests["VC-FOREIGN"] = "AVAILABLE"
    outbound.vectorcare.rules.foreign.add("VC-FOREIGN")
    for name in ("en_route", "arrived", "on_board"):
        outbound.put(name=name)
    outbound.put(command="accept", service_request_id="VC-FOREIGN")
    # When they are sent
    outbound.run()
    # Then their average is the share, in percent
    assert sorted(counted(output, "CommandFailedPercent")) == [0, 0, 0, 100]


def test_positions_do_not_hide_the_failure_of_another_command(outbound: Outbound, output: Output) -> None:
    # Given many positions, and a command that is refused before a call
    for second in range(10):
        outbound.put(command="location_update", locations=[position(outbound.clock.epoch() - second)])
    outbound.put(name="flying")
    # When they are sent
    outbound.run()
    # Then it is all that failed, of all that counts
    assert len(outbound.paths()) == 1
    assert counted(output, "CommandFailedPercent") == [100]


def test_what_waits_is_counted_by_the_age_of_the_oldest_of_a_batch(outbound: Outbound, output: Output) -> None:
    # Given VectorCare down, and commands that came ten minutes apart
    outbound.vectorcare.is_down = True
    outbound.put()
    outbound.clock.seconds += 10 * MINUTE
    outbound.put(service_request_id="VC-TEST0002")
    # When they are tried in vain
    outbound.run()
    # Then the older one's age is told, and no lag, as nothing has ended
    text = output.text()
    assert [round(value) for value in waiting(text)] == [10 * MINUTE]
    assert "CommandLagSeconds" not in text


def test_a_command_that_the_ledger_does_not_take_is_seen_to_wait(outbound: Outbound, output: Output) -> None:
    # Given a table that refuses: nothing is sent, nothing ends, and no circuit opens
    outbound.put()
    outbound.clock.seconds += MINUTE
    with faults.failing("GetItem", "PutItem", error=lambda: faults.refusal("AccessDeniedException")):
        # When it is tried
        outbound.run()
    # Then its age is told all the same
    assert [round(value) for value in waiting(output.text())] == [MINUTE]


def test_what_ends_at_once_is_not_counted_as_waiting(outbound: Outbound, output: Output) -> None:
    outbound.put(service_request_id=TRIP)
    outbound.run()
    assert waiting(output.text()) == []


def waiting(text: str) -> list[float]:
    documents = [json.loads(line) for line in text.splitlines() if '"CommandWaitingSeconds"' in line]
    return [value for document in documents for value in document["CommandWaitingSeconds"]]
