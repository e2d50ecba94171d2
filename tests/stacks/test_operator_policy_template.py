"""What the operator's policy lets a person do: enough for the command, on this stack alone, and no deleting."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from stacks.config.organization import MAXIMUM_NAME_LENGTH, STACK_PREFIX
from tests.stacks.templates import Template, functions, listed, of_type, queues, referred, rendered, resources_of

# There is no narrower resource for these (Service Authorization Reference), or none by a prefix of names.
ON_ANYTHING = {"cloudformation:ListStacks", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"}
RESTORED = {
    f"dynamodb:{action}"
    for action in (
        "RestoreTableToPointInTime",
        "DescribeTable",
        "GetItem",
        "Query",
        "Scan",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
    )
}


def test_only_what_has_no_narrower_resource_is_allowed_on_anything(template: Template) -> None:
    allowed = {
        action
        for statement in statements(template)
        for action in listed(statement["Action"])
        if "*" in resources_of(statement)
    }
    assert allowed == ON_ANYTHING


def test_no_action_is_a_pattern(template: Template) -> None:
    assert not [action for statement in statements(template) for action in listed(statement["Action"]) if "*" in action]


def test_queues_are_counted_and_dead_letters_read_and_given_back(template: Template) -> None:
    queue, dead_letters = queues(template)
    assert actions_on(template, queue) == {"sqs:GetQueueAttributes"}
    assert actions_on(template, dead_letters) == {
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:ChangeMessageVisibility",
    }


@pytest.mark.parametrize("function", ["ingest", "processor", "drain", "redrive"])
def test_only_the_redrive_function_is_invoked(template: Template, function: str) -> None:
    # Given
    (name,) = (
        logical_id
        for logical_id, resource in of_type(template, "AWS::Lambda::Function").items()
        if resource is functions(template)[function]
    )
    # When
    allowed = actions_on(template, name)
    # Then
    assert allowed == {"lambda:GetFunctionConfiguration"} | (
        {"lambda:InvokeFunction"} if function == "redrive" else set()
    )


def test_the_journal_is_read_and_the_state_is_read_and_replayed(template: Template) -> None:
    # Given
    events, service_requests = (
        referred(template["Outputs"][output]["Value"]) for output in ("EventsTable", "ServiceRequestsTable")
    )
    read = {f"dynamodb:{action}" for action in ("GetItem", "Query", "Scan", "DescribeTable")}
    # When
    allowed = actions_on(template, events), actions_on(template, service_requests)
    # Then
    assert allowed == (read, read | {"dynamodb:PutItem"})


def test_only_a_restore_writes_to_the_journal(template: Template) -> None:
    # Given
    events, service_requests = (
        referred(template["Outputs"][output]["Value"]) for output in ("EventsTable", "ServiceRequestsTable")
    )
    restore = {"dynamodb:DescribeContinuousBackups", "dynamodb:RestoreTableToPointInTime"}
    # When
    allowed = actions_on(template, events, "Restore"), actions_on(template, service_requests, "Restore")
    # Then
    assert allowed == (restore | {"dynamodb:BatchGetItem", "dynamodb:PutItem"}, restore)


def test_a_table_is_restored_beside_the_old_one(template: Template) -> None:
    # Given
    tables = [referred(template["Outputs"][output]["Value"]) for output in ("EventsTable", "ServiceRequestsTable")]
    # When
    restored = [each for each in statements(template, "Restore") if each.get("Sid") == "RestoreTo"]
    # Then
    (statement,) = restored
    assert set(statement["Action"]) == RESTORED
    assert {rendered(resource) for resource in statement["Resource"]} == {
        f"arn:aws:dynamodb:us-east-1:123456789012:table/<{table}>-restored-*" for table in tables
    }


def test_the_spool_is_counted_and_not_read(template: Template) -> None:
    (spool,) = of_type(template, "AWS::S3::Bucket")
    assert actions_on(template, spool) == {"s3:ListBucket"}


def test_logs_are_read_as_they_are_masked(template: Template) -> None:
    allowed = {
        action for each in statements(template) for action in listed(each["Action"]) if action.startswith("logs")
    }
    assert allowed == {"logs:FilterLogEvents"}


def test_the_key_is_used_by_way_of_tables_and_queues_or_granted_to_aws(template: Template) -> None:
    (key,) = of_type(template, "AWS::KMS::Key")
    for statement in [*statements(template), *statements(template, "Restore")]:
        if key in [named(resource) for resource in resources_of(statement)]:
            (condition,) = statement["Condition"].values()
            assert condition.keys() <= {"kms:ViaService", "kms:GrantIsForAWSResource"}


def test_it_is_nobodys_until_it_is_attached(template: Template) -> None:
    for name in ("Policy", "Restore"):
        properties = policy(template, name)["Properties"]
        assert not properties.keys() & {"Roles", "Users", "Groups"}
    assert referred(template["Outputs"]["OperatorPolicyArn"]["Value"])
    assert referred(template["Outputs"]["RestorePolicyArn"]["Value"])


@pytest.mark.parametrize("name", ["Policy", "Restore"])
def test_it_is_as_long_as_iam_allows_for_the_longest_name_too(templates: Mapping[str, Template], name: str) -> None:
    # Given a managed policy of 6,144 characters at most (IAM User Guide, "IAM and AWS STS quotas")
    document = policy(templates["minimal"], name)["Properties"]["PolicyDocument"]
    stack = STACK_PREFIX + "x" * MAXIMUM_NAME_LENGTH
    # When CloudFormation has named everything: stack, logical id, 12 characters; functions are cut to 64
    text = json.dumps(written(document, stack), separators=(",", ":"))
    # Then
    assert len(text) <= 6144


def written(value: Any, stack: str) -> Any:
    """Write what will stand there, as long as it can become."""
    match value:
        case {"Fn::GetAtt": [str(name), _]}:
            longest = 64 if re.search(r"Function[0-9A-F]{8}$", name) else 255
            physical = f"{stack}-{name}-{'X' * 12}"[:longest]
            return f"arn:aws-us-gov:dynamodb:us-gov-west-1:123456789012:table/{physical}"
        case {"Ref": str(name)}:
            return rendered(value) if name.startswith("AWS::") else f"{stack}-{name}-{'X' * 12}"
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(written(part, stack) for part in parts)
        case dict():
            return {key: written(each, stack) for key, each in value.items()}
        case list():
            return [written(each, stack) for each in value]
    return value.replace(f"{STACK_PREFIX}minimal", stack) if isinstance(value, str) else value


def policy(template: Template, name: str) -> Mapping[str, Any]:
    """Give one of the two: `Policy`, for those on call, or `Restore`."""
    (found,) = (
        each for key, each in of_type(template, "AWS::IAM::ManagedPolicy").items() if key.startswith(f"Operator{name}")
    )
    return found


def statements(template: Template, name: str = "Policy") -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = policy(template, name)["Properties"]["PolicyDocument"]["Statement"]
    return found


def actions_on(template: Template, name: str, policy_name: str = "Policy") -> set[str]:
    """Give what is allowed on the resource itself."""
    return {
        action
        for statement in statements(template, policy_name)
        if name in [named(resource) for resource in resources_of(statement)]
        for action in listed(statement["Action"])
    }


def named(resource: Any) -> str | None:
    return referred(resource) if isinstance(resource, dict) and "Fn::Join" not in resource else None
