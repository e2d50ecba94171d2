"""`bridge destroy` and `bridge leftovers`, against an emulated account with a small stack of the real stack's kinds."""

import functools
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import botocore.session
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from cli.__main__ import bridge
from local import patience
from local.clients import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from local.emulator import Emulator
from tests.support import signing

TABLE: dict[str, Any] = {
    "Type": "AWS::DynamoDB::Table",
    "DeletionPolicy": "Retain",
    "Properties": {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
    },
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "apigateway.amazonaws.com"}}
    ],
}
EARLIER_TABLE = "StorageEvents1A2B3C4D-EARLIER00000"  # as CloudFormation names what an earlier stack had
QUEUES = ("QueueUrl", "DeadLetterQueueUrl", "OutboundQueueUrl", "OutboundDeadLetterQueueUrl", "UnpublishedQueueUrl")


def template(name: str) -> dict[str, Any]:
    """Write a stack with one resource of each kind that stays, and those that stand in the way."""
    log_group = {"KmsKeyId": {"Fn::GetAtt": ["EncryptionKey1A2B3C4D", "Arn"]}}
    allow = {"Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}], "Version": "2012-10-17"}
    resources = {
        "EncryptionKey1A2B3C4D": {
            "Type": "AWS::KMS::Key",
            "DeletionPolicy": "RetainExceptOnCreate",
            "Properties": {"Description": f"{name}: tables, queues, secret, logs and alarms"},
        },
        "StorageEvents1A2B3C4D": TABLE,
        "StorageCommands1A2B3C4D": TABLE,
        "InboundSpoolBucket1A2B3C4D": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {}},
        "InboundIngestLogs1A2B3C4D": {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "RetainExceptOnCreate",
            "Properties": log_group,
        },
        "ApiExecutionLog1A2B3C4D": {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "RetainExceptOnCreate",
            "Properties": log_group | {"LogGroupName": f"API-Gateway-Execution-Logs_{name}/prod"},
        },
        "ApiRestApiCloudWatchRole1A2B": {
            "Type": "AWS::IAM::Role",
            "DeletionPolicy": "Retain",
            "Properties": {"AssumeRolePolicyDocument": TRUST},
        },
        "ApiRestApiAccount1A2B3C4D": {
            "Type": "AWS::ApiGateway::Account",
            "DeletionPolicy": "Retain",
            "Properties": {"CloudWatchRoleArn": {"Fn::GetAtt": ["ApiRestApiCloudWatchRole1A2B", "Arn"]}},
        },
        "ChangeEventsBus1A2B3C4D": {"Type": "AWS::Events::EventBus", "Properties": {"Name": name}},
        "OperatorPolicy1A2B3C4D": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": allow}},
        **{queue.removesuffix("Url"): {"Type": "AWS::SQS::Queue", "Properties": {}} for queue in QUEUES},
    }
    if name.endswith("-busy"):  # an API in the account keeps API Gateway's role
        resources["ApiRestApi1A2B3C4D"] = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": name}}
    if name.endswith("-versions"):
        resources["InboundIngestFunction1A2B3C4D"] = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.11",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["ApiRestApiCloudWatchRole1A2B", "Arn"]},
                "Code": {"ZipFile": "handler = print"},
            },
        }
    outputs = {queue: queue.removesuffix("Url") for queue in QUEUES} | {"SpoolBucket": "InboundSpoolBucket1A2B3C4D"}
    return {
        "Resources": resources,
        "Outputs": {output: {"Value": {"Ref": logical_id}} for output, logical_id in outputs.items()},
    }


