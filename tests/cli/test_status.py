"""`bridge status`."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError

from cli.lib.errors import BridgeError
from cli.lib.everywhere import Found
from cli.lib.stack import Outputs, Stack
from tests.cli.conftest import TOPIC, Run, parsed, receive
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


def test_the_last_webhook_is_the_last_received_of_all_statuses(run: Run, cloud: Cloud) -> None:
    # Given
    for number, status in enumerate(("UNAVAILABLE", "AVAILABLE", "ASSIGNED")):
        at = f"2026-03-01T10:{30 - number}:00Z"
        body = webhooks.body(service_request_id=f"VC-{status}", request_status=status, event_timestamp=at)
        receive(cloud, body)
    # When
    result = run("status", "--json")
    # Then
    (figures,) = parsed(result)
    assert webhooks.INVENTED_NAME not in result.output
    last, entry = figures["last_webhook"], cloud.state("VC-ASSIGNED")
    assert entry is not None
    assert last["happened_at"] == "2026-03-01T10:28:00.000000Z"
    assert last["received_at"] == entry["received_at"]
    assert last["freshness_seconds"] == pytest.approx(5520, abs=1)


def test_what_waits_is_counted_and_needs_no_person(run: Run, cloud: Cloud) -> None:
    # Given
    for _ in range(3):
        cloud.post(webhooks.body())
        cloud.sqs.send_message(QueueUrl=cloud.outbound_queue_url, MessageBody="{}")
    cloud.receive(maximum=1)
    cloud.sqs.receive_message(QueueUrl=cloud.outbound_queue_url, MaxNumberOfMessages=1)
    for key in ("webhooks/1", "webhooks/2"):
        cloud.s3.put_object(Bucket="spool", Key=key, Body=b"")
    # When
    result, shown = run("status", "--json"), run("status")
    # Then
    (figures,) = parsed(result)
    assert figures["queue"] == figures["commands"] == {"visible": 2, "in_flight": 1, "delayed": 0}
    assert figures["spool"] == {"objects": 2, "more": False}
    assert (result.exit_code, shown.exit_code) == (0, 0)
    assert "acme: all is well" in shown.stdout
    assert "none yet" in shown.stdout


@pytest.mark.parametrize("length", [24, 200])
def test_the_url_is_one_line_however_long_it_is_so_it_can_be_copied(run: Run, stack: Stack, length: int) -> None:
    # Given
    url = f"https://hooks.example.com/prod/webhook?customer_id={'a' * length}"
    assert isinstance(stack.outputs, dict)
    stack.outputs["WebhookUrl"] = url
    # When
    shown = run("status").stdout
    # Then
    assert url in shown


@pytest.mark.parametrize(
    ("figure", "url", "option"),
    [
        ("dead_letters", "dead_letter_queue_url", ""),
        ("unpublished", "unpublished_queue_url", " --queue unpublished"),
        ("dead_commands", "outbound_dead_letter_queue_url", " --queue outbound"),
    ],
)
def test_a_dead_letter_needs_a_person(figure: str, url: str, option: str, run: Run, cloud: Cloud) -> None:
    # Given
    cloud.sqs.send_message(QueueUrl=getattr(cloud, url), MessageBody="{}")
    # When
    shown, counted = run("status"), run("status", "--json")
    # Then
    assert shown.exit_code == counted.exit_code == 1
    assert "acme: needs a person" in shown.stdout
    assert any(line.rstrip().endswith(f"bridge dlq list{option}") for line in shown.stdout.splitlines())
    assert parsed(counted)[0][figure] == 1


def test_an_alarm_of_the_stack_needs_a_person_and_one_of_a_stack_with_a_longer_name_does_not(
    run: Run, stack: Stack
) -> None:
    # Given
    put_alarm(stack, "VectorCareBridge-acme-west-Silence", topic=f"{TOPIC}-west", state="ALARM")
    put_alarm(stack, "VectorCareBridge-acme-Silence")
    # When
    well = run("status", "--json")
    put_alarm(stack, "VectorCareBridge-acme-Throttles", state="ALARM")
    result = run("status")
    # Then
    assert (well.exit_code, parsed(well)[0]["alarms"]) == (0, {"total": 1, "in_alarm": []})
    assert result.exit_code == 1
    assert "1 of 2 in ALARM" in result.stdout
    assert "VectorCareBridge-acme-Throttles" in result.stdout
    assert "what to do" in result.stdout


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


def test_of_several_stacks_each_is_a_line_and_the_worst_is_first(
    run: Run, stack: Stack, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    cloud.sqs.send_message(QueueUrl=cloud.dead_letter_queue_url, MessageBody="{}")
    put_alarm(stack, "VectorCareBridge-sick-Silence", state="ALARM")
    well = replace(stack, outputs={**stack.outputs, "DeadLetterQueueUrl": cloud.outbound_dead_letter_queue_url})
    found = [
        Found("well", "1", "us-east-1", well),
        Found("new", "1", "us-east-1"),
        Found("sick", "1", "us-east-1", replace(stack, organization="sick")),
        Found("gone", "2", "eu-west-1", problem="The AWS login has expired." + " Log in again." * 20),
    ]
    monkeypatch.setattr("cli.lib.everywhere.find", lambda **_: found)
    # When
    shown, listed = run("status"), run("status", "--json")
    # Then
    assert shown.exit_code == listed.exit_code == 1
    lines = [line.rstrip() for line in shown.stdout.splitlines()[1:5]]
    assert [line.split()[0] for line in lines] == ["gone", "sick", "new", "well"]
    parts = ("The AWS login has expired.", "in ALARM: Silence; 1 dead letters", "not deployed", "well")
    assert [part in line for part, line in zip(parts, lines, strict=True)] == [True] * 4
    assert found[-1].problem in " ".join(shown.stdout.split())
    gone, sick, new, _ = parsed(listed)
    unknown = (gone["is_deployed"], gone["errors"], gone["dead_letters"])
    assert unknown == (None, {"stack": found[-1].problem}, None)
    assert (sick["account"], sick["region"], sick["dead_letters"], new["is_deployed"]) == ("1", "us-east-1", 1, False)


def test_a_stack_that_is_not_deployed_yet_needs_no_person(
    run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.lib.everywhere.find", lambda **_: [Found("acme", stack=stack), Found("new")])
    assert run("status").exit_code == 0


def test_an_output_that_an_earlier_version_has_not_is_a_line(
    run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Outputs({name: value for name, value in stack.outputs.items() if name != "OutboundQueueUrl"})
    monkeypatch.setattr("cli.lib.everywhere.find", lambda **_: [Found("acme", stack=replace(stack, outputs=old))])
    result = run("status", "--json")
    assert (result.exit_code, list(parsed(result)[0]["errors"])) == (1, ["commands"])


@pytest.mark.parametrize("is_reached", [True, False])
def test_of_an_organization_with_two_regions_both_stacks_are_shown_in_full(
    run: Run, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_reached: bool
) -> None:
    # Given
    (tmp_path / "organizations").mkdir()
    (tmp_path / "organizations/acme.toml").write_text('region = "us-east-1"\n[twin]\nregion = "us-west-2"\n')
    monkeypatch.setattr("cli.options.ROOT", tmp_path)

    def find(_organization: str, *, region: str | None, **_: Any) -> Stack:
        if region and not is_reached:
            raise BridgeError("There is no stack.")
        return stack

    monkeypatch.setattr("cli.lib.stack.find", find)
    # When
    shown, listed = run("status", "--organization", "acme"), run("status", "--organization", "acme", "--json")
    # Then
    assert shown.exit_code == listed.exit_code == (0 if is_reached else 1)
    assert {(each["region"], each["is_deployed"]) for each in parsed(listed)} == {
        ("us-east-1", True),
        ("us-west-2", True if is_reached else None),
    }
    assert "acme in us-east-1: all is well" in shown.stdout
    assert ("acme in us-west-2: all is well" in shown.stdout, "There is no stack." in shown.stdout) == (
        is_reached,
        not is_reached,
    )
