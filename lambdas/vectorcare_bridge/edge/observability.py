"""Logs and metrics. Both take names from closed lists, so that they never hold a payload value."""

import json
import os
from collections.abc import Collection
from typing import Any

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from vectorcare_bridge.edge import runtime
from vectorcare_bridge.edge.metric import Metric

# Without a location, which would be this module on every line. In ASCII, because an id may hold control characters.
_logger = Logger(location=None, json_serializer=json.dumps)
_metrics = Metrics()
_metrics.set_default_dimensions(organization=os.environ["ORGANIZATION"])
# Powertools adds to a count, and ends a line, in two steps. No other thread may come in between.
_lock = runtime.lock()


_UNITS = {
    Metric.FRESHNESS_SECONDS: MetricUnit.Seconds,
    Metric.INGEST_MILLISECONDS: MetricUnit.Milliseconds,
    Metric.COMMAND_LAG_SECONDS: MetricUnit.Seconds,
    Metric.COMMAND_WAITING_SECONDS: MetricUnit.Seconds,
    Metric.COMMAND_FAILED_PERCENT: MetricUnit.Percent,
}


def begin(context: Any) -> None:
    """Add the request id to an invocation's log lines."""
    _logger.append_keys(request_id=context.aws_request_id)


def log(
    event: str,
    *,
    message_id: str | None = None,
    service_request_id: str | None = None,
    event_id: str | None = None,
    status_code: int | None = None,
    bytes_received: int | None = None,
    valid: bool | None = None,
    key: str | None = None,
    outcome: str | None = None,
    reason: str | None = None,
    attempt: int | None = None,
    retry_in_seconds: int | None = None,
    messages: int | None = None,
    spool_key: str | None = None,
    command: str | None = None,
    command_id: str | None = None,
    redriven_from: str | None = None,
    route: str | None = None,
    error: BaseException | None = None,
) -> None:
    """Write one line about an event, named `noun.verb`.

    The parameters are the allow-list; of an error only its type and AWS's error code are kept.
    """
    given = locals().copy() | {"event": None, "error": None if error is None else _kind(error)}
    with _lock:
        _logger.info(event, extra={name: value for name, value in given.items() if value is not None})


def count(metric: Metric, value: float = 1) -> None:
    """Add to a metric of the organization."""
    with _lock:
        _metrics.add_metric(name=metric, unit=_UNITS.get(metric, MetricUnit.Count), value=value)


def count_by(metric: Metric, **dimension: str) -> None:
    """Count one in a metric with an additional dimension."""
    one = single_metric(
        name=metric, unit=MetricUnit.Count, value=1, default_dimensions=dict(_metrics.default_dimensions)
    )
    with _lock, one as single:
        for name, value in dimension.items():
            single.add_dimension(name=name, value=value)


def documented(value: str | None, values: Collection[str]) -> str:
    """Return a payload's value if it is documented, else `other`: a metric must not hold anything else."""
    return value if value is not None and value in values else "other"


def flush() -> None:
    """Write the invocation's metrics, if there are any."""
    if _metrics.metric_set:
        with _lock:
            _metrics.flush_metrics()


def _kind(error: BaseException) -> str:
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return f"{type(error).__name__}: {code}" if code else type(error).__name__
