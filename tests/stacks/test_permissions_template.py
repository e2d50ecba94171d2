"""What each function may do, and nothing else."""

import re
from collections.abc import Mapping

import pytest

from tests.security.permissions import ASSERTED, ENFORCED
from tests.stacks.templates import (
    Template,
    functions,
    listed,
    named,
    of_type,
    referred,
    rendered,
    resources_of,
    statements,
)

RECEIVE = "ReceiveMessage DeleteMessage ChangeMessageVisibility GetQueueAttributes"
# By function and resource, what the function may do there.
WHERE = {
    ("ingest", "queue"): "SendMessage",
    ("ingest", "spool/objects"): "PutObject",
    ("processor", "queue"): RECEIVE,
    ("processor", "events"): "PutItem Query",
    ("processor", "service requests"): "UpdateItem",
    ("drain", "queue"): "SendMessage",
    ("drain", "spool"): "ListBucket",
    ("drain", "spool/objects"): "GetObject DeleteObject",
    ("redrive", "queue"): "SendMessage",
    ("redrive", "command queue"): "SendMessage",
    ("redrive", "dead letters"): RECEIVE,
    ("redrive", "command dead letters"): RECEIVE,
    ("redrive", "unpublished"): RECEIVE,
    ("redrive", "bus"): "PutEvents",
    ("redrive", "events"): "GetItem",
    ("publisher", "service requests/stream"): "DescribeStream GetRecords GetShardIterator",
    ("publisher", "bus"): "PutEvents",
    ("publisher", "unpublished"): "SendMessage",
    ("sender", "command queue"): RECEIVE,
    ("sender", "command dead letters"): "SendMessage",
    ("sender", "commands"): "GetItem PutItem UpdateItem",
    ("sender", "secret"): "GetSecretValue",
    ("sender", "bus"): "PutEvents",
    ("reconcile", "events"): "BatchGetItem Query",
    ("reconcile", "queue"): "SendMessage GetQueueAttributes",
    ("reader", "service requests"): "GetItem",
    ("reader", "service requests/index"): "Query",
    ("reader", "events"): "Query",
    **dict.fromkeys(
        [("start_check", f"{function}/versions") for function in ASSERTED if function != "start_check"],
        "InvokeFunction",
    ),
}
SERVICES = {
    "sqs": ("queue", "dead letters", "command queue", "command dead letters", "unpublished"),
    "dynamodb": ("events", "service requests", "commands"),
    "s3": ("spool",),
    "events": ("bus",),
    "secretsmanager": ("secret",),
    "lambda": tuple(ASSERTED),
}
SUFFIXES = {"objects": "/*", "index": "/index/by_status", "versions": ":*"}


def test_a_role_allows_what_is_enforced_or_asserted_and_nothing_else(template: Template) -> None:
    assert set(functions(template)) <= set(ASSERTED)
    for name, function in functions(template).items():
        allowed = {action for each in statements(template, function) for action in listed(each["Action"])}
        enforced = ENFORCED.get(name, frozenset())
        assert allowed == enforced | ASSERTED[name]
        assert not enforced & ASSERTED[name]


@pytest.mark.parametrize(("function", "resource"), WHERE)
def test_an_action_is_allowed_where_it_belongs(templates: Mapping[str, Template], function: str, resource: str) -> None:
    # Given
    template = templates["everything"]
    name, _, part = resource.partition("/")
    attribute = "StreamArn" if part == "stream" else "Id" if name == "secret" else "Arn"
    arn = f"<{named(template)[name]}.{attribute}>" + SUFFIXES.get(part, "")
    (service,) = (service for service, names in SERVICES.items() if name in names)
    # When
    allowed = {
        action
        for statement in statements(template, functions(template)[function])
        if arn in map(rendered, resources_of(statement))
        for action in listed(statement["Action"])
    }
    # Then
    assert allowed == {f"{service}:{action}" for action in WHERE[function, resource].split()}


def test_a_role_names_no_other_resource(templates: Mapping[str, Template]) -> None:
    template = templates["everything"]
    for function in functions(template):
        found = {
            rendered(arn) for each in statements(template, functions(template)[function]) for arn in resources_of(each)
        }
        # Besides those of the table above: its log, the key and, for traces and the list of streams, anything. What is
        # in the other region: tests/stacks/test_twin_template.py.
        others = [
            arn for arn in found if not re.search(r"Logs\w*\.Arn>$|^<EncryptionKey\w*\.Arn>$|^\*$|:us-west-2:", arn)
        ]
        assert len(others) == len([1 for name, _ in WHERE if name == function]), function


def test_a_statement_allows_by_name_and_uses_the_key_by_way_of_one_service(template: Template) -> None:
    for statement in (each for function in functions(template).values() for each in statements(template, function)):
        actions = listed(statement["Action"])
        # A denial, or all but what is named, would make the lists above say something else than the role.
        assert statement["Effect"] == "Allow"
        assert not {"NotAction", "NotResource", "NotPrincipal"} & set(statement)
        assert not [action for action in actions if "*" in action]
        has_no_narrower_resource = all(each.startswith("xray:") or each == "dynamodb:ListStreams" for each in actions)
        assert "*" not in resources_of(statement) or has_no_narrower_resource
        if any(action.startswith("kms:") for action in actions):
            through = rendered(statement["Condition"]["StringEquals"]["kms:ViaService"])
            is_other_region = ":us-west-2:" in str(statement["Resource"])
            services = {"dynamodb"} if is_other_region else {"sqs", "dynamodb", "secretsmanager"}
            assert through.removesuffix(f".{'us-west-2' if is_other_region else 'us-east-1'}.amazonaws.com") in services


def test_nothing_is_granted_to_a_function_beside_its_roles_own_statements(template: Template) -> None:
    roles = {referred(function["Properties"]["Role"]) for function in functions(template).values()}
    assert len(roles) == len(functions(template))
    for resource in template["Resources"].values():
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
            attached = [*resource["Properties"].get("Roles", []), resource["Properties"].get("RoleName")]
            assert not roles & {referred(role) for role in attached if isinstance(role, dict)}
    for role in roles:
        properties = template["Resources"][role]["Properties"]
        assert "ManagedPolicyArns" not in properties
        assert properties["AssumeRolePolicyDocument"]["Statement"] == [
            {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
        ]


def test_no_resource_policy_admits_a_function(template: Template) -> None:
    # They only refuse plain HTTP.
    for kind in ("AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy"):
        for policy in of_type(template, kind).values():
            assert {one["Effect"] for one in policy["Properties"]["PolicyDocument"]["Statement"]} == {"Deny"}


def test_every_function_has_a_log_group_of_its_own(template: Template) -> None:
    groups = [
        referred(function["Properties"]["LoggingConfig"]["LogGroup"]) for function in functions(template).values()
    ]
    assert len(set(groups)) == len(groups)
    for function, group in zip(functions(template).values(), groups, strict=True):
        (own_log,) = (each for each in statements(template, function) if "logs:PutLogEvents" in each["Action"])
        assert [referred(resource) for resource in resources_of(own_log)] == [group]
