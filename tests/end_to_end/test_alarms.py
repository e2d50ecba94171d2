"""Every alarm moves to ALARM if its metric is too high or too low, and notifies the topic."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from local.environment import LocalEnvironment
from tests.end_to_end.conftest import Run
from tests.support.wait import wait_until

Alarm = Mapping[str, Any]


@pytest.fixture
def quiet(run: Run) -> Iterator[LocalEnvironment]:
    """Run an environment that nothing was sent to: its metrics cannot be taken back."""
    with run() as running:
        yield running


@pytest.mark.nightly
def test_every_alarm_moves_and_notifies_the_topic_with_its_section_of_the_runbook(
    quiet: LocalEnvironment,
) -> None:
    # Given
    queue_url = listen(quiet)
    before = alarms(quiet)
    assert {alarm["StateValue"] for alarm in before.values()} == {"INSUFFICIENT_DATA"}
    # When
    for metric in too_much(before):
        quiet.emulator.aws.make("cloudwatch").put_metric_data(Namespace=metric.pop("Namespace"), MetricData=[metric])
    # Then
    assert {name: alarm["StateReason"] for name, alarm in alarms(quiet).items() if alarm["StateValue"] != "ALARM"} == {}
    notified = heard(quiet, queue_url, at_least=len(before))
    assert notified.keys() == before.keys()
    for name, message in notified.items():
        assert message["NewStateValue"] == "ALARM"
        assert f"docs/runbook.md#{name.rsplit('-', 1)[1].lower()}" in message["AlarmDescription"]


def alarms(local: LocalEnvironment) -> dict[str, Alarm]:
    pages = local.emulator.aws.make("cloudwatch").get_paginator("describe_alarms").paginate()
    return {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}


def too_much(watched: Mapping[str, Alarm]) -> list[dict[str, Any]]:
    """Give a datum of each metric that is too much, or too little, for all alarms on it.

    The emulator goes by a metric's name, whatever its dimensions, so alarms on one name share their data.
    """
    by_metric: dict[tuple[str, str], list[Alarm]] = defaultdict(list)
    for alarm in watched.values():
        by_metric[alarm["Namespace"], alarm["MetricName"]].append(alarm)
    return [
        {
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": group[0]["Dimensions"],
            "Value": 0.0
            if group[0]["ComparisonOperator"] == "LessThanThreshold"
            else max(alarm["Threshold"] for alarm in group) + 1,
        }
        for (namespace, name), group in by_metric.items()
    ]


def listen(local: LocalEnvironment) -> str:
    """Subscribe a queue to the alarms' topic, as a person's mail box would be."""
    aws = local.emulator.aws
    url: str = aws.sqs.create_queue(QueueName="on-call")["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.make("sns").subscribe(TopicArn=local.deployment.outputs["AlarmTopicArn"], Protocol="sqs", Endpoint=arn)
    return url


def heard(local: LocalEnvironment, queue_url: str, *, at_least: int) -> dict[str, Alarm]:
    found: dict[str, Alarm] = {}

    def receive() -> dict[str, Alarm]:
        answer = local.emulator.aws.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
        messages = [json.loads(json.loads(message["Body"])["Message"]) for message in answer.get("Messages", [])]
        found.update((message["AlarmName"], message) for message in messages)
        return found

    return wait_until(receive, lambda received: len(received) >= at_least, what=f"{at_least} alarms notify")
