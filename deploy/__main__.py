"""`make deploy ORGANIZATION=name`: check the account, deploy the stack, say what comes next."""

import os
import subprocess
from pathlib import Path

import boto3
import click

from deploy.account import Account, AccountError

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


@click.command()
@click.argument("organization", required=False)
@click.option("--organizations", default="organizations", show_default=True, help="Folder of the organizations' files.")
@click.option("--yes", is_flag=True, help="Do not ask before permissions are granted.")
def main(organization: str | None, organizations: str, *, yes: bool) -> None:
    """Deploy ORGANIZATION's stack to the account and region of the current AWS credentials."""
    names = sorted(path.stem for path in Path(organizations).glob("*.toml"))
    if organization not in names:
        raise click.ClickException(
            f"which organization? {organizations}/ has {', '.join(names) or 'none'}; run: make deploy ORGANIZATION=name"
        )
    stack = f"VectorCareBridge-{organization}"
    try:
        # boto3 does not read AWS_REGION, which the AWS and CDK command lines do.
        account = Account(boto3.Session(region_name=os.environ.get("AWS_REGION")))
        click.echo(f"Deploying {stack} to account {account.id}, region {account.region}.")
        _show_quotas(account)
        account.require_bootstrap(CDK)
    except AccountError as error:
        raise click.ClickException(str(error)) from None
    _run_cdk(stack, region=account.region, organization=organization, organizations=organizations, yes=yes)
    outputs = account.outputs(stack)
    click.echo(
        "\n"
        + NEXT_STEPS.format(table=outputs["ServiceRequestsTable"], region=account.region, url=outputs["WebhookUrl"])
    )


def _show_quotas(account: Account) -> None:
    for quota in account.quotas():
        click.echo(f"  {quota.name}: {quota.value:g} {quota.unit}")
        if quota.warning:
            click.secho(f"  WARNING: {quota.warning}", fg="yellow", err=True)


def _run_cdk(stack: str, *, region: str, organization: str, organizations: str, yes: bool) -> None:
    command = [CDK, "deploy", stack, "--context", f"organization={organization}"]
    command += ["--context", f"organizations={organizations}"]
    command += ["--require-approval", "never"] if yes else []
    environment = os.environ | {"AWS_REGION": region}
    if subprocess.run(command, env=environment, check=False).returncode != 0:  # noqa: S603 all of it was checked
        raise click.ClickException("cdk deploy failed; what it says above is CloudFormation's own reason")


if __name__ == "__main__":
    main()
