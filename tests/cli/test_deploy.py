"""`make deploy`: what is only advice stops no deployment, and whatever AWS answers is one line."""

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

import cli.verbs.deploy as command

ROOT = Path(__file__).parents[2]
ANSWERS = {
    "GetCallerIdentity": {"Account": "123456789012"},
    "GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": 1000}},
    "GetAccount": {"throttleSettings": {"rateLimit": 10000.0}},
    "GetParameter": {"Parameter": {"Value": "27"}},
    "DescribeStacks": {
        "Stacks": [
            {
                "Outputs": [
                    {"OutputKey": "ServiceRequestsTable", "OutputValue": "requests"},
                    {"OutputKey": "WebhookUrl", "OutputValue": "https://u"},
                ]
            }
        ]
    },
}
LOOKS = {
    "GetAccountSettings": "Lambda concurrent executions",
    "GetAccount": "API Gateway throttle",
    "GetParameter": "whether CDK is bootstrapped",
    "DescribeStacks": "the stack's outputs",
}


def refused(code: str) -> Callable[[str], Exception]:
    return lambda operation: ClientError({"Error": {"Code": code, "Message": "no\nway"}}, operation)


TROUBLES: dict[str, Callable[[str], Exception]] = {
    "denied": refused("AccessDeniedException"),
    "throttled": refused("ThrottlingException"),
    "expired": refused("ExpiredToken"),
    "unreachable": lambda _: EndpointConnectionError(endpoint_url="https://ssm.nowhere-1.amazonaws.com"),
    "connects too slowly": lambda _: ConnectTimeoutError(endpoint_url="https://x"),
    "answers too slowly": lambda _: ReadTimeoutError(endpoint_url="https://x"),
    "login expired": lambda _: UnauthorizedSSOTokenError(),
    "login never made": lambda _: SSOTokenLoadError(error_msg="no token"),
}


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
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
def calls() -> Iterator[list[list[str]]]:
    """Give the commands that were run in the place of `cdk`."""
    ran: list[list[str]] = []

    def run(words: list[str], **_: Any) -> Any:
        ran.append(words)
        return mock.Mock(returncode=0)

    with mock.patch("cli.verbs.deploy.subprocess.run", run):
        yield ran


def run(*arguments: str, **troubles: Any) -> Result:
    def call(_client: BaseClient, operation: str, _parameters: Any) -> Any:
        trouble = troubles.get(operation)
        if isinstance(trouble, dict):
            return trouble
        if trouble:
            raise trouble(operation)
        return ANSWERS[operation]

    with mock.patch.object(BaseClient, "_make_api_call", call):
        return CliRunner().invoke(command.main, arguments or ("example",))


@pytest.mark.parametrize(
    ("operation", "trouble"),
    [
        *((operation, "denied") for operation in LOOKS),
        *(("GetParameter", each) for each in TROUBLES if each != "denied"),
    ],
)
def test_what_cannot_be_looked_at_is_named_and_stops_nothing(
    calls: list[list[str]], operation: str, trouble: str
) -> None:
    # When
    result = run("example", **{operation: TROUBLES[trouble]})
    # Then
    assert result.exit_code == 0, result.output
    assert len(calls) == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"  not checked: {LOOKS[operation]}, because ")
    assert "Next:" in result.stdout


def test_an_answer_of_another_form_stops_nothing(calls: list[list[str]]) -> None:
    result = run("example", GetAccount={}, GetAccountSettings={"AccountLimit": None}, DescribeStacks={"Stacks": []})
    assert result.exit_code == 0, result.output
    assert len(calls) == 1
    assert result.stderr.count("not checked: ") == 3


def test_without_the_outputs_it_says_where_they_are(calls: list[list[str]]) -> None:
    result = run("example", DescribeStacks=refused("AccessDenied"))
    assert "Webhook URL: WebhookUrl and ServiceRequestsTable among the outputs" in result.stdout
    assert calls


def test_all_that_can_be_looked_at_is_shown(calls: list[list[str]]) -> None:
    result = run("example")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert "account 123456789012, region us-east-1" in result.stdout
    assert "Webhook URL: https://u" in result.stdout
    assert calls[0][:3] == ["node_modules/.bin/cdk", "deploy", "VectorCareBridge-example"]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (refused("ExpiredToken"), "AWS does not know you (AWS refused GetCallerIdentity (ExpiredToken)); log in"),
        (refused("InvalidClientTokenId"), "AWS does not know you"),
        (lambda _: NoCredentialsError(), "AWS does not know you (there are no credentials); log in"),
        (TROUBLES["login expired"], "AWS does not know you (the login has expired); log in"),
        (TROUBLES["unreachable"], "AWS cannot be reached (EndpointConnectionError); is the network there"),
    ],
)
def test_an_unknown_account_is_one_line_and_nothing_is_deployed(
    calls: list[list[str]], trouble: Callable[[str], Exception], said: str
) -> None:
    result = run("example", GetCallerIdentity=trouble)
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not calls


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AWS_REGION", "", "no AWS region is set"),
        ("AWS_REGION", "us east 1", "look at AWS_REGION"),
        ("AWS_PROFILE", "nobody", "aws configure list-profiles"),
        ("AWS_ENDPOINT_URL", "nowhere", "look at AWS_REGION, and at what else is set"),
    ],
)
def test_a_setting_that_is_wrong_is_one_line(
    calls: list[list[str]], monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    result = run("example")
    assert result.exit_code == 1, result.exception
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not calls


def test_a_broken_settings_file_is_one_line(calls: list[list[str]], tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile\nnonsense")
    result = run("example")
    assert result.exit_code == 1, result.exception
    assert len(result.stderr.splitlines()) == 1
    assert not calls


def test_a_file_with_a_mistake_is_named_before_aws_is_asked(calls: list[list[str]], tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text('environment = "prod"\n')
    result = run("acme", "--organizations", str(tmp_path), GetCallerIdentity=refused("Never"))
    assert result.exit_code == 1
    assert [line.removeprefix("Error: ").split(": ")[1] for line in result.stderr.splitlines()] == [
        "environment",
        "public_keys",
    ]
    assert not calls


def test_an_account_where_cdk_was_never_used_is_stopped_with_the_command(calls: list[list[str]]) -> None:
    result = run("example", GetParameter=refused("ParameterNotFound"))
    assert result.exit_code == 1
    assert "once, run: node_modules/.bin/cdk bootstrap aws://123456789012/us-east-1" in result.stderr
    assert not calls


def test_a_command_line_of_cdk_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "CDK", "node_modules/.bin/nothing")
    result = run("example")
    assert result.exit_code == 1
    assert (
        "node_modules/.bin/nothing cannot be run (No such file or directory); make deploy installs it" in result.stderr
    )


def test_a_name_that_no_file_has_is_answered_without_anything_raw(calls: list[list[str]], tmp_path: Path) -> None:
    (tmp_path / "\x1b[2J\u202e.toml").touch()
    result = run("other", "--organizations", str(tmp_path))
    assert result.exit_code == 1
    assert "which organization? " in result.stderr
    assert not set("\x1b\u202e") & set(result.stderr)
    assert not calls
