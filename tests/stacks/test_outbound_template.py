"""The outbound way, whatever the organization's file says: stream, publisher and bus; queue, sender and secret."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stacks.config.organization import MAXIMUM_NAME_LENGTH, STACK_PREFIX, Organization
from tests.stacks import synthesis
from tests.stacks.templates import (
    Template,
    event_source,
    functions,
    listed,
    of_type,
    only,
    queues,
    referred,
    rendered,
    resources_of,
    rest_api_id,
    unpublished,
)
from tests.stacks.test_operator_policy_template import written


def variables(template: Template, function: str) -> dict[str, str]:
    environment = functions(template)[function]["Properties"]["Environment"]["Variables"]
    return {name: rendered(value) for name, value in environment.items()}


def managed_policy(template: Template, output: str) -> list[Mapping[str, Any]]:
    policy = template["Resources"][referred(template["Outputs"][output]["Value"])]
    assert not policy["Properties"].keys() & {"Roles", "Users", "Groups"}  # nobody's until it is attached
    found: list[Mapping[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    return found


def actions_on(statements: list[Mapping[str, Any]], name: str) -> set[str]:
    return {
        action
        for statement in statements
        if any(rendered(resource).startswith(f"<{name}.") for resource in resources_of(statement))
        for action in listed(statement["Action"])
    }


def test_the_publisher_reads_the_states_stream_from_its_beginning_until_a_batch_is_taken(template: Template) -> None:
    source = event_source(template, "publisher")
    table = referred(template["Outputs"]["ServiceRequestsTable"]["Value"])
    assert source["EventSourceArn"] == {"Fn::GetAtt": [table, "StreamArn"]}
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["BatchSize"] == 100
    # Nothing is given up before the stream itself forgets it.
    assert source["MaximumRetryAttempts"] == -1
    assert "MaximumRecordAgeInSeconds" not in source
    assert source["BisectBatchOnFunctionError"] is True
    assert "FilterCriteria" not in source


def test_a_bus_of_its_own_is_named_like_the_stack_and_admits_nobody(template: Template) -> None:
    bus = only(template, "AWS::Events::EventBus")["Properties"]
    assert bus == {"Name": rendered(template["Resources"][rest_api_id(template, "webhook")]["Properties"]["Name"])}
    assert not [each for each in template["Resources"].values() if each["Type"] == "AWS::Events::EventBusPolicy"]


def test_what_the_organization_says_reaches_publisher_and_sender(
    template: Template, organization: Organization
) -> None:
    publisher, sender = variables(template, "publisher"), variables(template, "sender")
    assert publisher["PUBLISH_ACTIONS"].split(",") == list(organization.publish_actions)
    assert publisher["PUBLISH_DATA"] == ("true" if organization.publish_data else "false")
    assert (sender["VECTORCARE_API_URL"], sender["VECTORCARE_TOKEN_URL"]) == (
        organization.api_url,
        organization.token_url,
    )


def test_no_template_publishes_patients_data_unasked(templates: Mapping[str, Template]) -> None:
    publishing = {name for name, each in templates.items() if variables(each, "publisher")["PUBLISH_DATA"] == "true"}
    assert publishing == {"everything"}


def test_a_deployment_is_warned_that_will_send_nothing(folder: Path, tmp_path: Path) -> None:
    # Given organizations of which one names the token endpoint, When they are synthesized
    assembly = synthesis.application_of(folder, output=tmp_path).synth()
    # Then the CDK command line warns of the others
    warned = {
        stack.stack_name.removeprefix(STACK_PREFIX)
        for stack in assembly.stacks
        for message in stack.messages
        if "vectorcare_token_url" in str(message.entry.data)
    }
    assert {stack.stack_name.removeprefix(STACK_PREFIX) for stack in assembly.stacks} - warned == {"everything"}


def test_what_was_not_published_waits_as_long_as_sqs_keeps_it(template: Template) -> None:
    queue = template["Resources"][unpublished(template)]["Properties"]
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
    assert variables(template, "publisher")["UNPUBLISHED_QUEUE_URL"] == f"<{unpublished(template)}>"


def test_the_sender_takes_large_batches_answers_for_each_message_and_is_bounded(template: Template) -> None:
    source = event_source(template, "sender")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BatchSize"] == 500
    assert source["MaximumBatchingWindowInSeconds"] == 2
    assert source["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert "FilterCriteria" not in source  # it would delete what does not match


def test_the_secret_is_under_the_key_and_holds_a_placeholder_that_the_sender_refuses(template: Template) -> None:
    secret = only(template, "AWS::SecretsManager::Secret")["Properties"]
    (key,) = of_type(template, "AWS::KMS::Key")
    generated = secret["GenerateSecretString"]
    assert referred(secret["KmsKeyId"]) == key
    assert "SecretString" not in secret
    # The sender refuses credentials whose client_id is empty: tests/unit/sender/test_access_token.py.
    assert json.loads(generated["SecretStringTemplate"]) == {"client_id": ""}
    assert generated["GenerateStringKey"] == "client_secret"


def test_the_dispatch_system_may_send_commands_read_and_nothing_else(template: Template) -> None:
    # Given
    outbound, _dead_letters = queues(template, "sender")
    (key,) = of_type(template, "AWS::KMS::Key")
    # When
    statements = managed_policy(template, "CadPolicyArn")
    # Then
    assert actions_on(statements, outbound) == {"sqs:SendMessage", "sqs:GetQueueUrl"}
    assert actions_on(statements, key) == {"kms:GenerateDataKey", "kms:Decrypt"}
    reading = [each for each in statements if listed(each["Action"]) == ["execute-api:Invoke"]]
    assert len(reading) == 1  # which resources: test_reading_api_template.py
    assert {rendered(resource) for each in statements if each not in reading for resource in resources_of(each)} == {
        f"<{outbound}.Arn>",
        f"<{key}.Arn>",
    }


def test_an_operator_of_the_outbound_way_looks_gives_back_and_sends(template: Template) -> None:
    # Given
    outbound, dead_letters = queues(template, "sender")
    commands = referred(template["Outputs"]["CommandsTable"]["Value"])
    look = {"sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"}
    # When
    statements = managed_policy(template, "OutboundOperatorPolicyArn")
    # Then
    assert actions_on(statements, outbound) == {"sqs:GetQueueAttributes", "sqs:SendMessage"}
    assert actions_on(statements, dead_letters) == actions_on(statements, unpublished(template)) == look
    assert actions_on(statements, commands) == {"dynamodb:GetItem"}


@pytest.mark.parametrize("output", ["CadPolicyArn", "OutboundOperatorPolicyArn"])
def test_these_policies_name_their_resources_and_use_the_key_by_way_of_a_service(
    template: Template, output: str
) -> None:
    for statement in managed_policy(template, output):
        assert not [action for action in listed(statement["Action"]) if "*" in action]
        assert "*" not in resources_of(statement)
        if any(action.startswith("kms:") for action in listed(statement["Action"])):
            assert statement["Condition"]["StringEquals"].keys() == {"kms:ViaService"}


@pytest.mark.parametrize("output", ["CadPolicyArn", "OutboundOperatorPolicyArn"])
def test_these_policies_are_as_long_as_iam_allows_for_the_longest_name_too(
    templates: Mapping[str, Template], output: str
) -> None:
    # Given a managed policy of 6,144 characters at most (IAM User Guide, "IAM and AWS STS quotas")
    stack = STACK_PREFIX + "x" * MAXIMUM_NAME_LENGTH
    statements = [written(statement, stack) for statement in managed_policy(templates["minimal"], output)]
    # Then
    assert len(json.dumps(statements, separators=(",", ":"))) <= 6144 - len('{"Version":"2012-10-17","Statement":}')
