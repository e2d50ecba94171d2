"""`bridge check` measures what the template will hold, and the longest of all files fits within AWS's limits."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stacks.config import aws_limits, environment, resource_policy
from stacks.config.errors import ConfigurationError
from stacks.config.organization import Organization, load_organization
from stacks.config.public_key import MAXIMUM_BITS, PublicKeyError, read_public_key
from tests.stacks import organization_files
from tests.stacks.templates import Template, of_type
from tests.support.cloud import NOW
from vectorcare_bridge.webhooks.message import Webhook
from vectorcare_bridge.webhooks.spool import Spool

REGION, ACCOUNT, PARTITION = "ap-southeast-1", "123456789012", "aws-us-gov"
PSEUDO = {"Region": REGION, "AccountId": ACCOUNT, "Partition": PARTITION, "URLSuffix": "amazonaws.com"}
LONGEST = {  # of a name that CloudFormation makes, by type
    "AWS::SQS::Queue": 80,
    "AWS::S3::Bucket": 63,
    "AWS::DynamoDB::Table": 255,
    "AWS::Lambda::Function": 64,
    "AWS::IAM::Role": 64,
}
NAMES = ("QueueName", "Name", "TableName", "LogGroupName", "AlarmName", "DashboardName")


class Deployed:
    """A template with every name and ARN that AWS makes, at its longest."""

    def __init__(self, template: Template, stack: str) -> None:
        self.template = template
        self._stack = stack

    def of_type(self, kind: str) -> list[Mapping[str, Any]]:
        """Give the properties of a type's resources, with text in the place of references."""
        return [self.resolve(each["Properties"]) for each in of_type(self.template, kind).values()]

    def resolve(self, value: Any) -> Any:
        match value:
            case {"Ref": str(name)}:
                return self._ref(name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._arn(name, attribute)
            case {"Fn::Join": [str(separator), list(parts)]}:
                return separator.join(self.resolve(part) for part in parts)
            case dict():
                return {name: self.resolve(child) for name, child in value.items()}
            case list():
                return [self.resolve(child) for child in value]
        return value

    def _ref(self, name: str) -> str:
        if name.startswith("AWS::"):
            return PSEUDO[name.removeprefix("AWS::")]
        url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/"
        is_queue = self.template["Resources"][name]["Type"] == "AWS::SQS::Queue"
        return f"{url if is_queue else ''}{self._name(name)}"

    def _arn(self, name: str, attribute: str) -> str:
        service = self.template["Resources"][name]["Type"].split("::")[1].lower()
        if service == "secretsmanager":
            return f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT}:secret:{name}-{'R' * 13}-RRRRRR"
        part = {"dynamodb": "table/", "logs": "log-group:", "lambda": "function:"}.get(service, "")
        tail = "/stream/2026-03-01T10:00:00.000" * (attribute == "StreamArn")
        return f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT}:{part}{self._name(name)}{tail}"

    def _name(self, name: str) -> str:
        resource = self.template["Resources"][name]
        given = [resource.get("Properties", {}).get(key) for key in NAMES]
        named = next((self.resolve(each) for each in given if each), None)
        return str(named or f"{self._stack}-{name}-{'R' * 13}"[: LONGEST.get(resource["Type"], 128)])


KEY = organization_files.MINIMAL
# Nearly as much as passes, each.
TALL = {key: KEY + text for key, text in organization_files.LONGEST.items()}
TALL["public_keys"] = organization_files.with_keys(*(organization_files.public_pem(bits=4096) for _ in range(5)))


def loaded(folder: Path, text: str) -> Organization:
    path = folder / "acme.toml"
    path.write_text(text)
    return load_organization(path)


@pytest.fixture(scope="module")
def longest(
    organizations: Mapping[str, Organization], templates: Mapping[str, Template]
) -> tuple[Organization, Deployed]:
    """Give the stack with the longest name, and nearly as much of everything as passes."""
    organization = organizations["everything"]
    return organization, Deployed(templates["everything"], organization.stack_name)


def characters(document: Any) -> int:
    """Count as IAM does, without white space."""
    return len("".join(json.dumps(document, separators=(",", ":")).split()))


def test_an_environment_is_measured_as_the_template_has_it(longest: tuple[Organization, Deployed]) -> None:
    # Given
    organization, deployed = longest
    measured = set()
    # When
    for properties in deployed.of_type("AWS::Lambda::Function"):
        service = properties["Handler"].split(".")[0]
        variables = properties["Environment"]["Variables"]
        of_file = environment.of_file(organization, service)
        # Then what the file says is all there, and what a deployment makes is at most as long as it is taken to be
        assert of_file.items() <= variables.items()
        assert environment.size(variables) <= aws_limits.ENVIRONMENT_BYTES
        if of_file:
            estimate = environment.longest(organization, service)
            assert variables.keys() == estimate.keys()
            assert 0 <= environment.size(estimate) - environment.size(variables) < 100
            measured.add(service)
    assert measured == {"ingest", "processor", "publisher", "reconcile", "sender"}


def test_the_resource_policy_is_measured_as_the_template_has_it(longest: tuple[Organization, Deployed]) -> None:
    # Given
    organization, deployed = longest
    networks = organization.allowed_source_ips
    # When
    (policy,) = (each["Policy"] for each in deployed.of_type("AWS::ApiGateway::RestApi") if "Policy" in each)
    # Then
    assert policy == resource_policy.resource_policy(networks)
    # And API Gateway writes the whole ARN in the place of "execute-api:"
    added = len(f"arn:{PARTITION}:execute-api:{REGION}:{ACCOUNT}:abcdefghij") - len("execute-api:")
    assert resource_policy.size(networks) == characters(policy) + added * len(policy["Statement"])


