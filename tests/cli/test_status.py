"""`bridge status`."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError
from click.testing import Result

from cli.lib.stack import Stack
from tests.cli.conftest import TOPIC, Run, parsed
from tests.support import webhooks
from tests.support.cloud import Cloud

pytestmark = pytest.mark.usefixtures("stack")


def put_alarm(stack: Stack, name: str, *, topic: str = TOPIC, state: str = "OK") -> None:
    cloudwatch = stack.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        AlarmDescription="what to do",
        AlarmActions=[topic],
        MetricName="Failed",
        Namespace="VectorCareBridge",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")


def test_a_stack_where_nothing_waits_is_well(run: Run) -> None:
    # When
    result = run("status")
    # Then
    assert result.exit_code == 0, result.output
    assert "acme: all is well" in result.stdout
    assert "none yet" in result.stdout


def test_the_last_webhook_is_the_last_received_of_all_statuses(run: Run, cloud: Cloud) -> None:
    # Given
    for number, status in enumerate(("UNAVAILABLE", "AVAILABLE", "ASSIGNED")):
        cloud.post(
            webhooks.body(
                service_request_id=f"VC-{status}",
                request_status=status,
                event_timestamp=f"2026-03-01T10:{30 - number}:00Z",
            )
        )
        cloud.process()
    # When
    (figures,) = parsed(run("status", "--json"))
    # Then
    last, entry = figures["last_webhook"], cloud.state("VC-ASSIGNED")
    assert entry is not None
    assert last["happened_at"] == "2026-03-01T10:28:00.000000Z"
    assert last["received_at"] == entry["received_at"]
    assert last["freshness_seconds"] == pytest.approx(5520, abs=1)


def test_what_waits_is_counted_where_it_waits(run: Run, cloud: Cloud) -> None:
    # Given
    for _ in range(3):
        cloud.post(webhooks.body())
    cloud.receive(maximum=1)
    for key in ("webhooks/1", "webhooks/2"):
        cloud.s3.put_object(Bucket="spool", Key=key, Body=b"")
    # When
    result = run("status", "--json")
    # Then
    (figures,) = parsed(result)
    assert figures["queue"] == {"visible": 2, "in_flight": 1, "delayed": 0}
    assert figures["spool"] == {"objects": 2, "more": False}
    assert result.exit_code == 0


def test_a_dead_letter_needs_a_person(run: Run, cloud: Cloud) -> None:
    # Given
    cloud.sqs.send_message(QueueUrl=cloud.dead_letter_queue_url, MessageBody="{}")
    # When
    result = run("status")
    # Then
    assert result.exit_code == 1
    assert "acme: needs a person" in result.stdout
    assert "bridge dlq list" in result.stdout


def test_commands_are_counted_where_they_wait(run: Run, cloud: Cloud) -> None:
    # Given
    for _ in range(2):
        cloud.sqs.send_message(QueueUrl=cloud.outbound_queue_url, MessageBody="{}")
    cloud.sqs.receive_message(QueueUrl=cloud.outbound_queue_url, MaxNumberOfMessages=1)
    # When
    result = run("status", "--json")
    # Then that they wait is no reason to wake anybody
    (figures,) = parsed(result)
    assert figures["commands"] == {"visible": 1, "in_flight": 1, "delayed": 0}
    assert (figures["unpublished"], figures["dead_commands"]) == (0, 0)
    assert result.exit_code == 0


@pytest.mark.parametrize(("figure", "queue"), [("unpublished", "unpublished"), ("dead_commands", "outbound")])
def test_what_did_not_get_out_needs_a_person_who_is_told_where_it_is(
    figure: str, queue: str, run: Run, cloud: Cloud
) -> None:
    # Given
    url = {"unpublished": cloud.unpublished_queue_url, "outbound": cloud.outbound_dead_letter_queue_url}[queue]
    cloud.sqs.send_message(QueueUrl=url, MessageBody="{}")
    # When
    told, counted = run("status"), run("status", "--json")
    # Then
    assert told.exit_code == counted.exit_code == 1
    assert f"bridge dlq list --queue {queue}" in told.stdout
    assert parsed(counted)[0][figure] == 1


def test_an_alarm_of_the_stack_needs_a_person(run: Run, stack: Stack) -> None:
    # Given
    put_alarm(stack, "VectorCareBridge-acme-Silence", state="ALARM")
    put_alarm(stack, "VectorCareBridge-acme-Throttles")
    # When
    result = run("status")
    # Then
    assert result.exit_code == 1
    assert "1 of 2 in ALARM" in result.stdout
    assert "VectorCareBridge-acme-Silence" in result.stdout
    assert "what to do" in result.stdout


def test_an_alarm_of_another_stack_with_a_longer_name_is_not_ours(run: Run, stack: Stack) -> None:
    # Given
    put_alarm(stack, "VectorCareBridge-acme-west-Silence", topic=f"{TOPIC}-west", state="ALARM")
    # When
    result = run("status", "--json")
    # Then
    assert result.exit_code == 0
    assert parsed(result)[0]["alarms"] == {"total": 0, "in_alarm": []}


@pytest.mark.parametrize("figure", ["last_webhook", "queue", "spool", "alarms"])
def test_a_figure_that_aws_refuses_hides_no_other(figure: str, run: Run, stack: Stack) -> None:
    # Given
    service, operation = {
        "last_webhook": ("dynamodb", "query"),
        "queue": ("sqs", "get_queue_attributes"),
        "spool": ("s3", "list_objects_v2"),
        "alarms": ("cloudwatch", "get_paginator"),
    }[figure]
    with mock.patch.object(stack.client(service), operation, _denied):
        # When
        result = run("status", "--json")
    # Then
    (figures,) = parsed(result)
    assert result.exit_code == 1
    assert figures[figure] is None
    assert "do this: dynamodb:Query on arn:aws:dynamodb:us-east-1:123456789012:table/t. " in figures["errors"][figure]
    assert webhooks.INVENTED_NAME not in result.output
    assert {"last_webhook", "queue", "spool", "alarms"} - figures["errors"].keys()


def _denied(*_: Any, **__: Any) -> None:
    message = (
        f"User: {webhooks.INVENTED_NAME} is not authorized to perform: dynamodb:Query on resource: "
        f"arn:aws:dynamodb:us-east-1:123456789012:table/t because of {webhooks.INVENTED_NAME}"
    )
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "Operation")


def test_nothing_of_a_payload_is_shown(run: Callable[..., Result], cloud: Cloud) -> None:
    # Given
    cloud.post(webhooks.body())
    cloud.process()
    # When
    output = run("status").output + run("status", "--json").output
    # Then
    assert "2026-03-01 10:00:00" in output
    assert webhooks.INVENTED_NAME not in output
