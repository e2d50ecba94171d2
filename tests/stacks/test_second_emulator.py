"""moto creates, updates, and deletes the template as far as it knows its types; it shares no code with ministack.

What it does not know is left out, and what refers to it gets its logical id as text, or an ARN with it.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.stacks.templates import Template, of_type
from tests.support.cloud import CREDENTIALS

RELEASED: Mapping[str, Any] = json.loads(Path(__file__).with_name("released_1_0_0.json").read_text(encoding="utf-8"))
"""What holds data, or is part of a URL that others have, in the first release: by logical id, without texts."""

STACK = "VectorCareBridge-minimal"
ASSETS = "cdk-hnb659fds-assets-123456789012-us-east-1"
UNKNOWN = {
    "AWS::ApiGateway::Account",
    "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::Lambda::Alias",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
    "AWS::SecretsManager::Secret",
    "Custom::StartCheck",
}
# "Update requires: Replacement", AWS CloudFormation template reference, on each of these types.
REPLACED_BY = {
    "AWS::ApiGateway::RestApi": set[str](),
    "AWS::DynamoDB::Table": {"AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes", "TableName"},
    "AWS::Events::EventBus": {"Name"},
    "AWS::KMS::Key": {"KeySpec", "KeyUsage", "MultiRegion"},
    "AWS::Logs::LogGroup": {"LogGroupName"},
    "AWS::S3::Bucket": {"BucketName"},
    "AWS::SNS::Topic": {"FifoTopic", "TopicName"},
    "AWS::SQS::Queue": {"FifoQueue", "QueueName"},
    "AWS::SecretsManager::Secret": {"Name"},
}


def references(value: Any) -> Iterator[str]:
    """Name what a part of a template refers to."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]} if len(value) == 1:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from re.findall(r"\$\{([^!.}]+)", text)
        case Mapping():
            for each in value.values():
                yield from references(each)
        case list():
            for each in value:
                yield from references(each)


def dependencies(resource: Mapping[str, Any]) -> set[str]:
    named = resource.get("DependsOn", [])
    return {*references(resource.get("Properties", {})), *([named] if isinstance(named, str) else named)}


def test_every_reference_leads_to_a_resource_and_none_in_a_circle(template: Template) -> None:
    # Given what each resource refers to, without AWS's own values and the parameters
    resources = template["Resources"]
    given = set(template.get("Parameters", {}))
    graph = {
        name: {each for each in dependencies(one) if not each.startswith("AWS::")} - given
        for name, one in resources.items()
    }
    # Then all of it is in the template, and there is an order in which it can be created
    assert set().union(*graph.values()) <= set(resources)
    assert len(list(TopologicalSorter(graph).static_order())) == len(resources)
    assert {name for name in references(template["Outputs"]) if not name.startswith("AWS::")} <= set(resources)


def test_what_holds_data_or_is_in_a_url_is_never_replaced(templates: Mapping[str, Template]) -> None:
    # Given all that the first release has
    resources = templates["minimal"]["Resources"]
    for logical_id, released in RELEASED.items():
        # Then it has kept its logical id and type, and each property that cannot be changed in place
        kept = resources[logical_id]
        assert kept["Type"] == released["Type"], logical_id
        for name in REPLACED_BY[released["Type"]]:
            assert kept.get("Properties", {}).get(name) == released.get("Properties", {}).get(name), (logical_id, name)
        # And what was to stay when the stack goes stays
        if released.get("DeletionPolicy") == "Retain":
            assert kept["DeletionPolicy"] in {"Retain", "RetainExceptOnCreate"}, logical_id
            assert kept["UpdateReplacePolicy"] == "Retain", logical_id