def test_a_stack_has_at_most_the_resources_that_it_is_taken_to_have(longest: tuple[Organization, Deployed]) -> None:
    organization, deployed = longest
    own = len(deployed.template["Resources"]) - len(organization.alarm_emails)
    assert own <= aws_limits.STACK_RESOURCES
    assert len(deployed.template["Resources"]) <= aws_limits.TEMPLATE_RESOURCES


def test_the_longest_name_makes_nothing_that_is_too_long_for_aws(longest: tuple[Organization, Deployed]) -> None:
    _, deployed = longest
    # IAM and AWS STS quotas; the roles' inline policies together
    limits = {
        "AWS::IAM::ManagedPolicy": lambda each: (characters(each["PolicyDocument"]), 6144),
        "AWS::IAM::Role": lambda each: (
            sum(characters(policy["PolicyDocument"]) for policy in each.get("Policies", [])),
            10_240,
        ),
        "AWS::KMS::Key": lambda each: (characters(each["KeyPolicy"]), 32_768),
        "AWS::SQS::Queue": lambda each: (len(each.get("QueueName", "")), 80),
        "AWS::CloudWatch::Alarm": lambda each: (max(len(each["AlarmName"]), len(each["AlarmDescription"]) / 4), 255),
        "AWS::CloudWatch::Dashboard": lambda each: (len(each["DashboardName"]), 255),
    }
    for kind, measure in limits.items():
        for figure, limit in map(measure, deployed.of_type(kind)):
            assert figure <= limit, kind
    assert all(len(each["Description"]) <= 1000 for each in deployed.of_type("AWS::IAM::ManagedPolicy"))
    # PutDashboard's documentation does not say how much it takes; the whole template is 1 MB at most
    assert len(json.dumps(deployed.template)) <= 1_000_000
    assert len(deployed.template["Outputs"]) <= 200


@pytest.mark.parametrize(
    ("key", "more", "figure", "limit"),
    [
        ("public_keys", '"""' + organization_files.public_pem(bits=4096) + '""", ', "environment of 4,", "4,096"),
        ("publish_actions", ", ".join(f'"{"A" * 50}{n:03d}"' for n in range(10)) + ", ", "environment of 4,", "4,096"),
        ("vectorcare_api_url", "a" * 1000, "environment of 4,", "4,096"),
        ("allowed_source_ips", ", ".join(f'"203.0.113.{n}"' for n in range(30)) + ", ", "policy of 8,", "8,192"),
        ("alarm_emails", '"one@example.com", ', "501 resources", "500"),
    ],
)
def test_what_would_outgrow_a_limit_is_refused_with_the_figure_and_the_limit(
    tmp_path: Path, key: str, more: str, figure: str, limit: str
) -> None:
    # Given what just passes
    loaded(tmp_path, TALL[key])
    # When there is a little more
    if key == "vectorcare_api_url":
        text = TALL[key].replace("/aaa", f"/{more}aaa")
    else:
        text = TALL[key].replace(f"{key} = [", f"{key} = [{more}")
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, text)
    # Then
    line = str(refused.value)
    assert f": {key}: " in line
    assert figure in line
    assert limit in line
    assert "\n" not in line


def test_everything_that_would_outgrow_a_limit_is_named_in_one_run(tmp_path: Path) -> None:
    # Given
    text = organization_files.with_keys(*(organization_files.public_pem(bits=4096) for _ in range(6)))
    text += "allowed_source_ips = [" + ", ".join(f'"198.51.{n // 256}.{n % 256}"' for n in range(600)) + "]\n"
    text += "publish_actions = [" + ", ".join(f'"ACTION_{n:0100d}"' for n in range(50)) + "]\n"
    text += "alarm_emails = [" + ", ".join(f'"a{n}@example.com"' for n in range(600)) + "]\n"
    text += f'vectorcare_token_url = "https://auth.example.com/{"a" * 5000}"\n'
    # When
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, text)
    # Then
    named = [line.split(": ")[1] for line in str(refused.value).splitlines()]
    assert sorted(named) == [
        "alarm_emails",
        "allowed_source_ips",
        "public_keys",
        "publish_actions",
        "vectorcare_token_url",
    ]


def test_a_key_whose_signatures_the_spool_cannot_hold_is_refused() -> None:
    # Given a spooled webhook that is signed with the longest key
    s3 = mock.Mock()
    signature = base64.b64encode(bytes(MAXIMUM_BITS // 8)).decode()
    Spool(s3, "spool").store(Webhook(body=b"{}", signature=signature, received_at=NOW))
    # Then S3 takes its metadata ("Working with object metadata", S3 user guide: 2 KB, names and values together)
    metadata: dict[str, str] = s3.put_object.call_args.kwargs["Metadata"]
    assert sum(len(text) for pair in metadata.items() for text in pair) <= 2000
    # And a longer key is refused
    longer = RSAPublicNumbers(65537, 2**MAXIMUM_BITS + 1).public_key()
    with pytest.raises(PublicKeyError, match="more than 8192"):
        read_public_key(longer.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