class Account:
    """An emulated account, as far as these tests use it."""

    def __init__(self, emulator: Emulator, organizations: Path) -> None:
        self.aws = emulator.aws
        self.endpoint_url = emulator.endpoint_url
        self.organizations = organizations

    def create(self, organization: str) -> dict[str, str]:
        """Create a stack; return its outputs."""
        name = f"VectorCareBridge-{organization}"
        self.aws.cloudformation.create_stack(
            StackName=name, TemplateBody=json.dumps(template(name)), Capabilities=["CAPABILITY_IAM"]
        )
        described = patience.wait_until(
            lambda: self.aws.cloudformation.describe_stacks(StackName=name)["Stacks"][0],
            lambda stack: not stack["StackStatus"].endswith("_IN_PROGRESS"),
            what="the stack is there",
        )
        assert described["StackStatus"] == "CREATE_COMPLETE"
        return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}

    def delete(self, organization: str) -> None:
        name = f"VectorCareBridge-{organization}"
        self.aws.cloudformation.delete_stack(StackName=name)
        patience.wait_until(lambda: not self.statuses(name) - {"DELETE_COMPLETE"}, what="the stack is gone")

    def statuses(self, name: str) -> set[str]:
        listed = self.aws.cloudformation.list_stacks()["StackSummaries"]
        return {stack["StackStatus"] for stack in listed if stack["StackName"] == name}

    def bridge(self, *arguments: str, typed: str | None = None) -> Result:
        """Run `bridge` here; `typed` is what a person types at a terminal."""
        settings = {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }
        runner = CliRunner(env=settings)
        arguments += ("--organizations", str(self.organizations))
        if typed is None:
            return runner.invoke(bridge, arguments)
        with mock.patch("click.testing._NamedTextIOWrapper.isatty", return_value=True, create=True):
            return runner.invoke(bridge, arguments, input=typed)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("organizations")
    # Each call of the command makes clients of its own; what botocore reads from disk is read once.
    loader = mock.patch("botocore.session.create_loader", functools.cache(botocore.session.create_loader))
    with loader, Emulator(directory=tmp_path_factory.mktemp("account") / "emulator", port=0) as emulator:
        yield Account(emulator, folder)


Make = Callable[[str], dict[str, str]]


@pytest.fixture
def make(account: Account) -> Iterator[Make]:
    """Give what creates the stack of an organization, which has a file; nothing of it is there after the test."""
    made = []

    def make(name: str) -> dict[str, str]:
        made.append(name)
        path = account.organizations / f"{name}.toml"
        path.write_text(f'public_keys = ["""{signing.public_pem()}"""]\n', encoding="utf-8")
        return account.create(name)

    yield make
    for name in made:
        account.delete(name)
        account.bridge("leftovers", name, "--remove", "--yes")


def create_table(account: Account, name: str) -> None:
    account.aws.dynamodb.create_table(TableName=name, **TABLE["Properties"])


def listed(result: Result) -> list[tuple[str, str]]:
    return [(one["organization"], one["kind"]) for one in json.loads(result.stdout)["leftovers"]]


@pytest.fixture
def cdk(account: Account) -> Iterator[mock.Mock]:
    """Put what CloudFormation does in the place of `./cdk destroy`, which another test runs."""

    def run(command: list[str], **_: Any) -> Any:
        account.delete(command[2].removeprefix("VectorCareBridge-"))
        return mock.Mock(returncode=0)

    with mock.patch.object(subprocess, "run", side_effect=run) as patched:
        yield patched


EACH_KIND = ["API Gateway's role", "log group", "log group", "spool bucket", "table", "table", "key"]


def test_what_a_removed_stack_has_left_is_listed_and_then_removed(account: Account, make: Make) -> None:
    # Given a stack, and another whose name begins with the first's
    make("west-2")
    make("west")  # the last one gives API Gateway its role
    nothing = account.bridge("leftovers", "--json")
    # When one is removed
    account.delete("west")
    found = account.bridge("leftovers", "--json")
    # Then all it has left is listed, and nothing of the stack that exists
    assert (nothing.exit_code, listed(nothing)) == (0, [])
    assert listed(found) == [("west", kind) for kind in EACH_KIND]
    # When it is to be removed, and somebody types it wrongly, then rightly
    mistyped = account.bridge("leftovers", "west", "--remove", typed="wets\n")
    unchanged = account.bridge("leftovers", "west", "--json")
    removed = account.bridge("leftovers", "west", "--remove", "--json", typed="west\n")
    # Then only the right name removes it, and the key waits for its deletion
    assert (mistyped.exit_code, listed(unchanged)) == (1, listed(found))
    assert (removed.exit_code, listed(removed)) == (0, [("west", "key")]), removed.output
    (key,) = json.loads(removed.stdout)["leftovers"]
    assert key["obstacle"].startswith("it will be deleted on ")
    assert key["dollars"] == 0
    tables = account.aws.dynamodb.list_tables()["TableNames"]
    assert sorted(name.split("-")[2] for name in tables) == ["2", "2"]