class Moto:
    """A stack in moto, cut down to what moto knows."""

    def __init__(self, template: Template) -> None:
        from moto.cloudformation import parsing  # noqa: PLC0415 it takes seconds, and no other test needs it

        self._known = parsing.get_model_map()
        self.client = boto3.client("cloudformation")
        self.template = self.cut_down(template)
        boto3.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=ASSETS)
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as file:
            file.writestr("handler.py", "")
        for function in of_type(template, "AWS::Lambda::Function").values():
            s3.put_object(Bucket=ASSETS, Key=function["Properties"]["Code"]["S3Key"], Body=code.getvalue())

    def cut_down(self, template: Template) -> Template:
        """Leave out what moto does not know; instead of an alias comes its function."""
        resources = template["Resources"]
        kept = {name: one for name, one in resources.items() if one["Type"] in self._known}
        assert {one["Type"] for one in resources.values()} - {one["Type"] for one in kept.values()} <= UNKNOWN

        def in_place_of(name: str) -> Any:
            properties = resources[name].get("Properties", {})
            match resources[name]["Type"]:
                case "AWS::Lambda::Alias":
                    return {"Fn::GetAtt": [properties["FunctionName"]["Ref"], "Arn"]}
                case "AWS::Events::EventBus":
                    return properties["Name"]  # moto gives an object of its own
            return {"Ref": name} if name in kept else name

        def cut(value: Any) -> Any:
            match value:
                case {"Ref": str(name)} if name in resources:
                    return in_place_of(name)
                case {"Fn::GetAtt": [str(name), *_]}:
                    return value if name in kept else f"arn:aws:none:us-east-1:123456789012:{name}"
                case {"Fn::Join": ["", [{"Fn::Select": [6, {"Fn::Split": [":", arn]}]}, ":live"]]}:
                    return cut(arn)
                case Mapping():
                    return {name: cut(each) for name, each in value.items()}
                case list():
                    return [cut(each) for each in value]
            return value

        def cut_resource(resource: Mapping[str, Any]) -> Mapping[str, Any]:
            after = [name for name in dependencies(resource) if name in kept]
            # moto knows one of the two words for "keep it when the stack goes".
            policy = resource.get("DeletionPolicy", "Delete").replace("RetainExceptOnCreate", "Retain")
            return {**cut(resource), "DependsOn": after, "DeletionPolicy": policy}

        outputs = {
            name: output
            for name, output in template.get("Outputs", {}).items()
            if all(each in kept or each not in resources for each in references(cut(output)))
        }
        # When it updates a stack, moto goes by the order of the text.
        order = TopologicalSorter({name: dependencies(one) & set(kept) for name, one in kept.items()}).static_order()
        return {
            **{name: part for name, part in template.items() if name == "Parameters"},
            "Resources": {name: cut_resource(kept[name]) for name in order},
            "Outputs": cut(outputs),
        }

    def can_change(self, resource_type: str) -> bool:
        return not hasattr(self._known[resource_type].update_from_cloudformation_json, "__isabstractmethod__")

    def create(self, template: Template) -> None:
        self.client.create_stack(StackName=STACK, TemplateBody=json.dumps(template))
        assert self.stack()["StackStatus"] == "CREATE_COMPLETE"

    def stack(self) -> Any:
        return self.client.describe_stacks(StackName=STACK)["Stacks"][0]

    def physical_ids(self) -> dict[str, str]:
        resources = self.client.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
        return {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in resources}


def existing() -> dict[str, Sequence[str]]:
    """Name what there is in moto, of the types that it deletes with a stack."""
    return {
        "AWS::DynamoDB::Table": boto3.client("dynamodb").list_tables()["TableNames"],
        "AWS::KMS::Key": [key["KeyId"] for key in boto3.client("kms").list_keys()["Keys"]],
        "AWS::S3::Bucket": [
            one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"] if one["Name"] != ASSETS
        ],
        "AWS::Logs::LogGroup": [one["logGroupName"] for one in boto3.client("logs").describe_log_groups()["logGroups"]],
        "AWS::SQS::Queue": boto3.client("sqs").list_queues().get("QueueUrls", []),
        "AWS::Lambda::Function": [one["FunctionName"] for one in boto3.client("lambda").list_functions()["Functions"]],
    }


@pytest.fixture
def moto(templates: Mapping[str, Template], monkeypatch: pytest.MonkeyPatch) -> Iterator[Moto]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield Moto(templates["minimal"])


def test_a_second_emulator_creates_it_and_keeps_what_is_to_be_kept(moto: Moto) -> None:
    # When the stack is created
    moto.create(moto.template)
    # Then each resource exists, by the id that refers to it
    ids, resources, made = moto.physical_ids(), moto.template["Resources"], existing()
    assert set(ids) == set(resources)
    for kind, names in made.items():
        assert sorted(names) == sorted(ids[name] for name in of_type(moto.template, kind))
    # And each output names something of it
    outputs = {one["OutputKey"]: one["OutputValue"] for one in moto.stack()["Outputs"]}
    assert set(outputs) == set(moto.template["Outputs"])
    assert not [name for name, value in outputs.items() if not value or any(each in value for each in "{}<>")]
    assert outputs["EventsTable"] in made["AWS::DynamoDB::Table"]
    assert outputs["QueueUrl"] in made["AWS::SQS::Queue"]
    # When it is deleted
    moto.client.delete_stack(StackName=STACK)
    # Then what is to stay has stayed, and nothing else
    for kind, names in existing().items():
        kept = [ids[name] for name, one in of_type(moto.template, kind).items() if one["DeletionPolicy"] == "Retain"]
        assert sorted(names) == sorted(kept), kind


def test_an_update_of_the_first_release_leaves_what_it_has_in_place(moto: Moto) -> None:
    # Given what the first release has
    released = moto.cut_down({"Resources": RELEASED})
    moto.create(released)
    before, there = moto.physical_ids(), existing()
    # When it is updated, apart from what moto cannot change
    unchanged = {name: one for name, one in released["Resources"].items() if not moto.can_change(one["Type"])}
    updated = {**moto.template, "Resources": {**moto.template["Resources"], **unchanged}}
    moto.client.update_stack(StackName=STACK, TemplateBody=json.dumps(updated))
    # Then all of it is the same, and nothing of it has a second one
    after = moto.physical_ids()
    assert {name: after[name] for name in before} == before
    for kind in ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::SQS::Queue"):
        assert existing()[kind] == there[kind]
    assert moto.stack()["StackStatus"] == "UPDATE_COMPLETE"
