"""What each function may do: this and nothing else."""

import json
import re

import pytest

from tests.security.permissions import ASSERTED, ENFORCED
from tests.stacks.templates import (
    Template,
    functions,
    listed,
    of_type,
    queues,
    referred,
    rendered,
    resources_of,
    statements,
    unpublished,
)

SET_ASIDE = "dead letters, outbound dead letters, unpublished"


def actions(template: Template, function: str) -> set[str]:
    """Give all that a function's role allows."""
    return {
        action
        for statement in statements(template, functions(template)[function])
        for action in listed(statement["Action"])
    }


@pytest.mark.parametrize("function", ENFORCED)
def test_a_role_allows_what_is_enforced_or_asserted_and_nothing_else(template: Template, function: str) -> None:
    assert actions(template, function) == ENFORCED[function] | ASSERTED[function]


@pytest.mark.parametrize("function", ENFORCED)
def test_an_action_is_either_enforced_or_asserted(function: str) -> None:
    assert not ENFORCED[function] & ASSERTED[function]


def test_every_function_is_on_both_lists(template: Template) -> None:
    assert set(functions(template)) == set(ENFORCED) == set(ASSERTED)


@pytest.mark.parametrize(
    ("function", "action", "where"),
    [
        ("reader", "dynamodb:GetItem", "service requests"),
        ("ingest", "sqs:SendMessage", "queue"),
        ("drain", "sqs:SendMessage", "queue"),
        ("redrive", "sqs:SendMessage", "queue, outbound queue"),
        ("redrive", "sqs:ReceiveMessage", SET_ASIDE),
        ("redrive", "sqs:DeleteMessage", SET_ASIDE),
        ("redrive", "sqs:ChangeMessageVisibility", SET_ASIDE),
        ("redrive", "sqs:GetQueueAttributes", SET_ASIDE),
        ("redrive", "events:PutEvents", "bus"),
        ("redrive", "dynamodb:GetItem", "events"),
        ("publisher", "dynamodb:DescribeStream", "stream"),
        ("publisher", "dynamodb:GetRecords", "stream"),
        ("publisher", "dynamodb:GetShardIterator", "stream"),
        ("publisher", "dynamodb:ListStreams", "anything"),
        ("publisher", "events:PutEvents", "bus"),
        ("publisher", "sqs:SendMessage", "unpublished"),
        ("sender", "sqs:ReceiveMessage", "outbound queue"),
        ("sender", "sqs:DeleteMessage", "outbound queue"),
        ("sender", "sqs:ChangeMessageVisibility", "outbound queue"),
        ("sender", "sqs:GetQueueAttributes", "outbound queue"),
        ("sender", "sqs:SendMessage", "outbound dead letters"),
        ("sender", "dynamodb:GetItem", "commands"),
        ("sender", "dynamodb:PutItem", "commands"),
        ("sender", "dynamodb:UpdateItem", "commands"),
        ("sender", "secretsmanager:GetSecretValue", "secret"),
        ("sender", "events:PutEvents", "bus"),
        ("processor", "sqs:ReceiveMessage", "queue"),
        ("processor", "sqs:DeleteMessage", "queue"),
        ("processor", "sqs:ChangeMessageVisibility", "queue"),
        ("processor", "sqs:GetQueueAttributes", "queue"),
        ("processor", "dynamodb:PutItem", "events"),
        ("processor", "dynamodb:UpdateItem", "service requests"),
        ("ingest", "s3:PutObject", "spooled objects"),
        ("drain", "s3:ListBucket", "spool"),
        ("drain", "s3:GetObject", "spooled objects"),
        ("drain", "s3:DeleteObject", "spooled objects"),
    ],
)
def test_an_action_is_allowed_where_it_belongs(template: Template, function: str, action: str, where: str) -> None:
    queue, dead_letters = queues(template)
    outbound, outbound_dead_letters = queues(template, "sender")
    (spool,) = of_type(template, "AWS::S3::Bucket")
    (bus,) = of_type(template, "AWS::Events::EventBus")
    (secret,) = of_type(template, "AWS::SecretsManager::Secret")
    tables = {
        name: referred(template["Outputs"][f"{name}Table"]["Value"])
        for name in ("Events", "ServiceRequests", "Commands")
    }
    kinds = {
        "*": "anything",
        f"<{queue}.Arn>": "queue",
        f"<{dead_letters}.Arn>": "dead letters",
        f"<{outbound}.Arn>": "outbound queue",
        f"<{outbound_dead_letters}.Arn>": "outbound dead letters",
        f"<{unpublished(template)}.Arn>": "unpublished",
        f"<{spool}.Arn>": "spool",
        f"<{spool}.Arn>/*": "spooled objects",
        f"<{tables['Events']}.Arn>": "events",
        f"<{tables['ServiceRequests']}.Arn>": "service requests",
        f"<{tables['ServiceRequests']}.StreamArn>": "stream",
        f"<{tables['Commands']}.Arn>": "commands",
        f"<{bus}.Arn>": "bus",
        f"<{secret}.Id>": "secret",
    }
    found = [
        kinds[rendered(resource)]
        for statement in statements(template, functions(template)[function])
        if action in listed(statement["Action"])
        for resource in resources_of(statement)
    ]
    assert sorted(found) == sorted(where.split(", "))


