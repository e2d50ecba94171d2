"""`make deploy` against an emulated account, from the first try to the URL."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.clients import ACCESS_KEY_ID, ACCOUNT, REGION, SECRET_ACCESS_KEY
from local.emulator import Emulator
from local.organization import LocalOrganization
from local.synthesis import PROJECT
from tests.support.pinned_python import for_this_python

CDK = PROJECT / "node_modules/.bin/cdk"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    if not CDK.exists():
        subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=PROJECT, env=_environment(None), check=True)  # noqa: S607 npm is where the PATH says
    with Emulator(directory=tmp_path_factory.mktemp("account") / "emulator", port=0) as emulator:
        yield emulator


def _environment(account: Emulator | None) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), own["PATH"]])
    credentials = {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY, "AWS_REGION": REGION}
    endpoint = {"AWS_ENDPOINT_URL": account.endpoint_url} if account else {}
    pinned = for_this_python(account.log_file.parent / "home") if account else {}
    return {**own, "PATH": path, **credentials, **endpoint, **pinned}


def run(account: Emulator | None, *command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 this project's own commands
        command, cwd=PROJECT, env=_environment(account) | changes, capture_output=True, text=True, check=False
    )


def deploy(account: Emulator | None, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run what `make deploy` runs."""
    return run(account, str(PROJECT / "bridge"), "deploy", *arguments, **changes)


@pytest.mark.nightly
def test_it_prints_the_quotas_and_the_bootstrap_command_then_deploys_and_prints_the_url(
    account: Emulator, organization: LocalOrganization, tmp_path: Path
) -> None:
    # Given an account that CDK has never been used in
    where = ["--organizations", str(organization.directory), "--yes"]
    output = {"CDK_OUTDIR": str(tmp_path / "cdk.out")}
    # When somebody deploys
    first = deploy(account, organization.name, *where, **output)
    # Then the quotas are there, and the one command to run
    assert "Lambda concurrent executions" in first.stdout
    assert "API Gateway throttle" in first.stdout
    bootstrap = f"bootstrap aws://{ACCOUNT}/{REGION}"
    assert bootstrap in first.stderr
    # When that command is run, and the deploy again
    run(account, str(CDK), *bootstrap.split(), "--app", "", **output).check_returncode()
    second = deploy(account, organization.name, *where, **output)
    # Then it ends with the URL to paste
    assert second.returncode == 0, second.stderr
    url = second.stdout.split("Webhook URL: ")[1].strip()
    assert url.startswith("https://")
    assert url.endswith("/prod/webhook?customer_id=f3b1c0de-not-guessable")
    # And what it named is there; its functions are built for Lambda's processor, not for this machine's
    table = second.stdout.split("--table-name ")[1].split()[0]
    assert table in account.aws.dynamodb.list_tables()["TableNames"]
