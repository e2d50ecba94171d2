"""`bridge deploy`, which is also `make deploy ORGANIZATION=name`."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from cli.lib.account import QUOTAS, NotCheckedError, Quota
from cli.lib.errors import BridgeError
from cli.lib.place import open_account
from cli.options import ROOT, Options, organizations_option, pass_options
from cli.terminal.command import say
from cli.terminal.text import printable
from stacks.config.errors import ConfigurationError
from stacks.config.organization import load_organizations

CDK = "node_modules/.bin/cdk"

NEXT_STEPS = """\
Next:
  1. In VectorCare, Settings > Open API > Webhooks: paste the URL below, select version 2.0, save.
  2. Confirm the subscription that AWS has mailed to each address of alarm_emails. Without it, no alarm arrives.
  3. Send a test request, and see it arrive:
       aws dynamodb scan --table-name {table} --max-items 5 --region {region} \\
         --projection-expression 'service_request_id, request_status, last_updated'

Webhook URL: {url}
"""
NOT_READ = "WebhookUrl and ServiceRequestsTable among the outputs that cdk has printed above"

_T = TypeVar("_T")


@click.command()
@click.argument("name", metavar="ORGANIZATION", required=False)
@organizations_option
@click.option("--yes", is_flag=True, help="Do not ask before permissions are granted.")
@pass_options
def deploy(options: Options, *, name: str | None, organizations: Path, yes: bool) -> None:
    """Deploy an organization's stack, and say what to do next.

    \b
    bridge deploy acme
    bridge deploy acme --profile acme-production --region us-east-1
    make deploy ORGANIZATION=acme          the same; it also installs the CDK command line

    It deploys to the account of your AWS profile. Webhooks are accepted during an update. First it checks the
    organization's file and the account. It only reports what it cannot check in the account. CDK asks before it grants
    permissions.

    Exit code 1 if the stack was not deployed.
    """
    if options.local:
        raise click.UsageError("The local environment deploys itself: make run")
    names = sorted(path.stem for path in organizations.glob("*.toml"))
    name = name or options.organization
    if name not in names:
        raise click.ClickException(
            f"Which organization? {organizations}/ has {', '.join(names) or 'none'}. Run: bridge deploy ORGANIZATION"
        )
    try:
        (chosen,) = load_organizations(organizations, only=name)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    account = open_account(chosen, profile=options.profile, region=options.region)
    say(f"Deploying {chosen.stack_name} to account {account.id}, region {account.region}.")
    for title in QUOTAS:
        _show_quota(_advice(title, partial(account.quota, title)))
    _advice("whether CDK is bootstrapped", lambda: account.require_bootstrap(CDK))
    _run_cdk(
        *("deploy", chosen.stack_name),
        *("--context", f"organization={chosen.name}", "--context", f"organizations={organizations.resolve()}"),
        *(("--profile", account.profile) if account.profile else ()),
        *(("--require-approval", "never") if yes else ()),
        region=account.region,
    )
    outputs = _advice("the stack's outputs", lambda: account.outputs(chosen.stack_name)) or {}
    steps = {"table": outputs.get("ServiceRequestsTable", "TABLE"), "url": outputs.get("WebhookUrl", NOT_READ)}
    say("\n" + NEXT_STEPS.format(region=account.region, **steps))


def _advice(what: str, check: Callable[[], _T]) -> _T | None:
    """Make a check that does not stop the deployment; say so if it is not possible."""
    try:
        return check()
    except NotCheckedError as error:
        say(f"  not checked: {what}, because {error}", err=True)
        return None


def _show_quota(quota: Quota | None) -> None:
    if quota:
        say(f"  {quota.name}: {quota.value:g} {quota.unit}")
    if quota and quota.warning:
        click.secho(printable(f"  WARNING: {quota.warning}"), fg="yellow", err=True)


def _run_cdk(*arguments: str, region: str) -> None:
    # CDK runs app.py with the Python and the Node.js that are installed here.
    environment = os.environ | {"AWS_REGION": region, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    try:
        code = subprocess.run([CDK, *arguments], cwd=ROOT, env=environment, check=False).returncode  # noqa: S603 no shell
    except OSError as error:
        raise BridgeError(f"{CDK} cannot be run ({error.strerror}). make deploy installs it.") from None
    if code != 0:
        raise BridgeError("cdk deploy failed. CloudFormation's reason is above.")
