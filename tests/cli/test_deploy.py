"""`bridge deploy`: what is only advice stops nothing, what would lose data is refused, and an error says what to do."""

import _thread
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import click
import pytest
import yaml  # type: ignore[import-untyped]  # moto brings it, without types
from botocore.client import BaseClient
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSOTokenLoadError,
    UnauthorizedSSOTokenError,
)
from botocore.loaders import JSONFileLoader
from click.testing import CliRunner, Result

from cli.__main__ import bridge
from cli.lib.account import NotCheckedError, checking
from cli.lib.deploying import cdk
from cli.lib.deploying.cdk import ROOT
from cli.lib.verification.finding import Finding, Verdict
from cli.verbs import deploy
from cli.verbs.deploy import one, session
from tests.support import signing
from tests.support.wait import wait_until
from vectorcare_bridge.edge import runtime

NAME = "acme"
STACK = f"VectorCareBridge-{NAME}"
ROLE = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/cdk-acme1-%s-${AWS::AccountId}-${AWS::Region}"
OUTPUTS = {"WebhookUrl": "https://u"}
TABLE = {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
STATEMENT = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
POLICY = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": [STATEMENT]}}}
CHANGED = {
    "ResourceChange": {"Action": "Modify", "Replacement": "False", "LogicalResourceId": "F", "ResourceType": "T"}
}
LOST = {
    "ResourceChange": {
        "Action": "Modify",
        "Replacement": "True",
        "PolicyAction": "ReplaceAndRetain",
        "LogicalResourceId": "Events",
        "ResourceType": "AWS::DynamoDB::Table",
        "Details": [{"Target": {"Name": "TableName", "RequiresRecreation": "Always"}}],
    }
}
ALARM = {"AlarmName": f"{STACK}-ServerErrors", "AlarmArn": f"arn:alarm:{STACK}-ServerErrors", "StateValue": "OK"}
# A fake CDK: it writes down what it is called with, and fails when the test wants it.
CDK = """#!/usr/bin/env bash
manifest="$FAKE/made/cdk.out/manifest.json"
protected=$(grep -o '"terminationProtection": [a-z]*' "$manifest" 2>/dev/null | cut -d' ' -f2 | head -n 1)
printf '%s\\n' "AWS_REGION=${AWS_REGION:-} $* protected=$protected" >>"$FAKE/calls"
case "$*" in
  synth*) part=synth ;; *prepare-change-set*) part=prepare ;; *execute-change-set*) part=execute ;;
esac
if [ -e "$FAKE/$part.hangs" ]; then exec tail -f /dev/null; fi
if [ -e "$FAKE/$part.says" ]; then cat "$FAKE/$part.says"; fi
if [ -e "$FAKE/$part" ]; then cat "$FAKE/$part"; exit 1; fi
while [ $# -gt 0 ]; do
  case "$1" in
    --output) mkdir -p "$2" && cp "$FAKE"/assembly/* "$2" ;;
    --outputs-file) cp "$FAKE/outputs.json" "$2" ;;
  esac
  shift
done
"""


def refused(code: str, message: str = "no\nway") -> Callable[[str], Exception]:
    return lambda operation: ClientError({"Error": {"Code": code, "Message": message}}, operation)


ERRORS: dict[str, Callable[[str], Exception]] = {
    "denied": refused("AccessDeniedException"),
    "expired": refused("ExpiredToken"),
    "unreachable": lambda _: EndpointConnectionError(endpoint_url="https://ssm.nowhere-1.amazonaws.com"),
    "connects too slowly": lambda _: ConnectTimeoutError(endpoint_url="https://x"),
    "answers too slowly": lambda _: ReadTimeoutError(endpoint_url="https://x"),
    "no credentials": lambda _: NoCredentialsError(),
    "login expired": lambda _: UnauthorizedSSOTokenError(),
    "no login": lambda _: SSOTokenLoadError(error_msg="no token"),
}
CHECKS = {
    "GetAccountSettings": "Lambda concurrent executions",
    "GetAccount": "API Gateway throttle",
    "GetParameter": "whether CDK is bootstrapped",
    "DescribeAlarms": "the alarms",
}


class Account:
    """AWS as a deployment sees it; each answer is a dict, or makes an error of the operation's name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.findings = [Finding("one", Verdict.OK, "well")]
        self.at_first: list[list[Finding]] = []  # what the first verifications find
        self.answers: dict[str, Any] = {
            "GetCallerIdentity": {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/me"},
            "AssumeRole": {
                "Credentials": {
                    "AccessKeyId": "a",
                    "SecretAccessKey": "s",
                    "SessionToken": "t",
                    "Expiration": datetime.now(UTC) + timedelta(hours=1),
                }
            },
            "GetAccountSettings": {
                "AccountLimit": {"ConcurrentExecutions": 1000, "TotalCodeSize": 75 * 2**30},
                "AccountUsage": {"TotalCodeSize": 2**30},
            },
            "GetAccount": {"throttleSettings": {"rateLimit": 10000.0}},
            "GetParameter": {"Parameter": {"Value": "27"}},
            "DescribeStacks": {"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "EnableTerminationProtection": True}]},
            "DescribeStackEvents": {"StackEvents": []},
            "DescribeAlarms": {"MetricAlarms": [ALARM]},
            "DescribeChangeSet": {"Status": "CREATE_COMPLETE", "Changes": [CHANGED]},
            "GetTemplate": {"TemplateBody": {"Resources": {"Events": TABLE}}},
            "DeleteChangeSet": {},
            "DeleteStack": {},
        }
        self.stacks(STACK)
        self.template({"Resources": {"Events": TABLE}})

    def stacks(self, *names: str, **more: Any) -> None:
        """Say which stacks the synthesis writes, and with which properties."""
        properties = {
            "templateFile": "template.json",
            "requiresBootstrapStackVersion": 6,
            "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/hnb659fds/version",
            "assumeRoleArn": ROLE % "deploy",
            "lookupRole": {"arn": ROLE % "lookup"},
        }
        artifacts = {
            name: {
                "type": "aws:cloudformation:stack",
                "environment": "aws://unknown-account/unknown-region",
                "properties": properties | more,
                "displayName": name,
                "additionalMetadataFile": "metadata.json",
            }
            for name in names
        }
        self.write("assembly/manifest.json", json.dumps({"artifacts": artifacts}))
        self.write("assembly/metadata.json", "{}")
        self.write("outputs.json", json.dumps(dict.fromkeys(names, OUTPUTS)))

    def template(self, template: Mapping[str, Any]) -> None:
        self.write("assembly/template.json", json.dumps(template))

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text)

    def add_organization(self, name: str, more: str = "") -> None:
        key = signing.public_pem()
        self.write(
            f"organizations/{name}.toml",
            f'{more}\npublic_keys = ["""{key}"""]\ncustomer_id = "{name}-0123456789abcdef"\n'
            "alarms_without_email = true\n",
        )

    @property
    def calls(self) -> list[str]:
        """What CDK was called with."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    def _verify(self, *_: object, **__: object) -> list[Finding]:
        return self.at_first.pop() if self.at_first else self.findings

    def made(self, operation: str) -> list[Mapping[str, Any]]:
        return [parameters for name, parameters in self.asked if name == operation]

    def run(self, *arguments: str, **answers: Any) -> Result:
        """Run `bridge deploy` in this account, for acme unless it says something else."""
        self.answers |= answers

        def call(_client: BaseClient, operation: str, parameters: Any) -> Any:
            self.asked.append((operation, parameters))
            answer = self.answers[operation]
            answer = answer.pop(0) if isinstance(answer, list) else answer
            if isinstance(answer, dict):
                return answer
            raise answer(operation)

        where = ["--organizations", str(self.folder / "organizations")]
        with (
            mock.patch.object(BaseClient, "_make_api_call", call),
            mock.patch("cli.verbs.deploy.verifying.verify_stack", side_effect=self._verify),
        ):
            return CliRunner().invoke(bridge, ["deploy", *(arguments or ("acme", "--yes")), *where])


@pytest.fixture(scope="module", autouse=True)
def _read_once() -> Iterator[None]:
    """Have botocore read its descriptions of the services once: every session would read them again."""
    read = cache(JSONFileLoader().load_file)
    with mock.patch.object(JSONFileLoader, "load_file", lambda _loader, path: read(path)):
        yield


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Account:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "FAKE": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    executable = tmp_path / "cdk"
    executable.write_text(CDK)
    executable.chmod(0o700)
    monkeypatch.setattr(cdk, "CDK", executable)
    monkeypatch.setattr(session, "FOLDER", tmp_path / "made")
    monkeypatch.setattr(runtime, "sleep", lambda _: None)
    monkeypatch.setattr(deploy, "RECORD", tmp_path / "made" / "fleet.json")
    account = Account(tmp_path)
    account.add_organization("acme")
    return account


def test_what_is_looked_at_is_what_is_executed_and_the_url_comes_last(account: Account) -> None:
    # Given
    account.write("config", "[profile acme]\n")
    # When
    result = account.run("acme", "--profile", "acme", "--region", "eu-west-1", "--yes")
    # Then
    assert result.exit_code == 0, result.output
    assert "account 123456789012, region eu-west-1" in result.stdout
    assert result.stdout.rstrip().endswith("Webhook URL:\nhttps://u")
    synthesized, prepared, executed = account.calls
    assert "--context organization=acme" in synthesized
    for call, method in ((prepared, "prepare-change-set"), (executed, "execute-change-set")):
        assert call.startswith(f"AWS_REGION=eu-west-1 deploy --app {account.folder}/made/cdk.out {STACK} ")
        assert f"--method {method} --change-set-name bridge-deploy" in call
        assert "--profile acme" in call
    assert all(len(line) < 80 for line in result.output.splitlines())


def test_what_the_synthesis_warns_of_is_shown_and_not_cdks_hints(account: Account) -> None:
    warnings = ["the old URL goes [ack: vectorcare-bridge:url]", "Default policy with * [ack: @aws-cdk/x:y]"]
    entries = [{"type": "aws:cdk:warning", "data": text} for text in warnings]
    account.write(
        "assembly/metadata.json", json.dumps({"/Api": [*entries, {"type": "aws:cdk:logicalId", "data": "F"}]})
    )
    assert [line for line in account.run().stderr.splitlines() if "WARNING" in line] == [
        "  WARNING: acme: the old URL goes"
    ]


def test_a_first_deployment_says_what_to_do_in_vectorcare(account: Account) -> None:
    missing = refused("ValidationError")
    result = account.run(DescribeStacks=missing)
    assert result.exit_code == 0, result.output
    assert "paste the URL below" in result.stdout
    # There is no version to go back to
    assert "rollback-trigger" not in " ".join(account.calls)


def test_an_update_is_watched_by_the_alarms_that_can_watch(account: Account) -> None:
    # Given one alarm that is well, one that is not, and two that the deployed version does not have
    broken = {"AlarmName": f"{STACK}-Freshness", "AlarmArn": "arn:alarm:x", "StateValue": "ALARM"}
    # When
    result = account.run(DescribeAlarms={"MetricAlarms": [broken, ALARM]})
    # Then
    assert f"--rollback-trigger-alarm-arns {ALARM['AlarmArn']} --monitoring-time-minutes 5" in account.calls[1]
    assert "NOT WATCHED: the alarm Freshness: it is in ALARM already" in result.stderr
    assert "NOT WATCHED: the alarm NotKept: the deployed version does not have it" in result.stderr


def test_an_update_that_no_alarm_watches_drops_those_of_an_earlier_one(account: Account) -> None:
    account.run(DescribeAlarms={"MetricAlarms": []})
    assert "--rollback-trigger-alarm-arns none" in account.calls[1]
    assert "--monitoring-time-minutes" not in account.calls[1]


@pytest.mark.parametrize("operation", CHECKS)
def test_a_check_that_is_not_possible_is_reported_and_stops_nothing(account: Account, operation: str) -> None:
    unchanged = {"Status": "CREATE_COMPLETE", "Changes": []}
    result = account.run(**{operation: ERRORS["denied"]}, DescribeChangeSet=unchanged)
    assert result.exit_code == 0, result.output
    assert len(account.calls) == 3
    assert f"  not checked: {CHECKS[operation]}, because " in result.stderr
    assert "Webhook URL:\nhttps://u" in result.stdout


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_of_aws_is_a_reason_for_not_checking(error: str) -> None:
    with pytest.raises(NotCheckedError), checking():
        raise ERRORS[error]("GetParameter")


def test_an_answer_in_another_form_stops_nothing(account: Account) -> None:
    result = account.run(GetAccount={}, GetAccountSettings={"AccountLimit": None}, DescribeAlarms={})
    assert result.exit_code == 0, result.output
    assert result.stderr.count("not checked: ") == 4


def test_room_for_code_that_runs_out_is_said_with_what_to_ask_for(account: Account) -> None:
    # Given an account that has kept nearly all the versions that it may
    full = {"AccountLimit": {"ConcurrentExecutions": 1000, "TotalCodeSize": 75 * 2**30}}
    result = account.run(GetAccountSettings=full | {"AccountUsage": {"TotalCodeSize": 72 * 2**30}})
    # Then the deployment goes on, and says so
    assert result.exit_code == 0, result.output
    assert "Lambda code storage: 3 GB left" in result.output
    assert "Function and layer storage" in re.sub(r"\s+", " ", result.stderr)


def test_what_cdk_can_do_it_does_in_cdks_roles(account: Account) -> None:
    account.run()
    roles = {parameters["RoleArn"] for parameters in account.made("AssumeRole")}
    assert roles == {
        "arn:aws:iam::123456789012:role/cdk-acme1-deploy-123456789012-us-east-1",
        "arn:aws:iam::123456789012:role/cdk-acme1-lookup-123456789012-us-east-1",
    }


def test_without_cdks_roles_it_goes_on_as_who_you_are(account: Account) -> None:
    assert account.run(AssumeRole=ERRORS["denied"]).exit_code == 0


@pytest.mark.parametrize(
    ("properties", "command"),
    [
        ({}, "./cdk bootstrap aws://123456789012/us-east-1"),
        (
            {"bootstrapStackVersionSsmParameter": "/cdk-bootstrap/acme1/version"},
            "./cdk bootstrap aws://123456789012/us-east-1 --qualifier acme1 --toolkit-stack-name CDKToolkit-acme1",
        ),
        ({"bootstrapStackVersionSsmParameter": "/our/own"}, "./cdk bootstrap aws://123456789012/us-east-1"),
    ],
)
def test_a_missing_bootstrap_is_the_one_that_the_stack_was_synthesized_for(
    account: Account, properties: dict[str, Any], command: str
) -> None:
    # Given
    account.stacks(STACK, **properties)
    # When
    result = account.run(GetParameter=refused("ParameterNotFound"))
    # Then
    assert result.exit_code == 1
    assert result.stderr.endswith(f"Once, run: {command}\n")
    asked = properties.get("bootstrapStackVersionSsmParameter", "/cdk-bootstrap/hnb659fds/version")
    assert account.made("GetParameter") == [{"Name": asked}]
    assert len(account.calls) == 1


def test_a_bootstrap_that_is_too_old_is_said_before_anything_is_made(account: Account) -> None:
    result = account.run(GetParameter={"Parameter": {"Value": "5"}})
    assert "has version 5 of the 6 needed" in result.stderr
    assert len(account.calls) == 1


def test_a_stack_for_a_bootstrap_without_version_asks_for_none(account: Account) -> None:
    account.stacks(STACK, bootstrapStackVersionSsmParameter=None, assumeRoleArn=None, lookupRole=None)
    assert account.run().exit_code == 0
    assert not account.made("GetParameter")
    assert not account.made("AssumeRole")


@pytest.mark.parametrize(
    ("settings", "answers", "message"),
    [
        ({}, {"GetCallerIdentity": ERRORS["expired"]}, "does not accept your credentials (ExpiredToken). Log in"),
        ({}, {"GetCallerIdentity": ERRORS["no credentials"]}, "There are no AWS credentials. Log in"),
        ({}, {"GetCallerIdentity": ERRORS["login expired"]}, "The AWS login has expired. Log in"),
        ({}, {"GetCallerIdentity": ERRORS["unreachable"]}, "AWS cannot be reached"),
        ({"AWS_REGION": ""}, {}, "No AWS region is set"),
        ({"AWS_REGION": "us east 1"}, {}, "An AWS setting is wrong"),
        ({"AWS_PROFILE": "nobody"}, {}, "aws configure list-profiles"),
        ({"AWS_ENDPOINT_URL": "nowhere"}, {}, "An AWS setting is wrong"),
        ({"AWS_CONFIG_FILE": __file__}, {}, "An AWS setting is wrong"),
    ],
)
def test_an_account_that_cannot_be_deployed_to_is_one_line(
    account: Account, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], answers: dict[str, Any], message: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    result = account.run(**answers)
    assert result.exit_code == 1, result.exception
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert account.calls == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('account = "210987654321"', "acme.toml says account 210987654321, and these are credentials of account 1234"),
        ('region = "eu-west-1"', "acme.toml says region eu-west-1, and AWS_REGION says us-east-1"),
    ],
)
def test_another_account_or_region_than_the_files_is_refused_before_anything_is_made(
    account: Account, more: str, message: str
) -> None:
    account.add_organization("acme", more)
    result = account.run()
    assert (result.exit_code, message in result.stderr) == (1, True), result.output
    assert account.calls == []


