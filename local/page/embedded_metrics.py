"""The functions' own metrics, read out of their log lines."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """One value of one metric."""

    at: float  # seconds since 1970
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    value: float


def embedded(line: str) -> Iterator[Reading]:
    """Read the metrics out of a log line, if it holds any.

    The page that describes them: CloudWatch User Guide, "Specification: Embedded metric format".
    """
    try:
        document = json.loads(line)
        about = document["_aws"]
    except (ValueError, KeyError, TypeError):
        return
    for directive in about["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = {name: str(document[name]) for name in names}
            for metric in directive["Metrics"]:
                values = document[metric["Name"]]
                for value in values if isinstance(values, list) else [values]:
                    yield Reading(
                        about["Timestamp"] / 1000, directive["Namespace"], metric["Name"], dimensions, float(value)
                    )
