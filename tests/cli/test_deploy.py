"""`bridge deploy`: a check that is only advice stops no deployment, and an error is one line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
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
from click.testing import CliRunner, Result

from cli.__main__ import bridge
from cli.verbs import deploy

OUTPUTS = {"ServiceRequestsTable": "requests", "WebhookUrl": "https://u"}
ANSWERS = {
    "GetCallerIdentity": {"Account": "123456789012"},
    "GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": 1000}},
    "GetAccount": {"throttleSettings": {"rateLimit": 10000.0}},
    "GetParameter": {"Parameter": {"Value": "27"}},
    "DescribeStacks": {
        "Stacks": [{"Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in OUTPUTS.items()]}]
    },
}
CHECKS = {
    "GetAccountSettings": "Lambda concurrent executions",
    "GetAccount": "API Gateway throttle",
    "GetParameter": "whether CDK is bootstrapped",
    "DescribeStacks": "the stack's outputs",
}


def refused(code: str) -> Callable[[str], Exception]:
    return lambda operation: ClientError({"Error": {"Code": code, "Message": "no\nway"}}, operation)


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


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def cdk() -> Iterator[mock.Mock]:
    """Put a function in the place of `subprocess.run`."""
    with mock.patch("cli.verbs.deploy.subprocess.run", return_value=mock.Mock(returncode=0)) as run:
        yield run


def run(*arguments: str, **answers: Any) -> Result:
    """Run `bridge deploy`; each answer of AWS is a dict, or makes an error of the operation's name."""

    def call(_client: BaseClient, operation: str, _parameters: Any) -> Any:
        answer = answers.get(operation, ANSWERS[operation])
        if isinstance(answer, dict):
            return answer
        raise answer(operation)

    with mock.patch.object(BaseClient, "_make_api_call", call):
        return CliRunner().invoke(bridge, ["deploy", *(arguments or ("example",))])


def test_it_deploys_with_the_given_profile_and_region_and_ends_with_the_url(cdk: mock.Mock, tmp_path: Path) -> None:
    # Given
    (tmp_path / "config").write_text("[profile acme]\n")
    # When
    result = run("example", "--profile", "acme", "--region", "eu-west-1", "--yes")
    # Then
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert "account 123456789012, region eu-west-1" in result.stdout
    assert "Webhook URL: https://u" in result.stdout
    ((command,), call) = cdk.call_args
    assert command[:3] == ["node_modules/.bin/cdk", "deploy", "VectorCareBridge-example"]
    assert command[-4:] == ["--profile", "acme", "--require-approval", "never"]
    assert call["env"]["AWS_REGION"] == "eu-west-1"
    assert (call["cwd"] / "cdk.json").exists()


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        *((operation, "denied") for operation in CHECKS),
        *(("GetParameter", name) for name in ERRORS if name != "denied"),
    ],
)
def test_a_check_that_is_not_possible_is_reported_and_stops_nothing(cdk: mock.Mock, operation: str, error: str) -> None:
    result = run("example", **{operation: ERRORS[error]})
    assert result.exit_code == 0, result.output
    assert cdk.call_count == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"  not checked: {CHECKS[operation]}, because ")
    assert ("Webhook URL: WebhookUrl and ServiceRequestsTable among" in result.stdout) == (
        operation == "DescribeStacks"
    )


def test_an_answer_in_another_form_stops_nothing(cdk: mock.Mock) -> None:
    result = run("example", GetAccount={}, GetAccountSettings={"AccountLimit": None}, DescribeStacks={"Stacks": []})
    assert result.exit_code == 0, result.output
    assert cdk.call_count == 1
    assert result.stderr.count("not checked: ") == 3


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
        ({}, {"GetParameter": refused("ParameterNotFound")}, "cdk bootstrap aws://123456789012/us-east-1"),
    ],
)
def test_an_account_that_cannot_be_deployed_to_is_one_line(
    cdk: mock.Mock, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], answers: dict[str, Any], message: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    result = run("example", **answers)
    assert result.exit_code == 1, result.exception
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    cdk.assert_not_called()


def test_a_file_with_a_mistake_is_named_before_aws_is_asked(cdk: mock.Mock, tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text('environment = "prod"\n')
    result = run("acme", "--organizations", str(tmp_path), GetCallerIdentity=refused("Never"))
    assert result.exit_code == 1
    assert [line.removeprefix("Error: ").split(": ")[1] for line in result.stderr.splitlines()] == [
        "environment",
        "public_keys",
    ]
    cdk.assert_not_called()


@pytest.mark.parametrize("arguments", [("other",), ("--organization", "other")])
def test_an_organization_without_a_file_names_those_that_have_one(
    cdk: mock.Mock, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "acme\x1b[2J\u202e.toml").touch()
    result = run(*arguments, "--organizations", str(tmp_path))
    assert result.exit_code == 1
    assert "has acme\\x1b[2J\\u202e." in result.stderr
    cdk.assert_not_called()


def test_the_local_environment_is_not_deployed_to(cdk: mock.Mock) -> None:
    result = run("example", "--local")
    assert (result.exit_code, "make run" in result.stderr) == (2, True)
    cdk.assert_not_called()


def test_a_cdk_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "CDK", "node_modules/.bin/nothing")
    result = run("example")
    assert result.exit_code == 1
    assert "node_modules/.bin/nothing cannot be run (No such file or directory). make deploy" in result.stderr
