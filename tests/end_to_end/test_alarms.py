"""Every alarm moves to ALARM when its metric is too much, and tells the topic, on a stand of its own.

What goes wrong on the way out is measured where its alarm looks: by the same name and dimensions, which the emulator
would not mind.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

import simulator as webhooks
from local import environment as environments
from local.environment import LocalEnvironment
from local.organization import LocalOrganization
from local.page.embedded_metrics import Reading
from local.report import Report
from local.synthesis import Assembly
from tests.end_to_end.conftest import disable_schedules
from tests.end_to_end.measured import collect
from tests.end_to_end.subscriber import command
from tests.end_to_end.support import closed_port, function_variables, vectorcare_of, webhook
from tests.support.wait import wait_until

Alarm = Mapping[str, Any]


@pytest.fixture(scope="module")
def quiet(
    assembly: Assembly, organization: LocalOrganization, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalEnvironment]:
    """Run a stand that nothing was sent to: its metrics cannot be taken back, and they move all of its alarms."""
    with environments.running(
        assembly, organization, directory=tmp_path_factory.mktemp("alarms"), port=0, report=Report(), is_patient=True
    ) as running:
        disable_schedules(running)
        yield running


def test_every_alarm_moves_and_is_told_with_its_section_of_the_runbook(quiet: LocalEnvironment) -> None:
    # Given
    queue_url = listen(quiet)
    before = alarms(quiet)
    assert {alarm["StateValue"] for alarm in before.values()} == {"INSUFFICIENT_DATA"}

    # When
    for metric in too_much(before):
        quiet.emulator.aws.make("cloudwatch").put_metric_data(Namespace=metric.pop("Namespace"), MetricData=[metric])

    # Then
    assert {name: alarm["StateReason"] for name, alarm in alarms(quiet).items() if alarm["StateValue"] != "ALARM"} == {}
    told = heard(quiet, queue_url, at_least=len(before))
    assert told.keys() == before.keys()
    for name, message in told.items():
        assert message["NewStateValue"] == "ALARM"
        assert f"docs/runbook.md#{name.rsplit('-', 1)[1].lower()}" in message["AlarmDescription"]


def test_what_is_no_command_is_counted_where_the_alarm_looks(quiet: LocalEnvironment) -> None:
    command(quiet, "no command")
    measured(quiet, "CommandDeadLetters", at_least=1)


def test_a_command_that_is_refused_for_good_is_measured(quiet: LocalEnvironment) -> None:
    # Given a service request of another organization
    foreign = trip(quiet)
    quiet.vectorcare_api.rules.foreign.add(foreign)
    # When it is accepted
    command(quiet, {"command": "accept", "service_request_id": foreign, "command_id": uuid.uuid4().hex})
    # Then it is in the share that the alarm watches
    measured(quiet, "CommandsFailing", at_least=threshold(quiet, "CommandsFailing"))


def test_an_event_that_the_bus_does_not_take_is_counted_where_the_alarm_looks(
    quiet: LocalEnvironment, old_key: rsa.RSAPrivateKey
) -> None:
    # Given a publisher whose bus cannot be reached
    with (
        closed_port() as nobody,
        function_variables(quiet, "PublisherFunction", AWS_ENDPOINT_URL_EVENTBRIDGE=nobody),
    ):
        # When a service request changes
        vectorcare_of(quiet, old_key).send(webhook().body)
        # Then its event waits
        measured(quiet, "UnpublishedEvents", at_least=1)


def test_credentials_that_nobody_has_given_and_the_circuit_that_opens_are_measured(
    quiet: LocalEnvironment,
) -> None:
    # Given a sender that nobody has told where tokens come from
    with function_variables(quiet, "SenderFunction", VECTORCARE_TOKEN_URL=""):
        # When more commands come than failures open the circuit
        for _ in range(6):
            state(quiet, trip(quiet))
        # Then the alarms' metrics say so, and that commands wait
        for name in ("CredentialsRefused", "CircuitOpen"):
            measured(quiet, name, at_least=threshold(quiet, name))
        measured(quiet, "CommandsLate")


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
    """Receive what was told, by the alarms' names."""
    found: dict[str, Alarm] = {}

    def receive() -> dict[str, Alarm]:
        answer = local.emulator.aws.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
        messages = [json.loads(json.loads(message["Body"])["Message"]) for message in answer.get("Messages", [])]
        found.update((message["AlarmName"], message) for message in messages)
        return found

    return wait_until(receive, lambda told: len(told) >= at_least, what=f"{at_least} alarms are told")


def measured(local: LocalEnvironment, name: str, *, at_least: float = 0) -> None:
    """Wait until the metric of an alarm, with the alarm's own dimensions, has such a value."""
    alarm = deployed(local, name)
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    metric = (alarm["Namespace"], alarm["MetricName"], dimensions)
    urls = [value for output, value in local.deployment.outputs.items() if output.endswith("QueueUrl")]

    def is_it(reading: Reading) -> bool:
        return (reading.namespace, reading.metric, reading.dimensions) == metric and reading.value >= at_least

    wait_until(
        lambda: collect(local.emulator.aws, queue_urls=urls),
        lambda readings: any(map(is_it, readings)),
        what=f"{metric} is at least {at_least}",
    )


def deployed(local: LocalEnvironment, name: str) -> Alarm:
    return alarms(local)[f"VectorCareBridge-{local.organization.name}-{name}"]


def threshold(local: LocalEnvironment, name: str) -> float:
    value: float = deployed(local, name)["Threshold"]
    return value


def trip(local: LocalEnvironment) -> str:
    name = webhooks.new_service_request_id()
    local.vectorcare_api.rules.requests[name] = "ASSIGNED"
    return name


def state(local: LocalEnvironment, service_request_id: str) -> None:
    at = datetime.now(UTC).isoformat()
    command(
        local,
        {"command": "state_update", "service_request_id": service_request_id, "name": "en_route", "timestamp": at},
    )
