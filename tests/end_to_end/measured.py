"""What a local environment has measured: the functions' own metrics, and the few of AWS's that the emulator keeps."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from local.clients import Clients
from local.page.embedded_metrics import Reading, embedded

_QUEUE_ATTRIBUTES = {
    "ApproximateNumberOfMessages": "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
}
_KEPT_BY_THE_EMULATOR = ("Invocations", "Errors", "Throttles", "Duration")
_LOOK_BACK = timedelta(hours=3)


def collect(aws: Clients, *, queue_urls: list[str]) -> list[Reading]:
    """Collect all that a stand has measured.

    Parameters
    ----------
    aws : Clients
        Of the local.
    queue_urls : list of str
        The queues, of which only the present is known.
    """
    return [*_embedded(aws), *_functions(aws), *_queues(aws, queue_urls)]


def _embedded(aws: Clients) -> Iterator[Reading]:
    logs = aws.make("logs")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            events = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            for answer in events:
                for event in answer["events"]:
                    yield from embedded(event["message"])


def _functions(aws: Clients) -> Iterator[Reading]:
    cloudwatch = aws.make("cloudwatch")
    now = datetime.now(UTC)
    for metric in cloudwatch.list_metrics(Namespace="AWS/Lambda")["Metrics"]:
        if metric["MetricName"] not in _KEPT_BY_THE_EMULATOR:
            continue
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric["MetricName"],
            Dimensions=metric["Dimensions"],
            StartTime=now - _LOOK_BACK,
            EndTime=now,
            Period=1,
            Statistics=["Sum" if metric["MetricName"] != "Duration" else "Maximum"],
        )["Datapoints"]
        dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}
        for point in points:
            yield Reading(
                point["Timestamp"].timestamp(),
                "AWS/Lambda",
                metric["MetricName"],
                dimensions,
                _value(point),
            )


def _queues(aws: Clients, urls: list[str]) -> Iterator[Reading]:
    for url in urls:
        attributes = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        answer = {str(name): value for name, value in attributes.items()}
        for attribute, metric in _QUEUE_ATTRIBUTES.items():
            yield Reading(
                datetime.now(UTC).timestamp(),
                "AWS/SQS",
                metric,
                {"QueueName": url.rsplit("/", 1)[1]},
                float(answer[attribute]),
            )


def _value(point: Mapping[str, Any]) -> float:
    return float(point["Sum"] if "Sum" in point else point["Maximum"])
