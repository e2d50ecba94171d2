"""What the alarms on commands watch is counted once, when it happens; what only waits is one log line."""

import json

from simulator.http_types import InjectedFault
from tests.support import faults
from tests.support.sender import Outbound, position
from tests.unit.conftest import Output


def counted(text: str, metric: str) -> list[float]:
    """Give the values of a metric that has no dimension but the usual ones."""
    documents = [json.loads(line) for line in text.splitlines() if "CloudWatchMetrics" in line]
    return [
        round(value)
        for document in documents
        if document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["organization", "service"]]
        for value in document.get(metric, [])
    ]


def test_the_share_of_failed_commands_is_counted_without_positions(outbound: Outbound, output: Output) -> None:
    # Given three commands that VectorCare takes, one that is refused before a call, and many positions
    for name in ("en_route", "arrived", "on_board", "flying"):
        outbound.put(name=name)
    for second in range(10):
        outbound.put(command="location_update", locations=[position(second)])
    # When they are sent
    outbound.run()
    # Then the average is the share, in percent, and nothing has waited
    text = output.text()
    assert sorted(counted(text, "CommandFailedPercent")) == [0, 0, 0, 100]
    assert counted(text, "CommandWaitingSeconds") == []


def test_the_age_of_the_oldest_waiting_command_of_a_batch_is_counted(outbound: Outbound, output: Output) -> None:
    # Given VectorCare down, and commands that came ten minutes apart, When they are tried
    outbound.vectorcare.is_down = True
    outbound.put()
    outbound.clock.seconds += 600
    outbound.put(service_request_id="VC-TEST0002")
    outbound.run()
    # Then the older one's age is counted, and no lag, as nothing has ended
    text = output.text()
    assert counted(text, "CommandWaitingSeconds") == [600]
    assert "CommandLagSeconds" not in text


def test_a_command_that_cannot_be_claimed_is_seen_to_wait(outbound: Outbound, output: Output) -> None:
    # Given a table that refuses: nothing is sent, nothing ends, and no circuit opens
    outbound.put()
    outbound.clock.seconds += 60
    with faults.failing("GetItem", "PutItem", error=lambda: faults.refusal("AccessDeniedException")):
        outbound.run()
    assert counted(output.text(), "CommandWaitingSeconds") == [60]


def test_commands_held_back_are_one_log_line_a_batch(outbound: Outbound, output: Output) -> None:
    for name in ("en_route", "arrived", "on_board"):
        outbound.put(name=name)
    outbound.vectorcare.faults.append(InjectedFault(status=503))
    outbound.run()
    lines = [json.loads(line) for line in output.text().splitlines() if '"held_back"' in line]
    assert [(line["message"], line["messages"]) for line in lines] == [("sending.untried", 2)]
