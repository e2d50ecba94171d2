"""The second region's stack: the first one's twin, apart from what an account or VectorCare has only once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stacks.config.organization import Organization
from tests.stacks.templates import (
    Template,
    alarms,
    event_source,
    functions,
    listed,
    named,
    of_type,
    referred,
    rendered,
    resources_of,
    statements,
)


@pytest.fixture(scope="module")
def pair(synthesized: Path, organizations: Mapping[str, Organization]) -> tuple[Template, Template]:
    """Give the templates of an organization's two stacks."""
    first, second = (
        json.loads((synthesized / "cdk.out" / f"{each.stack_id}.template.json").read_text(encoding="utf-8"))
        for each in organizations["everything"].stacks
    )
    return first, second


def without_regions(template: Template, *types: str) -> dict[str, Any]:
    """Give the resources of other types, without their order, as if both regions had one name."""
    resources = {name: each for name, each in template["Resources"].items() if each["Type"] not in types}
    text = json.dumps({name: {**each, "DependsOn": None} for name, each in resources.items()})
    found: dict[str, Any] = json.loads(text.replace("us-west-2", "there").replace("us-east-1", "there"))
    return found


def test_both_regions_have_the_same_stack_apart_from_domain_dashboards_and_who_sends_commands(
    pair: tuple[Template, Template],
) -> None:
    # Given what CDK names after the stack's id or the content of a function
    generated = (
        *("AWS::Lambda::Permission", "AWS::Lambda::Version", "AWS::ApiGateway::Deployment", "Custom::StartCheck"),
    )
    # When
    first, second = (without_regions(template, *generated) for template in pair)
    # Then
    only_first = {first[name]["Type"] for name in first.keys() - second.keys()}
    assert only_first == {"AWS::ApiGateway::DomainName", "AWS::ApiGateway::BasePathMapping"}
    assert second.keys() <= first.keys()
    differing = {second[name]["Type"] for name in second if second[name] != first[name]}
    assert differing == {
        "AWS::ApiGateway::RestApi",  # the first has its own URL switched off
        "AWS::ApiGateway::Stage",  # its deployment's id
        "AWS::CloudWatch::Dashboard",
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",  # the release in its description
    }


def test_no_two_stacks_have_a_dashboard_of_the_same_name(pair: tuple[Template, Template]) -> None:
    names = [
        each["Properties"]["DashboardName"]
        for template in pair
        for each in of_type(template, "AWS::CloudWatch::Dashboard").values()
    ]
    assert len(set(names)) == len(names) == 4


def test_commands_are_sent_by_one_of_the_two_and_webhooks_processed_by_both(pair: tuple[Template, Template]) -> None:
    first, second = pair
    assert (event_source(first, "sender")["Enabled"], event_source(second, "sender")["Enabled"]) == (True, False)
    assert "Enabled" not in event_source(second, "processor")


def test_each_region_knows_the_other(pair: tuple[Template, Template]) -> None:
    for template, other in zip(pair, ("us-west-2", "us-east-1"), strict=True):
        assert template["Outputs"]["TwinRegion"]["Value"] == other
        environment = functions(template)["reconcile"]["Properties"]["Environment"]["Variables"]
        assert environment["OTHER_REGION"] == other


def test_without_the_file_asking_nothing_compares(templates: Mapping[str, Template]) -> None:
    minimal = templates["minimal"]
    assert "reconcile" not in functions(minimal)
    assert not {"JournalDifference", "ReconcileFails"} & alarms(minimal).keys()
    assert "AWS::KMS::Alias" not in {each["Type"] for each in minimal["Resources"].values()}
    assert not {"TwinRegion", "ReconcilePolicyArn"} & minimal["Outputs"].keys()


def test_the_comparison_runs_as_often_as_the_file_says_and_an_alarm_looks_at_two_runs(
    pair: tuple[Template, Template],
) -> None:
    first, _ = pair
    (rule,) = (
        each["Properties"]
        for each in of_type(first, "AWS::Events::Rule").values()
        if each["Properties"].get("ScheduleExpression") != "rate(1 minute)"
    )
    assert rule["ScheduleExpression"] == "rate(1 hour)"
    found = alarms(first)
    assert {
        (found[name]["Period"], found[name]["EvaluationPeriods"]) for name in ("JournalDifference", "ReconcileFails")
    } == {(3600, 2)}


def test_it_may_only_read_the_other_region_and_only_the_same_stack_there(pair: tuple[Template, Template]) -> None:
    # Given
    first, second = pair
    there = "arn:aws:{}:us-west-2:123456789012:{}"
    outputs = {
        name: referred(each["Value"]) for name, each in second["Outputs"].items() if name.endswith(("Table", "Bus"))
    }
    stack = second["Resources"][outputs["EventBus"]]["Properties"]["Name"]
    # When
    found = {
        rendered(statement["Resource"]): statement
        for statement in statements(first, functions(first)["reconcile"])
        for resource in resources_of(statement)
        if "us-west-2" in rendered(resource)
    }
    key = found.pop(there.format("kms", "key/*"))
    # Then CloudFormation begins a table's name with the stack's name and the logical id
    assert {arn: listed(each["Action"]) for arn, each in found.items()} == {
        there.format("cloudformation", f"stack/{stack}/*"): ["cloudformation:DescribeStacks"],
        there.format("dynamodb", f"table/{stack}-{outputs['EventsTable']}-*"): [
            *("dynamodb:BatchGetItem", "dynamodb:Query"),
        ],
        there.format("dynamodb", f"table/{stack}-{outputs['ServiceRequestsTable']}-*/index/by_status"): [
            "dynamodb:Query"
        ],
    }
    # And it uses only a key that has the same stack's name, through DynamoDB
    (alias,) = of_type(second, "AWS::KMS::Alias").values()
    assert rendered(key["Condition"]["StringEquals"].pop("kms:ViaService")) == "dynamodb.us-west-2.amazonaws.com"
    assert key["Condition"] == {
        "StringEquals": {},
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": alias["Properties"]["AliasName"]},
    }


def test_people_may_carry_over_with_a_policy_of_their_own(pair: tuple[Template, Template]) -> None:
    for template in pair:
        names = named(template)
        policy = template["Resources"][referred(template["Outputs"]["ReconcilePolicyArn"]["Value"])]["Properties"]
        allowed = {
            rendered(resource): set(listed(statement["Action"]))
            for statement in policy["PolicyDocument"]["Statement"]
            for resource in resources_of(statement)
            if not listed(statement["Action"])[0].startswith("kms:")
        }
        assert allowed == {
            f"<{names['queue']}.Arn>": {"sqs:SendMessage"},
            f"<{names['events']}.Arn>": {"dynamodb:BatchGetItem"},
        }
        assert not {"Users", "Groups", "Roles"} & policy.keys()
