"""The managed policies for people and for the dispatch system: enough, only for this stack, and no deleting."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.stacks.templates import Template, functions, listed, live, named, referred, released, rendered, resources_of

POLICIES = {
    "operator": "OperatorPolicyArn",
    "restore": "RestorePolicyArn",
    "outbound": "OutboundOperatorPolicyArn",
    "console": "ConsolePolicyArn",
    "rollback": "RollbackPolicyArn",
    "verify": "VerifyPolicyArn",
    "dispatch system": "CadPolicyArn",
}
# There is no narrower resource for these (Service Authorization Reference), or none by a prefix of names.
ON_ANYTHING = {
    *("cloudformation:ListStacks", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"),
    *("cloudwatch:ListDashboards", "lambda:GetAccountSettings", "lambda:ListEventSourceMappings"),
    *("lambda:ListFunctions", "logs:DescribeLogGroups", "sqs:ListQueues"),
}
# Reading logs as they are masked: no policy holds logs:Unmask.
LOGS = {"logs:FilterLogEvents", "logs:GetLogEvents", "logs:DescribeLogStreams", "logs:DescribeLogGroups"}
LOOK = "sqs:GetQueueAttributes sqs:ReceiveMessage sqs:ChangeMessageVisibility"
READ = "dynamodb:GetItem dynamodb:Query dynamodb:Scan dynamodb:DescribeTable"
SEE = "sqs:GetQueueAttributes sqs:GetQueueUrl sqs:ListQueueTags sqs:ListDeadLetterSourceQueues sqs:ListMessageMoveTasks"
# SQS Developer Guide, "Amazon SQS API permissions", StartMessageMoveTask and CancelMessageMoveTask.
MOVE = "sqs:StartMessageMoveTask sqs:CancelMessageMoveTask sqs:DeleteMessage"
SEE_FUNCTION = """
lambda:GetFunction lambda:GetFunctionConfiguration lambda:GetAlias lambda:GetPolicy lambda:ListAliases
lambda:ListVersionsByFunction lambda:ListTags lambda:GetFunctionConcurrency lambda:GetFunctionEventInvokeConfig
lambda:GetFunctionUrlConfig lambda:GetRuntimeManagementConfig lambda:GetFunctionRecursionConfig
lambda:GetFunctionCodeSigningConfig
"""
RESTORE = "dynamodb:DescribeContinuousBackups dynamodb:RestoreTableToPointInTime"
ALLOWED = {
    ("operator", "queue"): "sqs:GetQueueAttributes",
    ("operator", "dead letters"): LOOK,
    ("operator", "ingest"): "lambda:GetFunctionConfiguration",
    ("operator", "redrive"): "lambda:GetFunctionConfiguration lambda:InvokeFunction",
    ("operator", "events"): READ,
    ("operator", "service requests"): f"{READ} dynamodb:PutItem",
    ("operator", "spool"): "s3:ListBucket",
    ("restore", "events"): f"{RESTORE} dynamodb:BatchGetItem dynamodb:PutItem",
    ("restore", "service requests"): RESTORE,
    ("outbound", "command queue"): "sqs:GetQueueAttributes sqs:SendMessage",
    ("outbound", "command dead letters"): LOOK,
    ("outbound", "unpublished"): LOOK,
    ("outbound", "commands"): "dynamodb:GetItem",
    ("verify", "queue"): "sqs:GetQueueAttributes",
    ("verify", "commands"): "dynamodb:DescribeTable dynamodb:DescribeContinuousBackups dynamodb:DescribeTimeToLive",
    ("dispatch system", "command queue"): "sqs:SendMessage sqs:GetQueueUrl",
    ("console", "queue"): f"{SEE} sqs:SendMessage",
    ("console", "dead letters"): f"{SEE} {LOOK} {MOVE}",
    ("console", "command dead letters"): f"{SEE} {LOOK}",  # redriven by SQS, a command would lose its name and age
    ("console", "unpublished"): f"{SEE} {LOOK}",
    ("console", "command queue"): SEE,
    ("console", "redrive"): f"{SEE_FUNCTION} lambda:InvokeFunction",
    ("console", "processor"): SEE_FUNCTION,
}


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_names_its_resources_and_deletes_nothing_of_the_stack(template: Template, name: str) -> None:
    for statement in statements(template, name):
        actions = set(listed(statement["Action"]))
        resources = set(map(rendered, resources_of(statement)))
        assert statement["Effect"] == "Allow"
        assert not [action for action in actions if "*" in action]
        assert "*" not in resources or actions <= ON_ANYTHING
        assert {action for action in actions if action.startswith("logs:")} <= LOGS
        if any(word in action for action in actions for word in ("Delete", "Purge")):
            deletes_dead_letters = name == "console" and resources == {f"<{named(template)['dead letters']}.Arn>"}
            assert deletes_dead_letters or all(resource.endswith("-restored-*") for resource in resources)
        if any(action.startswith("kms:") for action in actions):
            (condition,) = statement["Condition"].values()
            assert condition.keys() <= {"kms:ViaService", "kms:GrantIsForAWSResource"}


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_is_attached_to_nothing(template: Template, name: str) -> None:
    assert not policy(template, name).keys() & {"Roles", "Users", "Groups"}


@pytest.mark.parametrize(("name", "resource"), ALLOWED)
def test_a_policy_allows_this_on_a_resource_and_nothing_else(template: Template, name: str, resource: str) -> None:
    is_function = resource in functions(template)
    arn = f"<{live(template, resource)}>" if is_function else f"<{named(template)[resource]}.Arn>"
    allowed = {
        action
        for statement in statements(template, name)
        if arn in map(rendered, resources_of(statement))
        for action in listed(statement["Action"])
    }
    assert allowed == set(ALLOWED[name, resource].split())


def test_the_dispatch_system_may_touch_nothing_but_commands_and_the_reading_api(template: Template) -> None:
    touched = {
        rendered(resource)
        for statement in statements(template, "dispatch system")
        if not {"execute-api:Invoke", "kms:Decrypt"} & set(listed(statement["Action"]))
        for resource in resources_of(statement)
    }
    assert touched == {f"<{named(template)['command queue']}.Arn>"}


def test_a_table_is_restored_beside_the_old_one(template: Template) -> None:
    (statement,) = (each for each in statements(template, "restore") if each.get("Sid") == "RestoreTo")
    assert {"dynamodb:RestoreTableToPointInTime", "dynamodb:BatchWriteItem"} <= set(statement["Action"])
    assert {rendered(resource) for resource in statement["Resource"]} == {
        f"arn:aws:dynamodb:us-east-1:123456789012:table/<{named(template)[table]}>-restored-*"
        for table in ("events", "service requests")
    }


def policy(template: Template, name: str) -> Mapping[str, Any]:
    found = template["Resources"][referred(template["Outputs"][POLICIES[name]]["Value"])]
    properties: Mapping[str, Any] = found["Properties"]
    return properties


def statements(template: Template, name: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = policy(template, name)["PolicyDocument"]["Statement"]
    return found


def test_a_rollback_moves_the_aliases_of_all_functions_and_nothing_else(template: Template) -> None:
    found = {
        (rendered(resource), action)
        for statement in statements(template, "rollback")
        for resource in resources_of(statement)
        for action in listed(statement["Action"])
    }
    assert found == {
        (f"<{named(template)[function]}.Arn>", f"lambda:{action}")
        for function in released(template)
        for action in ("ListVersionsByFunction", "GetAlias", "UpdateAlias")
    }