def test_webhooks_in_the_spool_are_removed_only_by_their_number(account: Account, make: Make) -> None:
    # Given a spool with a webhook, its earlier version, and a deleted one
    bucket = make("spooled")["SpoolBucket"]
    account.aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("one", "one", "two"):
        account.aws.s3.put_object(Bucket=bucket, Key=key, Body=b"webhook")
    account.aws.s3.delete_object(Bucket=bucket, Key="two")
    account.delete("spooled")
    # When a script removes what is left
    scripted = account.bridge("leftovers", "spooled", "--remove", "--yes", "--json")
    # Then the bucket stays, and the key that may be needed
    assert scripted.exit_code == 1
    assert [kind for _, kind in listed(scripted)] == ["spool bucket", "key"]
    assert "webhooks that no table has: 1" in json.loads(scripted.stdout)["failures"][bucket]
    # When a person does, and types how many they are
    typed = account.bridge("leftovers", "spooled", "--remove", "--yes", "--json", typed="1\n")
    # Then it goes
    assert (typed.exit_code, listed(typed)) == (0, [("spooled", "key")]), typed.output


def test_what_aws_does_not_show_is_said_and_keeps_the_key(account: Account, make: Make) -> None:
    # Given an account that shows its buckets once, and not after the confirmation
    make("hidden")
    account.delete("hidden")
    call, looks = vars(BaseClient)["_make_api_call"], []

    def refuse(client: Any, operation: str, parameters: Any) -> Any:
        looks.extend([operation] * (operation == "ListBuckets"))
        if operation == "ListBuckets" and len(looks) > 1:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)
        return call(client, operation, parameters)

    with mock.patch.object(BaseClient, "_make_api_call", refuse):
        # When
        removed = account.bridge("leftovers", "hidden", "--remove", "--yes", "--json")
    # Then all else goes, but not the key that the bucket's neighbours might need
    report = json.loads(removed.stdout)
    assert removed.exit_code == 1
    assert [one["kind"] for one in report["leftovers"]] == ["key"]
    assert report["leftovers"][0]["obstacle"] == ""
    assert "ListBuckets" in report["not_looked_at"]["buckets"]
    assert "may be encrypted with it" in report["failures"][report["leftovers"][0]["name"]]


def test_what_an_earlier_stack_of_the_same_name_has_left_is_told_from_the_new_one(account: Account, make: Make) -> None:
    # Given a stack, a table of an earlier one, and a table restored beside its own
    make("again")
    dynamodb = account.aws.dynamodb
    own = {name for name in dynamodb.list_tables()["TableNames"] if "-again-" in name}
    for name in (f"VectorCareBridge-again-{EARLIER_TABLE}", f"{min(own)}-restored-20260301T100000Z"):
        create_table(account, name)
    # When
    found = account.bridge("leftovers", "again", "--json")
    removed = account.bridge("leftovers", "again", "--remove", "--yes")
    # Then the stack keeps what it has
    assert listed(found) == [("again", "table"), ("again", "restored table")]
    assert removed.exit_code == 0, removed.output
    assert {name for name in dynamodb.list_tables()["TableNames"] if "-again-" in name} == own


def test_of_a_function_that_runs_only_old_versions_are_left_over(account: Account, make: Make) -> None:
    # Given a function with fourteen versions, of which the first runs
    make("versions")
    client = account.aws.functions
    (function,) = [each["FunctionName"] for each in client.list_functions()["Functions"]]
    for number in range(14):
        client.update_function_configuration(FunctionName=function, Description=str(number))
        client.publish_version(FunctionName=function)
    client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    # When
    found = account.bridge("leftovers", "versions", "--json")
    removed = account.bridge("leftovers", "versions", "--remove", "--yes")
    # Then the newest ten stay, and the one that runs
    assert listed(found) == [("versions", "old versions")]
    assert removed.exit_code == 0, removed.output
    left = [version["Version"] for version in client.list_versions_by_function(FunctionName=function)["Versions"]]
    assert sorted(left[1:], key=int) == ["1", *map(str, range(5, 15))]