def test_without_a_terminal_yes_is_asked_for_before_anything_is_made(account: Account) -> None:
    result = account.run("acme")
    assert result.exit_code == 1
    assert "There is no terminal to ask on" in result.stderr
    assert "--yes" in result.stderr
    assert account.calls == []
    assert account.asked == []


def test_new_permissions_are_asked_about_and_no_means_that_nothing_was_made(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given somebody who says no
    account.template({"Resources": {"Policy": POLICY}})
    monkeypatch.setattr(deploy, "has_terminal", lambda: True)
    monkeypatch.setattr(one, "confirm", mock.Mock(side_effect=click.Abort))
    # When
    result = account.run("acme")
    # Then
    assert result.exit_code == 1
    assert "sqs:SendMessage: Policy" in result.stdout
    assert len(account.calls) == 2
    assert account.made("DeleteChangeSet")


def test_what_would_be_lost_is_refused_unless_it_is_named(account: Account) -> None:
    # Given
    losing = {"Status": "CREATE_COMPLETE", "Changes": [CHANGED, LOST]}
    # When
    refusal = account.run(DescribeChangeSet=losing)
    # Then
    assert refusal.exit_code == 1
    assert "REPLACED: Events (AWS::DynamoDB::Table), because TableName changes" in refusal.stderr
    assert "the new table is empty" in refusal.stderr
    assert "--replace Events" in refusal.stderr
    assert len(account.calls) == 2
    assert account.made("DeleteChangeSet")
    # When it is named
    assert account.run("acme", "--yes", "--replace", "Events").exit_code == 0


@pytest.mark.parametrize(("changes", "code"), [([CHANGED], 0), ([CHANGED, LOST], 1)])
def test_a_check_makes_a_change_set_only_and_takes_it_back(
    account: Account, changes: list[dict[str, Any]], code: int
) -> None:
    result = account.run(
        "acme", "--check", "--json", DescribeChangeSet={"Status": "CREATE_COMPLETE", "Changes": changes}
    )
    assert result.exit_code == code, result.output
    (found,) = json.loads(result.stdout)
    assert (found["modified"], found["replaced"]) == (1, code)
    assert [loss["logical_id"] for loss in found["losses"]] == ["Events"] * code
    assert len(account.calls) == 2
    assert "prepare-change-set" in account.calls[1]
    assert account.made("DeleteChangeSet")
    assert not account.made("DeleteStack")


@pytest.mark.parametrize("was", [False, True])
def test_the_protection_from_deletion_changes_with_the_rest_and_not_before(account: Account, was: bool) -> None:
    # Given a stack with one protection, and a file with the other
    account.stacks(STACK, terminationProtection=not was)
    # When
    account.run(DescribeStacks={"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "EnableTerminationProtection": was}]})
    # Then CDK, which sets it whatever it is asked for, gets what there is, and what there is to be
    prepared, executed = account.calls[1:]
    assert prepared.endswith(f"protected={was}".lower())
    assert executed.endswith(f"protected={not was}".lower())


def test_a_check_of_a_new_stack_leaves_none(account: Account) -> None:
    reviewed = {"Stacks": [{"StackStatus": "REVIEW_IN_PROGRESS"}]}
    result = account.run("acme", "--check", DescribeStacks=[refused("ValidationError"), *[reviewed] * 3])
    assert "A new stack" in result.stdout
    assert account.made("DeleteStack") == [{"StackName": STACK}]


def test_a_check_leaves_what_a_failed_first_deployment_has_left(account: Account) -> None:
    result = account.run("acme", "--check", DescribeStacks={"Stacks": [{"StackStatus": "ROLLBACK_COMPLETE"}]})
    assert result.exit_code == 0
    assert "A new stack: 1 resources." in result.stdout
    assert len(account.calls) == 1
    assert not account.made("DeleteStack")


def test_a_stack_that_is_up_to_date_is_not_executed_and_still_verified(account: Account) -> None:
    # Given
    nothing = {
        "Status": "FAILED",
        "StatusReason": "The submitted information didn't contain changes. ...",
        "Changes": [],
    }
    outputs = [{"OutputKey": "WebhookUrl", "OutputValue": "https://old"}]
    # When
    result = account.run(
        DescribeChangeSet=nothing, DescribeStacks={"Stacks": [{"StackStatus": "UPDATE_COMPLETE", "Outputs": outputs}]}
    )
    # Then
    assert result.exit_code == 0
    assert "up to date" in result.stdout
    assert "Verified: 1 ok" in result.stdout
    assert result.stdout.rstrip().endswith("https://old")
    assert len(account.calls) == 2


def test_during_a_move_both_urls_are_shown_and_last_the_one_to_paste(account: Account) -> None:
    # Given a stack that has just got a domain
    both = {"WebhookUrl": "https://new", "DefaultWebhookUrl": "https://old"}
    account.write("outputs.json", json.dumps({STACK: both}))
    # When
    result = account.run()
    # Then
    said = [
        "API Gateway's own URL works too, until keep_default_url = false:",
        "https://old",
        "Webhook URL:",
        "https://new",
    ]
    assert result.stdout.splitlines()[-4:] == said


def test_what_the_verification_finds_ends_with_1_and_still_shows_the_url(account: Account) -> None:
    account.findings = [Finding("schedule", Verdict.FAILED, "it is disabled", "enable it")]
    result = account.run()
    assert result.exit_code == 1
    assert "FAILED: schedule: it is disabled" in result.stderr
    assert "Do what each FAILED says, then: ./bridge verify acme" in " ".join(result.stdout.split())
    assert result.stdout.rstrip().endswith("https://u")


def test_what_is_not_seen_everywhere_at_once_is_looked_at_again(account: Account) -> None:
    account.at_first = [[Finding("GET /health", Verdict.FAILED, "It answered 403.", "wait")]]
    result = account.run()
    assert (result.exit_code, "FAILED" in result.stderr) == (0, False), result.output


@pytest.mark.parametrize(
    ("part", "said", "message"),
    [
        ("synth", "acme.toml: region: is wrong", "The synthesis failed, so nothing was deployed"),
        ("prepare", "SSM parameter /x not found. Has the environment been bootstrapped?", "Once, run: ./cdk bootstrap"),
        ("prepare", "The security token included in the request is expired", "The AWS login has expired"),
        ("execute", "something that nobody has seen", "something that nobody has seen"),
    ],
)
def test_an_error_of_cdk_is_explained_by_its_kind(account: Account, part: str, said: str, message: str) -> None:
    account.write(part, f"\n{said}\n")
    result = account.run()
    assert result.exit_code == 1
    assert message in result.stderr
    assert said in result.stderr or "Once, run" in result.stderr or "Log in again" in result.stderr


def test_progress_is_read_from_what_cdk_says(account: Account) -> None:
    # Given two lines of `cdk deploy`, as CDK wrote them
    line = f"{STACK} |  12/135 | 12:41:34 AM | CREATE_COMPLETE | AWS::SQS::Queue | Inbound/Queue (InboundQueue12) "
    account.write("execute.says", f"{line}\nOutputs:\n")
    # When
    seen: list[cdk.Progress] = []
    runner = cdk.Cdk(None, "us-east-1", account.folder / "made" / "log")
    said = runner.deploy(account.folder, STACK, "--method", "execute-change-set", watch=seen.append)
    # Then the step is shown, and everything is in the log
    assert said is None
    assert [each for each in seen if each.text] == [
        cdk.Progress("CREATE_COMPLETE Inbound/Queue (InboundQueue12)", 12, 135)
    ]
    assert runner.log_file.read_text() == f"{line}\nOutputs:\n"


def test_a_rollback_names_the_resource_that_failed_first(account: Account) -> None:
    # Given events of before, and of this update, the newest first
    account.write("execute", "failed\n")
    old = {
        "EventId": "old",
        "LogicalResourceId": "Old",
        "ResourceStatus": "UPDATE_FAILED",
        "ResourceStatusReason": "old",
    }
    first = {
        "EventId": "first",
        "LogicalResourceId": "Queue",
        "ResourceType": "AWS::SQS::Queue",
        "ResourceStatus": "UPDATE_FAILED",
        "ResourceStatusReason": "too long",
    }
    later = {
        **first,
        "EventId": "later",
        "LogicalResourceId": "Role",
        "ResourceStatusReason": "Resource update cancelled",
    }
    # When
    result = account.run(
        DescribeStackEvents=[{"StackEvents": [old]}, {"StackEvents": [later, first, old]}],
        DescribeStacks=[
            *[{"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]}] * 2,
            {"Stacks": [{"StackStatus": "UPDATE_ROLLBACK_COMPLETE"}]},
        ],
    )
    # Then
    assert "It began with Queue (AWS::SQS::Queue): too long" in result.stderr
    assert "the version from before runs" in result.stderr


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("UPDATE_IN_PROGRESS", "aws cloudformation wait stack-update-complete"),
        ("CREATE_IN_PROGRESS", "aws cloudformation wait stack-create-complete"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "aws cloudformation wait stack-rollback-complete"),
        ("DELETE_IN_PROGRESS", "aws cloudformation wait stack-delete-complete"),
        ("UPDATE_ROLLBACK_FAILED", f"continue-update-rollback --stack-name {STACK} --region us-east-1"),
        ("UPDATE_FAILED", f"./cdk rollback {STACK}"),
    ],
)
def test_a_stack_that_cannot_be_updated_says_what_to_do(account: Account, status: str, message: str) -> None:
    result = account.run(DescribeStacks={"Stacks": [{"StackStatus": status}]})
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(account.calls) == 1


def test_a_first_deployment_that_failed_is_made_again(account: Account) -> None:
    result = account.run(DescribeStacks={"Stacks": [{"StackStatus": "ROLLBACK_COMPLETE"}]})
    assert result.exit_code == 0, result.output
    assert "A new stack" in result.stdout


def give_two_regions(account: Account) -> None:
    """Make the second stack the one that sends."""
    account.add_organization("acme", 'region = "us-east-1"\ntwin = {region = "us-west-2", commands = "twin"}')
    account.stacks(STACK, f"{STACK}-us-west-2", stackName=STACK)
    manifest = account.folder / "assembly/manifest.json"
    content = json.loads(manifest.read_text())
    content["artifacts"][f"{STACK}-us-west-2"]["environment"] = "aws://unknown-account/us-west-2"
    manifest.write_text(json.dumps(content))


def test_if_one_region_does_not_work_after_its_deployment_the_other_keeps_its_version(account: Account) -> None:
    # Given
    give_two_regions(account)
    account.findings = [Finding("schedule", Verdict.FAILED, "it is disabled", "enable it")]
    # When
    result = account.run()
    # Then
    assert result.exit_code == 1
    assert not [call for call in account.calls if call.startswith("AWS_REGION=us-west-2")]
    assert "Not begun: VectorCareBridge-acme in region us-west-2" in " ".join(result.output.split())


def test_of_two_regions_the_one_that_sends_no_commands_goes_first(account: Account) -> None:
    # Given
    give_two_regions(account)
    # When
    result = account.run()
    # Then each is deployed in its own region, and both URLs are at the end
    assert result.exit_code == 0, result.output
    _, *deployed = account.calls
    assert [call.split()[0] for call in deployed] == ["AWS_REGION=us-east-1"] * 2 + ["AWS_REGION=us-west-2"] * 2
    assert "Webhook URL (us-east-1):" in result.stdout
    assert "Webhook URL (us-west-2):" in result.stdout


def test_ctrl_c_during_an_update_says_that_it_goes_on(account: Account) -> None:
    # Given an update that takes long
    account.write("execute.hangs", "")

    def interrupt() -> None:
        wait_until(lambda: len(account.calls) > 2, what="the update begins")
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    # When
    result = account.run()
    # Then
    assert result.exit_code == 1
    assert "CloudFormation goes on" in result.stderr


def test_a_file_with_a_mistake_is_named_before_aws_is_asked(account: Account) -> None:
    account.write(f"organizations/{NAME}.toml", 'environment = "prod"\n')
    result = account.run()
    assert result.exit_code == 1
    assert [line.removeprefix("Error: ").split(": ")[1] for line in result.stderr.splitlines()] == [
        "environment",
        "public_keys",
    ]
    assert account.asked == []


@pytest.mark.parametrize("arguments", [("other", "--yes"), ("--organization", "other", "--yes"), ("--yes",)])
def test_an_organization_without_a_file_names_those_that_have_one(account: Account, arguments: tuple[str, ...]) -> None:
    name = "acme\x1b[2J\u202e"
    account.write(f"organizations/{name}.toml", "")
    result = account.run(*arguments)
    assert result.exit_code == 1
    assert "acme\\x1b[2J\\u202e." in result.stderr
    assert account.asked == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("acme", "--local"), "make run"),
        (("acme", "--all"), "or use --all"),
        (("acme", "--resume"), "or --resume"),
        (("--all", "--replace", "Events"), "one organization"),
    ],
)
def test_what_does_not_fit_together_is_wrong_usage(account: Account, arguments: tuple[str, ...], message: str) -> None:
    account.add_organization("bravo")
    result = account.run(*arguments, "--yes")
    assert (result.exit_code, message in result.stderr) == (2, True)
    assert account.asked == []


