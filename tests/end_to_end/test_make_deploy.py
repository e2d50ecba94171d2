"""`make deploy` against an emulated account, with the real CDK, from the first try to the URL, and for many."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner, Result

from cli.__main__ import bridge
from cli.lib.verification.finding import Finding, Verdict
from cli.verbs import deploy as verb
from cli.verbs.deploy import session
from local.clients import ACCESS_KEY_ID, ACCOUNT, REGION, SECRET_ACCESS_KEY
from local.emulator import Emulator
from local.synthesis import PROJECT, _architecture
from tests.support import signing
from tests.support.pinned_python import for_this_python

NAMES = ("acme", "bravo", "clinic")
DOMAIN = 'domain_name = "hooks.example.com"\ncertificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/abc"\n'


class Account:
    """An emulated account, and the files of three organizations."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.aws = emulator.aws
        self.folder = folder
        self.environment = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": emulator.endpoint_url,
            # Each version is run once before it takes traffic, so the functions are this machine's.
            **for_this_python(folder / "home", architecture=_architecture()),
        }
        for name in NAMES:
            self.describe(name)

    def describe(self, name: str, more: str = "") -> None:
        """Write an organization's file."""
        content = f'public_keys = ["""{signing.public_pem()}"""]\ncustomer_id = "{name}-not-guessable"\n{more}'
        (self.folder / f"{name}.toml").write_text(content)

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        """Type a command in a shell in which nothing is activated and no Node.js is installed."""
        cache = {name: value for name, value in os.environ.items() if name.startswith("JSII_")}
        plain = {"PATH": "/usr/bin:/bin", **cache, **self.environment}
        return subprocess.run(  # noqa: S603 this project's own commands
            ["/bin/bash", "-c", command], cwd=PROJECT, env=plain, capture_output=True, text=True, check=False
        )

    def deploy(self, *arguments: str) -> Result:
        """Deploy in this process; the emulator has no names that DNS knows, so the verification finds nothing."""
        finding = Finding("all", Verdict.NOT_CHECKED, "the emulator has no names that DNS knows")
        with mock.patch("cli.verbs.deploy.verifying.verify_stack", return_value=[finding]):
            return CliRunner().invoke(bridge, ["deploy", "--organizations", str(self.folder), *arguments])

    def changed(self, stack: str) -> Any:
        """When the stack was changed last."""
        return self.aws.cloudformation.describe_stacks(StackName=stack)["Stacks"][0].get("LastUpdatedTime")


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with Emulator(directory=tmp_path_factory.mktemp("account") / "emulator", port=0) as emulator:
        yield Account(emulator, tmp_path_factory.mktemp("organizations"))


@pytest.fixture(autouse=True)
def _settings(account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in account.environment.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path_factory.mktemp("deploy")
    monkeypatch.setattr(session, "FOLDER", folder)
    monkeypatch.setattr(verb, "RECORD", folder / "fleet.json")


@pytest.mark.nightly
def test_the_printed_bootstrap_command_works_as_typed_then_all_go_in_waves_and_what_would_be_lost_is_refused(
    account: Account,
) -> None:
    # Given an account that CDK has never been used in
    first = account.type(f"./bridge deploy acme --yes --organizations {account.folder}")
    assert "Lambda concurrent executions" in first.stdout
    command = first.stderr.split("Once, run: ")[1].strip()
    assert command == f"./cdk bootstrap aws://{ACCOUNT}/{REGION}"
    # When the printed command is typed, and all are deployed
    account.type(command).check_returncode()
    result = account.deploy("--all", "--yes", "--json")
    # Then every one is there, the canary first
    assert {each["organization"]: each["state"] for each in json.loads(result.stdout)} == dict.fromkeys(
        NAMES, "deployed"
    )
    table = account.aws.dynamodb.list_tables()["TableNames"]
    assert {name: any(f"-{name}-" in each for each in table) for name in NAMES} == dict.fromkeys(NAMES, True)
    # When one gets a domain
    account.describe("bravo", DOMAIN)
    before = account.changed("VectorCareBridge-bravo")
    looked = json.loads(account.deploy("bravo", "--check", "--json").stdout)[0]
    # Then a look says so, and leaves nothing behind
    assert looked["added"] > 0
    assert not account.aws.cloudformation.list_change_sets(StackName="VectorCareBridge-bravo")["Summaries"]
    assert account.changed("VectorCareBridge-bravo") == before
    # When it is deployed, watched by the alarms
    watched = account.deploy("bravo", "--yes")
    # Then the screen ends with the URL
    assert watched.exit_code == 0, watched.output
    assert "CloudFormation watches NotKept, ServerErrors, ProcessorErrors, Freshness" in watched.stdout
    assert watched.stdout.rstrip().endswith("/webhook?customer_id=bravo-not-guessable")
    # When the domain is taken away again
    account.describe("bravo")
    refused = account.deploy("bravo", "--yes")
    # Then that is refused, and nothing was done
    assert refused.exit_code == 1
    assert "AWS::ApiGateway::DomainName" in refused.stderr
    assert not account.aws.cloudformation.list_change_sets(StackName="VectorCareBridge-bravo")["Summaries"]
    # When all are deployed, it stops there, and says which are not begun
    states = {
        each["organization"]: each["state"] for each in json.loads(account.deploy("--all", "--yes", "--json").stdout)
    }
    assert states["bravo"] == "failed"
