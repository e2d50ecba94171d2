"""What each function may do: this and nothing else."""

import json
import re

import pytest

from tests.infrastructure.templates import (
    Template,
    functions,
    listed,
    of_type,
    queues,
    referred,
    rendered,
    resources_of,
    statements,
)

ANY_FUNCTION = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}
RECEIVE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"}
SEND = {"sqs:SendMessage", "kms:GenerateDataKey", "kms:Decrypt"}
# DynamoDB Developer Guide, "DynamoDB encryption at rest: usage notes".
USE_TABLES = {
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:DescribeKey",
}
ALLOWED = {
    "ingest": SEND | {"s3:PutObject"},
    "processor": RECEIVE | USE_TABLES | {"dynamodb:PutItem", "dynamodb:UpdateItem"},
    "drain": SEND | {"s3:ListBucket", "s3:GetObject", "s3:DeleteObject"},
    "redrive": SEND | RECEIVE,
}


@pytest.mark.parametrize("function", ALLOWED)
def test_a_function_may_do_what_it_needs_and_nothing_else(template: Template, function: str) -> None:
    allowed = {
        action
        for statement in statements(template, functions(template)[function])
        for action in listed(statement["Action"])
    }
    assert allowed == ALLOWED[function] | ANY_FUNCTION


@pytest.mark.parametrize(
    ("function", "action", "where"),
    [
        ("ingest", "sqs:SendMessage", "queue"),
        ("drain", "sqs:SendMessage", "queue"),
        ("redrive", "sqs:SendMessage", "queue"),
        ("redrive", "sqs:ReceiveMessage", "dead letters"),
        ("redrive", "sqs:DeleteMessage", "dead letters"),
        ("processor", "sqs:DeleteMessage", "queue"),
        ("processor", "dynamodb:PutItem", "events"),
        ("processor", "dynamodb:UpdateItem", "service requests"),
    ],
)
def test_an_action_is_allowed_where_it_belongs(template: Template, function: str, action: str, where: str) -> None:
    queue, dead_letters = queues(template)
    kinds = {queue: "queue", dead_letters: "dead letters"}
    for name in of_type(template, "AWS::DynamoDB::Table"):
        has_sort_key = len(template["Resources"][name]["Properties"]["KeySchema"]) == 2
        kinds[name] = "events" if has_sort_key else "service requests"
    found = [
        kinds[referred(resource)]
        for statement in statements(template, functions(template)[function])
        if action in listed(statement["Action"])
        for resource in resources_of(statement)
    ]
    assert found == [where]


def test_no_role_has_a_wildcard_but_for_traces_and_spooled_objects(template: Template) -> None:
    (spool,) = of_type(template, "AWS::S3::Bucket")
    for function in functions(template).values():
        for statement in statements(template, function):
            assert not [action for action in listed(statement["Action"]) if "*" in action]
            wild = {text for text in map(rendered, resources_of(statement)) if "*" in text}
            traces = all(action.startswith("xray:") for action in listed(statement["Action"]))
            assert wild <= ({"*"} if traces else {f"<{spool}.Arn>/*"})


def test_nothing_is_granted_beside_the_roles_own_statements(template: Template) -> None:
    types = {resource["Type"] for resource in template["Resources"].values()}
    assert not types & {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}
    for role in of_type(template, "AWS::IAM::Role").values():
        principal = role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        assert principal == "apigateway.amazonaws.com" or "ManagedPolicyArns" not in role["Properties"]


def test_the_key_is_used_by_way_of_one_service_at_a_time(template: Template) -> None:
    for function in functions(template).values():
        for statement in statements(template, function):
            if any(action.startswith("kms:") for action in listed(statement["Action"])):
                through = rendered(statement["Condition"]["StringEquals"]["kms:ViaService"])
                assert through in ("sqs.us-east-1.amazonaws.com", "dynamodb.us-east-1.amazonaws.com")


def test_every_function_has_a_log_group_of_its_own(template: Template) -> None:
    groups = [
        referred(function["Properties"]["LoggingConfig"]["LogGroup"]) for function in functions(template).values()
    ]
    assert len(set(groups)) == len(groups)
    for function, group in zip(functions(template).values(), groups, strict=True):
        (own_log,) = (each for each in statements(template, function) if "logs:PutLogEvents" in each["Action"])
        assert [referred(resource) for resource in resources_of(own_log)] == [group]


def test_the_template_holds_no_secret(template: Template) -> None:
    assert "PRIVATE KEY" not in json.dumps(template)
    assert not {parameter for parameter in template["Parameters"] if parameter != "BootstrapVersion"}
    for function in of_type(template, "AWS::Lambda::Function").values():
        for name in function["Properties"]["Environment"]["Variables"]:
            assert not re.search("SECRET|PASSWORD|TOKEN|PRIVATE", name)