def test_a_folder_that_cannot_be_written_is_named(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = account.folder / "file/deploy"
    account.write("file", "")
    monkeypatch.setattr(session, "FOLDER", folder)
    result = account.run()
    assert isinstance(result.exception, SystemExit)
    assert f"Error: {folder} cannot be used (Not a directory)" in result.stderr


def test_two_at_once_from_one_folder_would_mix_their_stacks(account: Account) -> None:
    with session.alone():
        result = account.run()
    assert result.exit_code == 1
    assert "Another bridge deploy runs from this folder" in result.stderr
    assert account.calls == []


def test_a_cdk_that_is_not_installed_is_one_line(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdk, "CDK", Path("/nothing/cdk"))
    result = account.run()
    assert result.exit_code == 1
    assert "/nothing/cdk cannot be run (No such file or directory). make deploy" in result.stderr


class Fleet:
    """Three organizations, of which bravo is in UAT."""

    names = ("acme", "bravo", "clinic")

    def __init__(self, account: Account) -> None:
        self.account = account
        for name in self.names:
            account.add_organization(name, 'environment = "uat"' if name == "bravo" else 'environment = "production"')
        account.stacks(*(f"VectorCareBridge-{name}" for name in self.names))

    def run(self, *arguments: str, **answers: Any) -> dict[str, str]:
        """Deploy; return the state of each organization."""
        result = self.account.run(*arguments, "--yes", "--json", **answers)
        return {each["organization"]: each["state"] for each in json.loads(result.stdout)}

    @property
    def executed(self) -> list[str]:
        """The organizations in the order in which they were updated."""
        calls = [call for call in self.account.calls if "execute-change-set" in call]
        return [call.split("VectorCareBridge-")[1].split()[0] for call in calls]


@pytest.fixture
def three(account: Account) -> Fleet:
    return Fleet(account)


def test_a_fleet_has_one_synthesis_and_its_canary_goes_first(three: Fleet) -> None:
    assert three.run("--all") == dict.fromkeys(three.names, "deployed")
    assert three.executed[0] == "bravo"
    assert sum(" synth " in call for call in three.account.calls) == 1
    assert "organization=acme,bravo,clinic" in three.account.calls[0]


@pytest.mark.parametrize(
    ("arguments", "chosen"), [(("acme", "clinic"), {"acme", "clinic"}), (("?[lr]*",), {"bravo", "clinic"})]
)
def test_a_list_or_a_pattern_chooses(three: Fleet, arguments: tuple[str, ...], chosen: set[str]) -> None:
    assert set(three.run(*arguments)) == chosen


def test_an_alarm_that_cannot_watch_is_named_for_each_of_a_fleet(three: Fleet) -> None:
    result = three.account.run("--all", "--yes", DescribeAlarms={"MetricAlarms": []})
    for name in three.names:
        assert f"{name}: NOT WATCHED: the alarm NotKept" in result.stdout


def test_the_first_failure_stops_what_has_not_begun_and_the_rest_is_resumed(three: Fleet) -> None:
    # Given a version that fails its verification
    three.account.findings = [Finding("schedule", Verdict.FAILED, "it is disabled")]
    # When it is deployed
    states = three.run("--all", "--canary", "acme")
    # Then only the canary has it
    assert states == {"acme": "failed", "bravo": "not begun", "clinic": "not begun"}
    assert three.executed == ["acme"]
    # When the reason is gone
    three.account.findings = []
    assert three.run("--resume") == dict.fromkeys(three.names, "deployed")


def test_what_is_deployed_and_verified_is_not_deployed_again_when_it_is_resumed(three: Fleet) -> None:
    # Given a deployment that was stopped after its canary
    three.account.write("prepare", "no")
    assert three.run("--all")["bravo"] == "failed"
    (three.account.folder / "prepare").unlink()
    three.run("--resume")
    # When it is resumed again
    assert three.run("--resume") == dict.fromkeys(three.names, "done before")
    # Then only with the same code
    three.account.template({"Resources": {"New": {"Type": "T"}}})
    assert three.run("--resume") == dict.fromkeys(three.names, "deployed")


def test_ctrl_c_leaves_to_cloudformation_what_it_has_begun(three: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an update that takes long, and Ctrl-C once it has begun
    three.account.write("execute.hangs", "")

    def interrupt(_future: Any) -> None:
        wait_until(lambda: three.executed, what="an update begins")
        raise KeyboardInterrupt

    monkeypatch.setattr(Future, "result", interrupt)
    # When
    states = three.run("--all")
    # Then the command line of CDK is ended, and no other wave begins
    assert states == {"acme": "not begun", "bravo": "left", "clinic": "not begun"}


def test_ctrl_c_while_an_update_of_somebody_else_goes_on_begins_nothing(
    three: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given such an update, which ends after Ctrl-C
    waits = threading.Event()
    monkeypatch.setattr(runtime, "sleep", lambda _: waits.set())

    def interrupt(_future: Any) -> None:
        wait_until(waits.is_set, what="the deployment waits")
        raise KeyboardInterrupt

    def end() -> None:
        three.account.answers["DescribeStacks"] = {"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]}

    monkeypatch.setattr(Future, "result", interrupt)
    monkeypatch.setattr(cdk, "leave_all", end)
    # When
    states = three.run("--all", DescribeStacks={"Stacks": [{"StackStatus": "UPDATE_IN_PROGRESS"}]})
    # Then not even a change set is made
    assert states == dict.fromkeys(three.names, "not begun")
    assert not [call for call in three.account.calls if "prepare-change-set" in call]


def test_nothing_to_resume_is_one_line(account: Account) -> None:
    result = account.run("--resume", "--yes")
    assert result.exit_code == 1
    assert result.stderr == "Error: There is nothing to resume. Deploy all: ./bridge deploy --all\n"


WORKFLOW = yaml.safe_load((ROOT / "docs/examples/deploy.yml").read_text())
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_the_documented_workflow_asks_before_it_deploys_and_pins_its_actions() -> None:
    assert WORKFLOW["jobs"]["deploy"]["needs"] == "check"
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]) for step in STEPS if "uses" in step)
    python = (ROOT / ".python-version").read_text().strip()
    assert {job["container"] for job in WORKFLOW["jobs"].values()} == {f"python:{python}-bookworm"}


def test_the_documented_trust_is_that_of_the_workflows_environments() -> None:
    # Given the policies on the page
    page = (ROOT / "docs/deploy-from-ci.md").read_text()
    trust, permissions = (json.loads(found) for found in re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL))
    # Then
    (statement,) = trust["Statement"]
    admitted = statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
    environments = [job["environment"] for job in WORKFLOW["jobs"].values()]
    assert admitted == [f"repo:OWNER/REPOSITORY:environment:{name}" for name in environments]
    assert [each["Action"] for each in permissions["Statement"]] == ["sts:AssumeRole"]


@pytest.mark.parametrize("line", [step["run"] for step in STEPS if step.get("run", "").startswith("./bridge")])
@pytest.mark.parametrize("organizations", ["acme", "--all"])
def test_each_command_of_the_workflow_works_without_a_terminal(account: Account, line: str, organizations: str) -> None:
    program, verb, *arguments = line.replace("$ORGANIZATIONS", organizations).split()
    assert (program, verb) == ("./bridge", "deploy")
    assert account.run(*arguments).exit_code == 0


def test_the_workflow_runs_nothing_else_than_bridge_and_git() -> None:
    assert {step["run"].split()[0] for step in STEPS if "run" in step} == {"./bridge", "git"}
