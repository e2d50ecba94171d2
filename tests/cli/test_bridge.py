"""`bridge` itself: its help, its options, the stacks it finds, and what it says of what AWS refuses."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import click
import pytest
from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError, NoCredentialsError, ParamValidationError

from cli.__main__ import bridge
from cli.lib import everywhere, stack
from cli.lib.aws_error import explain
from cli.lib.errors import BridgeError
from cli.terminal import output
from tests.cli.conftest import Run

ROOT = Path(__file__).parents[2]


def _commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, *path, name)
        else:
            yield (*path, name), command


COMMANDS = dict(_commands(bridge))
HEAVY = {"aws_cdk", "boto3", "botocore", "cryptography", "requests", "rich"}


class CloudFormation:
    """As far as a command asks it: stacks by name, in a status."""

    def __init__(self, **stacks: str) -> None:
        self.stacks = {name.replace("_", "-"): status for name, status in stacks.items()}
        self.meta = SimpleNamespace(region_name="us-east-1")

    def get_paginator(self, operation: str) -> "CloudFormation":
        assert operation == "list_stacks"
        return self

    def paginate(self, *, StackStatusFilter: list[str]) -> Iterator[dict[str, Any]]:  # noqa: N803 boto3's name
        for name, status in self.stacks.items():
            if status in StackStatusFilter:
                yield {"StackSummaries": [{"StackName": name}]}

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 boto3's name
        if StackName not in self.stacks:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks")
        outputs = [{"OutputKey": "QueueUrl", "OutputValue": StackName}]
        return {"Stacks": [{"StackStatus": self.stacks[StackName], "Outputs": outputs}]}


WHERE: dict[str, Any] = {
    "local": False,
    "profile": None,
    "region": None,
    "stand_file": Path(),
    "organizations": Path("/nowhere"),
}


def find(organization: str | None = None) -> stack.Stack:
    return stack.find(organization, **WHERE)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put stacks into the account."""

    def account(**stacks: str) -> None:
        cloudformation = CloudFormation(**stacks)
        monkeypatch.setattr(stack, "connect_to_aws", lambda *_: lambda _service: cloudformation)

    return account


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_teaches(path: tuple[str, ...], run: Run) -> None:
    # When
    result = run(*path, "--help")
    # Then
    assert result.exit_code == 0
    assert f"bridge {' '.join(path)}" in result.output.split("\n", 1)[1], "an example"
    assert ("--json" in result.output) is (path != ("destroy",))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["dlq", "--help"]], ids=" ".join)
def test_help_and_version_import_nothing_that_takes_long(arguments: list[str]) -> None:
    # Given
    script = (
        "import sys; from cli.__main__ import bridge\n"
        f"bridge({arguments}, prog_name='bridge', standalone_mode=False)\nprint(*sys.modules)"
    )
    # When
    ran = subprocess.run(  # noqa: S603 our own code
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'lambdas'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    # Then
    *shown, modules = ran.stdout.splitlines()
    assert not HEAVY & set(modules.split())
    assert shown


def test_the_help_lists_each_command_with_the_first_line_of_its_own_help(run: Run) -> None:
    for group in ((), ("dlq",)):
        listed = run(*group, "--help").output
        for (*parents, name), command in COMMANDS.items():
            if tuple(parents) == group:
                summary = command.get_short_help_str(limit=200).rstrip(".")
                assert re.search(rf"^  {name} +{re.escape(summary)}$", listed, flags=re.MULTILINE), (group, name)


def test_the_version_is_that_of_the_file(run: Run) -> None:
    assert run("--version").output == f"bridge {(ROOT / 'VERSION').read_text().strip()}\n"


@pytest.mark.parametrize("arguments", [("--stand", "none.json", "status"), ("status", "--stand", "none.json")])
def test_options_of_all_commands_come_before_or_after(arguments: tuple[str, ...], run: Run) -> None:
    # When
    result = run(*arguments)
    # Then
    assert result.exit_code == 1
    assert "none.json is not there" in result.stderr
    assert "make run" in result.stderr


VALUES = [
    (path, option.opts[-1])
    for path, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option) and not option.is_flag
]


@pytest.mark.parametrize("empty", ["", " \t\n"], ids=["nothing", "blank"])
def test_nothing_that_a_command_is_given_may_be_empty(run: Run, empty: str) -> None:
    # Given each option of each command, and each command's arguments, When what it is given is empty
    calls = [[*path, *given] for path, name in VALUES for given in ([name, empty], [f"{name}={empty}"])]
    calls += [[*path, empty] for path in COMMANDS]
    calls += [[*given, "status"] for given in (["--organization", empty], [f"--profile={empty}"])]
    results = {tuple(call): run(*call) for call in calls}
    # Then it is called wrongly, and says what to look at
    assert len(VALUES) > 50
    assert {
        call for call, result in results.items() if result.exit_code != 2 or "is empty" not in result.output
    } == set()


