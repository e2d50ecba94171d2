"""What the page shows, computed from what was read."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from local.page.embedded_metrics import Reading
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge.metric import Metric
from vectorcare_bridge.utc_timestamp import UtcTimestamp

REFUSED = (Metric.REFUSED_REQUEST, Metric.SIGNATURE_INVALID, Metric.WRONG_CUSTOMER, Metric.TOO_LARGE)

METRICS_OF_NODES: Mapping[str, tuple[str, ...]] = {
    "accepted": (Metric.ACCEPTED,),
    "refused": REFUSED,
    "not_kept": (Metric.NOT_KEPT,),
    "spooled": (Metric.SPOOLED,),
    "drained": (Metric.DRAINED,),
    "applied": (Metric.APPLIED,),
    "stale": (Metric.STALE,),
    "duplicate": (Metric.DUPLICATE,),
    "expired": (Metric.EXPIRED,),
    "died": (Metric.FAILED,),
    "redriven": (Metric.REDRIVEN,),
    "published": (Metric.PUBLISHED,),
    "succeeded": (Metric.COMMAND_SUCCEEDED,),
    "failed": (Metric.COMMAND_FAILED, Metric.COMMAND_EXPIRED, Metric.COMMAND_UNCERTAIN),
}
"""The metrics whose sum each node of the flow counts; flow.js draws the nodes."""

_NODE_OF = {metric: node for node, metrics in METRICS_OF_NODES.items() for metric in metrics}
_NAMESPACE = "VectorCareBridge"
FRESHNESS = Metric.FRESHNESS_SECONDS


def moves(readings: Iterable[Reading]) -> Counter[str]:
    """Count what passed each node."""
    passed: Counter[str] = Counter()
    for reading in readings:
        if reading.namespace == _NAMESPACE:
            node = _NODE_OF.get(reading.metric)
            if node:
                passed[node] += round(reading.value)
    return passed


def freshness(readings: Iterable[Reading]) -> list[dict[str, float]]:
    """List how old each applied event was when it was written: `at`, seconds since 1970, and `seconds`."""
    found = [reading for reading in readings if reading.metric == FRESHNESS]
    return [{"at": reading.at, "seconds": max(0.0, reading.value)} for reading in found]


def row(item: Mapping[str, str]) -> dict[str, Any]:
    """Make a row of the table of service requests out of an item's attributes."""
    return {
        **{name: item.get(name, "") for name in ("service_request_id", "request_status", "action", "last_updated")},
        "updated_at": item["updated_at"],
        "revision": int(item["revision"]),
        "freshness_seconds": round(
            utc_timestamp.seconds_between(UtcTimestamp(item["last_updated"]), UtcTimestamp(item["updated_at"])), 3
        ),
    }


def command(item: Mapping[str, Any]) -> dict[str, Any]:
    """Make a row of the table of commands: its outcome, or its progress until it has ended."""
    is_ended = item["progress"] == "ended"
    return {
        "command_id": item["command_id"],
        "command": item["command"],
        "service_request_id": item.get("service_request_id"),
        "outcome": item["outcome"].removeprefix("Command").lower() if is_ended else item["progress"],
        "reason": item.get("reason"),
        "attempts": int(item.get("attempts", 0)),
        "updated_at": item["updated_at"],
    }


def reconcile(
    calls: Iterable[Mapping[str, Any]], *, journaled: Collection[str], dead: Collection[str], waiting: int, spooled: int
) -> dict[str, Any]:
    """Compare the events that were acknowledged to VectorCare with those that are stored.

    `calls` is the Webhook Call History; `journaled` and `dead` are event ids. Which events wait on the queue and in the
    spool is unknown. So what is neither journaled nor dead is on the way, up to their number; the rest is lost.
    """
    acknowledged = {call["event_id"] for call in calls if call["status"] is not None and call["status"] // 100 == 2}  # noqa: PLR2004 HTTP's success
    kept = acknowledged & set(journaled)
    died = (acknowledged - kept) & set(dead)
    rest = len(acknowledged) - len(kept) - len(died)
    on_the_way = min(rest, waiting + spooled)
    return {
        "acknowledged": len(acknowledged),
        "journaled": len(kept),
        "dead": len(died),
        "on_the_way": on_the_way,
        "lost": rest - on_the_way,
    }