def test_the_reader_queries_the_index_and_the_journal_alone(template: Template) -> None:
    tables = of_type(template, "AWS::DynamoDB::Table")
    (events,) = (name for name, table in tables.items() if len(table["Properties"]["KeySchema"]) == 2)
    ((table, index),) = (
        (name, index["IndexName"])
        for name, properties in ((name, table["Properties"]) for name, table in tables.items())
        for index in properties.get("GlobalSecondaryIndexes", [])
    )
    found = [
        rendered(resource)
        for statement in statements(template, functions(template)["reader"])
        if "dynamodb:Query" in listed(statement["Action"])
        for resource in resources_of(statement)
    ]
    assert sorted(found) == sorted([f"<{table}.Arn>/index/{index}", f"<{events}.Arn>"])


def test_no_role_has_a_wildcard_but_for_traces_the_list_of_streams_and_spooled_objects(template: Template) -> None:
    (spool,) = of_type(template, "AWS::S3::Bucket")
    for function in functions(template).values():
        for statement in statements(template, function):
            assert not [action for action in listed(statement["Action"]) if "*" in action]
            wild = {text for text in map(rendered, resources_of(statement)) if "*" in text}
            has_no_narrower_resource = all(
                action.startswith("xray:") or action == "dynamodb:ListStreams" for action in listed(statement["Action"])
            )
            assert wild <= ({"*"} if has_no_narrower_resource else {f"<{spool}.Arn>/*"})


def test_every_statement_allows(template: Template) -> None:
    # A denial, or all but what is named, would make the lists above say something else than the role.
    for function in functions(template).values():
        for statement in statements(template, function):
            assert statement["Effect"] == "Allow"
            assert not {"NotAction", "NotResource", "NotPrincipal"} & set(statement)


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


def test_the_key_is_used_by_way_of_one_service_at_a_time(template: Template) -> None:
    for function in functions(template).values():
        for statement in statements(template, function):
            if any(action.startswith("kms:") for action in listed(statement["Action"])):
                through = rendered(statement["Condition"]["StringEquals"]["kms:ViaService"])
                assert through in {
                    f"{service}.us-east-1.amazonaws.com" for service in ("sqs", "dynamodb", "secretsmanager")
                }


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
        for name, value in function["Properties"]["Environment"]["Variables"].items():
            if name == "CREDENTIALS_SECRET":
                assert template["Resources"][referred(value)]["Type"] == "AWS::SecretsManager::Secret"
            elif name != "VECTORCARE_TOKEN_URL":
                assert not re.search("SECRET|PASSWORD|TOKEN|PRIVATE", name)