def test_the_only_stack_needs_no_name_and_one_of_an_earlier_version_is_to_be_deployed_again(account: Any) -> None:
    # Given
    account(VectorCareBridge_acme="UPDATE_COMPLETE", Other="CREATE_COMPLETE", VectorCareBridge_old="DELETE_COMPLETE")
    # When
    found = find()
    # Then
    assert (found.organization, found.outputs["QueueUrl"]) == ("acme", "VectorCareBridge-acme")
    with pytest.raises(BridgeError, match="make deploy"):
        found.outputs["OutboundQueueUrl"]


def test_of_several_stacks_one_is_named(account: Any) -> None:
    # Given
    account(VectorCareBridge_b="CREATE_COMPLETE", VectorCareBridge_a="UPDATE_ROLLBACK_COMPLETE")
    # When / Then
    with pytest.raises(BridgeError, match=r"organizations: a, b\. Name one: --organization"):
        find()
    with pytest.raises(BridgeError, match=r"in region us-east-1 of this account\. The stacks there are: a, b"):
        find("amce")
    assert find("b").organization == "b"


def test_a_stack_whose_first_deployment_failed_is_said_to_be_incomplete(account: Any) -> None:
    account(VectorCareBridge_acme="ROLLBACK_COMPLETE")
    with pytest.raises(BridgeError, match=r"never complete \(ROLLBACK_COMPLETE\).*make deploy.*bridge destroy acme"):
        find("acme")


def test_an_account_without_a_stack_says_what_to_do(account: Any) -> None:
    account()
    with pytest.raises(BridgeError, match=r"--region.*make deploy"):
        find()


def client_error(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (
            client_error("AccessDenied", "User: arn:aws:iam::1:user/Zebulon is not authorized to perform: a:B", "C"),
            ["a:B", "operator policy"],
        ),
        (client_error("ExpiredTokenException", "", "Query"), ["aws sso login"]),
        (client_error("ValidationException", "bad value: Zebulon", "PutItem"), ["PutItem (ValidationException)"]),
        (ParamValidationError(report="Invalid parameter Item.data, value: Zebulon"), ["ParamValidationError"]),
        (NoCredentialsError(), ["aws sso login", "--local"]),
    ],
)
def test_an_error_of_aws_says_what_to_do_and_repeats_nothing_that_was_sent(error: Any, parts: list[str]) -> None:
    text = explain(error)
    assert [part for part in parts if part not in text] == []
    assert "Zebulon" not in text


def test_an_error_ends_a_command_with_a_message(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, text in (
        (NoCredentialsError(), "There are no AWS credentials"),
        (BridgeError("it \x1b[2J"), "it \\x1b[2J"),
    ):
        monkeypatch.setattr(everywhere, "find", mock.Mock(side_effect=error))
        result = run("status")
        assert (result.exit_code, f"Error: {text}" in result.stderr) == (1, True)


def test_json_keeps_numbers_exact_and_bytes_whole() -> None:
    # Given
    value = {
        "integer": Decimal("12345678901234567890123456789012345678"),
        "fraction": Decimal("81.5"),
        "long": Decimal("0.1234567890123456789012345678901234567"),
        "bytes": Binary(b"\x00\xff"),
        "timestamp": datetime(2026, 3, 1, 10, tzinfo=UTC),
        "set": {"b", "a"},
    }
    # When
    text = output.to_json(value)
    # Then
    assert json.loads(text, parse_float=Decimal) == {
        "integer": 12345678901234567890123456789012345678,
        "fraction": Decimal("81.5"),
        "long": "0.1234567890123456789012345678901234567",
        "bytes": "AP8=",
        "timestamp": "2026-03-01T10:00:00.000000Z",
        "set": ["a", "b"],
    }


def test_without_a_terminal_nothing_is_taken_for_a_yes(run: Run) -> None:
    # Given
    @click.command()
    def destroy() -> None:
        output.confirm("Delete it?", yes=False)

    bridge.add_command(destroy)
    try:
        # When
        result = run("destroy", input="y\n")
    finally:
        del bridge.commands["destroy"]
    # Then
    assert result.exit_code == 1
    assert "--yes" in result.stderr