def test_nothing_is_removed_while_something_stands_in_the_way(account: Account, make: Make, cdk: mock.Mock) -> None:
    # Given a protected stack with messages, a webhook in the spool, a subscriber's rule, an old domain, a policy in use
    outputs = make("busy")
    name = "VectorCareBridge-busy"
    cloudformation, events, iam = account.aws.cloudformation, account.aws.make("events"), account.aws.make("iam")
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    for queue in QUEUES:
        account.aws.sqs.send_message(QueueUrl=outputs[queue], MessageBody="{}")
    account.aws.s3.put_object(Bucket=outputs["SpoolBucket"], Key="one", Body=b"webhook")
    events.put_rule(Name="to-dispatch", EventBusName=name, EventPattern='{"source": ["x"]}')
    gateway = account.aws.make("apigateway")
    (api,) = gateway.get_rest_apis()["items"]
    gateway.create_domain_name(domainName="old.example.com")
    gateway.create_base_path_mapping(domainName="old.example.com", restApiId=api["id"], stage="prod")
    iam.create_role(RoleName="on-call", AssumeRolePolicyDocument=json.dumps(TRUST))
    (policy,) = iam.list_policies(Scope="Local")["Policies"]
    iam.attach_role_policy(RoleName="on-call", PolicyArn=policy["Arn"])
    # When
    refused = account.bridge("destroy", "busy", "--yes")
    # Then each is named, with what to do
    assert refused.exit_code == 1
    for text in (
        *("delete the webhook", "protected from termination", "--no-enable-termination-protection"),
        *("wait to be applied: 1", "dead letters, not applied: 1", "wait to be sent: 1", "not sent: 1"),
        *("not published: 1", "Webhooks that wait in the spool", "purge-queue", "rule", "to-dispatch"),
        "aws apigateway delete-domain-name --domain-name old.example.com",
        *("The role on-call has", "aws iam detach-role-policy --role-name on-call"),
    ):
        assert text in refused.output, text
    cdk.assert_not_called()
    # When all of it is out of the way
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    for queue in QUEUES:
        account.aws.sqs.purge_queue(QueueUrl=outputs[queue])
    account.aws.s3.delete_object(Bucket=outputs["SpoolBucket"], Key="one")
    events.delete_rule(Name="to-dispatch", EventBusName=name)
    gateway.delete_domain_name(domainName="old.example.com")
    iam.detach_role_policy(RoleName="on-call", PolicyArn=policy["Arn"])
    without = account.bridge("destroy", "busy")
    cdk.assert_not_called()
    removed = account.bridge("destroy", "busy", typed="busy\n")
    # Then it is asked, and the stack goes
    assert (without.exit_code, "Use --yes" in without.output) == (1, True), without.output
    assert removed.exit_code == 0, removed.output
    assert "Together about $1.00 a month (list prices" in removed.output
    (command,) = cdk.call_args.args
    assert command[1:] == [
        *("destroy", name, "--force", "--context", "organization=busy"),
        *("--context", f"organizations={account.organizations}"),
    ]
    assert account.statuses(name) == {"DELETE_COMPLETE"}


def test_a_stack_that_is_not_there_says_where_to_look(account: Account, make: Make, cdk: mock.Mock) -> None:
    make("gone")
    account.delete("gone")
    result = account.bridge("destroy", "gone", "--yes")
    assert (result.exit_code, "bridge leftovers gone" in result.output) == (1, True)
    cdk.assert_not_called()


def test_of_two_regions_the_named_one_is_looked_at(account: Account, make: Make, cdk: mock.Mock) -> None:
    # Given an organization whose second stack is not there
    make("pair")
    with (account.organizations / "pair.toml").open("a") as file:
        file.write(f'region = "{REGION}"\n[twin]\nregion = "us-west-2"\n')
    # When
    second = account.bridge("destroy", "pair", "--region", "us-west-2", "--yes")
    third = account.bridge("destroy", "pair", "--region", "eu-west-1", "--yes")
    # Then
    assert (second.exit_code, "region us-west-2" in second.output) == (1, True), second.output
    assert (third.exit_code, "stacks in us-east-1 and us-west-2, not in eu-west-1" in third.output) == (1, True)
    cdk.assert_not_called()
    # When all of it is to go
    both = account.bridge("destroy", "pair", "--yes")
    # Then the first goes
    assert both.exit_code == 0, both.output
    assert [call.args[0][2] for call in cdk.call_args_list] == ["VectorCareBridge-pair"]


def test_a_stack_that_is_only_in_review_keeps_nothing_that_an_earlier_one_has_left(account: Account) -> None:
    # Given a table of an earlier stack, and a change set that nobody has executed
    create_table(account, f"VectorCareBridge-reviewed-{EARLIER_TABLE}")
    name = "VectorCareBridge-reviewed"
    account.aws.cloudformation.create_change_set(
        StackName=name, ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=json.dumps(template(name))
    )
    assert account.statuses(name) == {"REVIEW_IN_PROGRESS"}
    # When
    removed = account.bridge("leftovers", "reviewed", "--remove", "--yes", "--json")
    # Then
    assert (removed.exit_code, listed(removed)) == (0, []), removed.output
