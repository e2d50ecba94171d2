"""What CloudFormation leaves behind if it rolls back the very first deployment of a stack, tried on the emulator."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.stacks.templates import Template, of_type, only, referred, rest_api_id
from tests.support import emulators
from tests.support.emulators import Emulator
from tests.support.wait import wait_until

STACK = "VectorCareBridge-minimal"
# What holds something, or may be refused: the emulator takes no larger template without a bucket.
KEPT = {
    *("AWS::KMS::Key", "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Logs::LogGroup"),
    *("AWS::ApiGateway::RestApi", "AWS::ApiGateway::Account"),
}
REFUSED: Mapping[str, Any] = {
    "Type": "AWS::CloudFormation::CustomResource",
    "Properties": {"ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:nothing"},
}


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    with emulators.ministack(tmp_path) as running:
        yield running


def test_what_aws_refuses_at_first_leaves_nothing_but_the_role_that_other_stacks_use(
    templates: Mapping[str, Template], emulator: Emulator
) -> None:
    # Given a stack whose API is refused, for its TLS policy for instance, after key, spool and logs were made
    resources = cut_down(templates["minimal"])
    others = [name for name, each in resources.items() if each["Type"] in {"AWS::KMS::Key", "AWS::S3::Bucket"}]
    resources["Refused"] = {**REFUSED, "DependsOn": others}
    api = rest_api_id(templates["minimal"], "webhook")
    resources[api] = {**resources[api], "DependsOn": ["Refused"]}
    # When it is deployed for the first time
    create(emulator, resources)
    # Then only the role has stayed, and the key for the days in which it could be brought back
    assert left(emulator) == {"keys": ["PendingDeletion"], "roles": 1}


def test_what_fails_after_the_tables_leaves_these_because_they_are_protected(
    templates: Mapping[str, Template], emulator: Emulator
) -> None:
    # Given a stack in which the last resource fails
    resources = cut_down(templates["minimal"])
    tables = [name for name, each in resources.items() if each["Type"] == "AWS::DynamoDB::Table"]
    resources["Refused"] = {**REFUSED, "DependsOn": tables}
    # When it is deployed for the first time
    create(emulator, resources)
    # Then the tables have stayed too: bridge leftovers finds them
    assert left(emulator) == {"keys": ["PendingDeletion"], "roles": 1, "tables": len(tables)}


def cut_down(template: Template) -> dict[str, Any]:
    """Give the resources of the kinds above, and the account's role for logs."""
    role = referred(only(template, "AWS::ApiGateway::Account")["Properties"]["CloudWatchRoleArn"])
    names = {role, *(name for kind in KEPT for name in of_type(template, kind))}
    resources = {}
    for name in names:
        resource = template["Resources"][name]
        properties = {key: value for key, value in resource["Properties"].items() if key != "DataProtectionPolicy"}
        after = [each for each in resource.get("DependsOn", []) if each in names]
        resources[name] = {**resource, "Properties": properties, "DependsOn": after}
    return resources


def create(emulator: Emulator, resources: Mapping[str, Any]) -> None:
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_IAM"]
    )

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])

    wait_until(status, lambda seen: seen == "ROLLBACK_COMPLETE", what="the deployment is rolled back")


def left(emulator: Emulator) -> dict[str, Any]:
    """Count what is there; what there is none of is left out."""
    kms = emulator.client("kms")
    found = {
        "keys": [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] for key in kms.list_keys()["Keys"]],
        "roles": len(emulator.client("iam").list_roles()["Roles"]),
        "tables": len(emulator.client("dynamodb").list_tables()["TableNames"]),
        "buckets": len(emulator.client("s3").list_buckets()["Buckets"]),
        "log groups": len(emulator.client("logs").describe_log_groups()["logGroups"]),
    }
    return {name: value for name, value in found.items() if value}
