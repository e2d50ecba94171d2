"""Every alarm moves to ALARM when its metric is too much, and tells the topic, on a stand of its own."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from local import stand as stands
from local.deployment import Assembly
from local.organization import Organization
from local.report import Report
from local.stand import Stand

Alarm = Mapping[str, Any]


@pytest.fixture
def quiet_stand(
    assembly: Assembly, organization: Organization, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stand]:
    """Run a stand that nothing was sent to: its metrics cannot be taken back, and they move all of its alarms."""
    with stands.running(
        assembly, organization, directory=tmp_path_factory.mktemp("alarms"), port=0, report=Report()
    ) as running:
        yield running


def test_every_alarm_moves_and_is_told_with_its_section_of_the_runbook(quiet_stand: Stand) -> None:
    # Given
    queue_url = listen(quiet_stand)
    before = alarms(quiet_stand)
    assert {alarm["StateValue"] for alarm in before.values()} == {"INSUFFICIENT_DATA"}

    # When
    for metric in too_much(before):
        quiet_stand.emulator.aws.make("cloudwatch").put_metric_data(
            Namespace=metric.pop("Namespace"), MetricData=[metric]
        )

    # Then
    assert {
        name: alarm["StateReason"] for name, alarm in alarms(quiet_stand).items() if alarm["StateValue"] != "ALARM"
    } == {}
    told = heard(quiet_stand, queue_url, at_least=len(before))
    assert told.keys() == before.keys()
    for name, message in told.items():
        assert message["NewStateValue"] == "ALARM"
        assert f"docs/runbook.md#{name.rsplit('-', 1)[1].lower()}" in message["AlarmDescription"]


def alarms(stand: Stand) -> dict[str, Alarm]:
    pages = stand.emulator.aws.make("cloudwatch").get_paginator("describe_alarms").paginate()
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


def listen(stand: Stand) -> str:
    """Subscribe a queue to the alarms' topic, as a person's mail box would be."""
    aws = stand.emulator.aws
    url: str = aws.sqs.create_queue(QueueName="on-call")["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.make("sns").subscribe(TopicArn=stand.deployment.outputs["AlarmTopicArn"], Protocol="sqs", Endpoint=arn)
    return url


def heard(stand: Stand, queue_url: str, *, at_least: int) -> dict[str, Alarm]:
    """Receive what was told, by the alarms' names."""
    found: dict[str, Alarm] = {}
    while len(found) < at_least:
        answer = stand.emulator.aws.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=2)
        messages = [json.loads(json.loads(message["Body"])["Message"]) for message in answer.get("Messages", [])]
        if not messages:
            break
        found |= {message["AlarmName"]: message for message in messages}
    return found
