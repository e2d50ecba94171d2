"""Every command that the documents show is run, read by the same rules as its program, or left out for a reason."""

import re
import shlex
import subprocess
from collections.abc import Iterator

import botocore.session
import pytest
from botocore import xform_name
from botocore.model import OperationModel

from tests.support.documented import LEFT_OUT, RUN, documented_commands
from tests.support.repository import ROOT

COMMANDS = documented_commands()


def aws_calls(command: str) -> Iterator[list[str]]:
    """Return the words of each call of the AWS command line in a shell command, those within `$(…)` included."""
    inner = r'"?\$\(([^()]*)\)"?'
    while found := re.search(inner, command):
        yield from aws_calls(found[1])
        command = command.replace(found[0], "VALUE", 1)
    command = re.sub(r"^\w+\(\) {|; }$", "", command.strip())
    for part in re.split(r"&&|\||;", command):
        words = shlex.split(part)
        if words[:1] == ["aws"]:
            yield words


AWS = {command for command in COMMANDS if any(aws_calls(command))}


def test_every_command_is_run_or_checked_or_left_out_for_a_reason() -> None:
    # Given what the documents show
    unknown = {
        command: document for command, document in COMMANDS.items() if command not in RUN | LEFT_OUT.keys() | AWS
    }
    # Then each command is in a list of tests/support/documented.py, or a call of AWS's command line, which is checked
    assert unknown == {}, "let each be run, or say why not, in tests/support/documented.py"
    # And the lists hold nothing that no document shows, and nothing twice
    assert sorted((RUN | LEFT_OUT.keys()) - COMMANDS.keys()) == []
    assert sorted(RUN & LEFT_OUT.keys()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_a_line_of_shell(command: str) -> None:
    checked = subprocess.run(["/bin/bash", "-n"], input=command, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


# Commands of the AWS command line that are no calls of an API, with the options that it documents for them.
OWN_COMMANDS = {
    ("logs", "tail"): {"--since", "--format", "--follow"},
    ("sso", "login"): set[str](),
    ("configure", "list-profiles"): set[str](),
    ("s3", "rm"): {"--recursive"},
}
# "Command line options", AWS CLI User Guide; those of paginated calls are in the reference of each.
GLOBAL = {"--query", "--output", "--profile", "--region", "--cli-binary-format", "--no-cli-pager"}
PAGES = {"--max-items", "--page-size", "--starting-token"}


def _operation(service: str, name: str) -> OperationModel:
    loaded = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(operation, "-"): operation for operation in loaded.operation_names}
    assert name in operations, f"aws {service} has no {name}"
    return loaded.operation_model(operations[name])


@pytest.mark.parametrize("command", sorted(AWS))
def test_every_call_of_the_aws_command_line_exists_with_its_options(command: str) -> None:
    for _aws, service, name, *rest in aws_calls(command):
        given = {word.split("=")[0] for word in rest if word.startswith("--")}
        if (service, name) in OWN_COMMANDS:
            assert given <= OWN_COMMANDS[service, name] | GLOBAL
            continue
        operation = _operation(service, name)
        shape = operation.input_shape
        members = dict(shape.members) if shape else {}
        options = {xform_name(member, "-") for member in members}
        off = {f"no-{xform_name(member, '-')}" for member, of in members.items() if of.type_name == "boolean"}
        assert {option.removeprefix("--") for option in given - GLOBAL - PAGES} <= options | off
        required = {xform_name(member, "-") for member in (shape.required_members if shape else [])}
        # Without any option, the sentence only names the call.
        assert not rest or required <= {option.removeprefix("--").removeprefix("no-") for option in given}


def test_the_rules_of_the_aws_command_line_know_what_is_wrong() -> None:
    for wrong in (
        "aws sqs purge-queues --queue-url URL",
        "aws sqs purge-queue --region us-east-1",
        'curl "$(aws sqs purge-queue --queue-urls URL)"',
    ):
        with pytest.raises(AssertionError):
            test_every_call_of_the_aws_command_line_exists_with_its_options(wrong)


MAKE = sorted(command for command in COMMANDS if re.match(r"make\b", command))


@pytest.mark.parametrize("command", MAKE)
def test_every_make_command_is_understood_by_make(command: str) -> None:
    # When make only says what it would do, without what it would install
    said = subprocess.run(  # noqa: S602 as the documents show it
        f"{command} --dry-run --old-file=.venv/.ready --old-file=.venv/.development --old-file=node_modules/.bin/cdk",
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    # Then it knows the target
    assert said.returncode == 0, said.stderr
