"""`make deploy ORGANIZATION=name`: check the file and the account, deploy the stack, say what comes next."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from cli.lib.account import Account, AccountError, NotCheckedError, Quota
from cli.terminal.command import CliCommand, say
from cli.terminal.text import printable
from stacks.config.errors import ConfigurationError
from stacks.config.organization import load_organizations

CDK = "node_modules/.bin/cdk"

NEXT_STEPS = """\
Next:
  1. In VectorCare, Settings > Open API > Webhooks: paste the URL below, select version 2.0, save.
  2. Confirm the subscription that AWS has mailed to each of alarm_emails; unconfirmed, no alarm arrives.
  3. Send a test request, and see it arrive:
       aws dynamodb scan --table-name {table} --max-items 5 --region {region} \\
         --projection-expression 'service_request_id, request_status, last_updated'

Webhook URL: {url}
"""
NOT_READ = "WebhookUrl and ServiceRequestsTable among the outputs that cdk has printed above"

_T = TypeVar("_T")


@click.command(cls=CliCommand)
@click.argument("organization", required=False)
@click.option("--organizations", default="organizations", show_default=True, help="Folder of the organizations' files.")
@click.option("--yes", is_flag=True, help="Do not ask before permissions are granted.")
def main(organization: str | None, organizations: str, *, yes: bool) -> None:
    """Deploy ORGANIZATION's stack to the account and region of the current AWS credentials.

    Before and after it looks at the account. What these looks say is advice: where AWS does not allow one, or cannot be
    reached, it says what was not checked, and goes on.
    """
    names = sorted(path.stem for path in Path(organizations).glob("*.toml"))
    if organization not in names:
        raise click.ClickException(
            f"which organization? {organizations}/ has {', '.join(names) or 'none'}; run: make deploy ORGANIZATION=name"
        )
    try:
        (chosen,) = load_organizations(Path(organizations), only=organization)
        account = Account()
        say(f"Deploying {chosen.stack_name} to account {account.id}, region {account.region}.")
        for name, look in account.quotas():
            _show_quota(name, look)
        _advice("whether CDK is bootstrapped", lambda: account.require_bootstrap(CDK))
    except (AccountError, ConfigurationError) as error:
        raise click.ClickException(str(error)) from None
    _run_cdk(chosen.stack_name, region=account.region, organization=chosen.name, organizations=organizations, yes=yes)
    outputs = _advice("the stack's outputs", lambda: account.outputs(chosen.stack_name)) or {}
    steps = {"table": outputs.get("ServiceRequestsTable", "TABLE"), "url": outputs.get("WebhookUrl", NOT_READ)}
    say("\n" + NEXT_STEPS.format(region=account.region, **steps))


def _advice(what: str, look: Callable[[], _T]) -> _T | None:
    """Look at something that stops no deployment; where it cannot be seen, say so."""
    try:
        return look()
    except NotCheckedError as error:
        say(f"  not checked: {what}, because {error}", err=True)
        return None


def _show_quota(name: str, look: Callable[[], Quota]) -> None:
    quota = _advice(name, look)
    if quota:
        say(f"  {quota.name}: {quota.value:g} {quota.unit}")
    if quota and quota.warning:
        click.secho(printable(f"  WARNING: {quota.warning}"), fg="yellow", err=True)


def _run_cdk(stack: str, *, region: str, organization: str, organizations: str, yes: bool) -> None:
    command = [CDK, "deploy", stack, "--context", f"organization={organization}"]
    command += ["--context", f"organizations={organizations}"]
    command += ["--require-approval", "never"] if yes else []
    environment = os.environ | {"AWS_REGION": region}
    try:
        code = subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 all of it was checked
    except OSError as error:
        raise click.ClickException(f"{CDK} cannot be run ({error.strerror}); make deploy installs it") from None
    if code != 0:
        raise click.ClickException("cdk deploy failed; what it says above is CloudFormation's own reason")


if __name__ == "__main__":
    sys.exit(main(prog_name="python -m cli.verbs.deploy"))
