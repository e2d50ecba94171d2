"""What the page shows is what was read, and what it counts agrees with VectorCare."""

from typing import Any

import pytest

from local.page import snapshot
from local.page.embedded_metrics import Reading
from vectorcare_bridge.edge.metric import Metric


def reading(metric: str, value: float = 1, namespace: str = "VectorCareBridge") -> Reading:
    return Reading(1_800_000_000.0, namespace, metric, {"organization": "acme"}, value)


def call(event_id: str, status: int | None = 200) -> dict[str, Any]:
    return {"event_id": event_id, "status": status}


def test_each_node_counts_metrics_that_exist() -> None:
    assert {metric for metrics in snapshot.METRICS_OF_NODES.values() for metric in metrics} <= {
        str(metric) for metric in Metric
    }
    assert str(Metric.FRESHNESS_SECONDS) == snapshot.FRESHNESS


def test_what_passed_a_node_is_the_sum_of_its_metrics() -> None:
    # When
    passed = snapshot.moves(
        [
            reading("Accepted", 2),
            reading("Accepted"),
            reading("SignatureInvalid"),
            reading("WrongCustomer"),
            reading("IngestMilliseconds", 7),
            reading("Accepted", 5, namespace="AWS/Lambda"),
        ]
    )
    # Then
    assert passed == {"accepted": 3, "refused": 2}


def test_freshness_is_never_shown_below_nothing() -> None:
    # Given an event that is dated ahead of when it was written
    points = snapshot.freshness([reading("FreshnessSeconds", -3), reading("FreshnessSeconds", 4), reading("Applied")])
    # Then
    assert [point["seconds"] for point in points] == [0, 4]


def test_a_command_that_has_not_ended_is_shown_with_what_it_is_at() -> None:
    # Given
    item = {"command_id": "a", "command": "accept", "updated_at": "t", "progress": "waiting"}
    ended = item | {"progress": "ended", "outcome": "CommandFailed", "reason": "http_404", "attempts": 2}
    # Then
    assert snapshot.command(item)["outcome"] == "waiting"
    assert (snapshot.command(ended)["outcome"], snapshot.command(ended)["reason"]) == ("failed", "http_404")


def test_a_line_says_how_old_the_event_was_when_it_was_written() -> None:
    # When
    row = snapshot.row(
        {
            "service_request_id": "VC-TEST0001",
            "request_status": "AVAILABLE",
            "action": "BROADCAST_RECEIVED",
            "last_updated": "2026-03-01T10:00:00.000000Z",
            "updated_at": "2026-03-01T10:00:02.500000Z",
            "revision": "3",
        }
    )
    # Then
    assert (row["freshness_seconds"], row["revision"]) == (2.5, 3)


@pytest.mark.parametrize(
    ("journaled", "dead", "waiting", "expected"),
    [
        ({"a", "b", "c"}, set(), 0, {"journaled": 3, "dead": 0, "on_the_way": 0, "lost": 0}),
        ({"a", "b"}, {"c"}, 0, {"journaled": 2, "dead": 1, "on_the_way": 0, "lost": 0}),
        ({"a"}, set(), 1, {"journaled": 1, "dead": 0, "on_the_way": 1, "lost": 1}),
        (set(), set(), 0, {"journaled": 0, "dead": 0, "on_the_way": 0, "lost": 3}),
        ({"a", "b", "c", "of the scenario"}, {"a"}, 9, {"journaled": 3, "dead": 0, "on_the_way": 0, "lost": 0}),
    ],
)
def test_an_acknowledged_event_that_is_nowhere_is_lost(
    journaled: set[str], dead: set[str], waiting: int, expected: dict[str, int]
) -> None:
    # Given one that came twice, one that was refused, one that got no answer
    calls = [call("a"), call("a"), call("b"), call("c", 204), call("d", 401), call("e", None)]
    # When
    reconciled = snapshot.reconcile(calls, journaled=journaled, dead=dead, waiting=waiting, spooled=0)
    # Then
    assert reconciled == {"acknowledged": 3, **expected}
