"""`bridge destroy`, which is also `make destroy ORGANIZATION=name`."""

import os
import subprocess
from pathlib import Path

import click

from cli.lib import destruction, leftovers, stack
from cli.lib.destruction import Survey
from cli.lib.errors import BridgeError
from cli.lib.place import open_account
from cli.options import ROOT, Options, organizations_option, pass_options
from cli.terminal.command import say
from cli.terminal.output import confirm_by_name, printable, stderr, stdout, yes_option
from cli.verbs.leftovers import cost_of, table_of
from stacks.config.errors import ConfigurationError
from stacks.config.organization import load_organizations

CDK = ROOT / "cdk"

FIRST = """\
First, in VectorCare, Settings > Open API > Webhooks: delete the webhook. What is sent to a URL that is gone is lost
after three attempts, within 72 seconds.
"""


@click.command()
@click.argument("name", metavar="ORGANIZATION", required=False)
@organizations_option
@yes_option
@pass_options
def destroy(options: Options, *, name: str | None, organizations: Path, yes: bool) -> None:
    """Remove an organization's stack; what holds data stays.

    \b
    bridge destroy acme
    make destroy ORGANIZATION=acme         the same; it also installs the CDK command line

    Nothing is removed while something stands in the way: the stack's protection, messages that would be lost with
    their queue, subscribers' rules on its event bus, its policies on other roles. For each, it says what to do.

    Tables, key, spool and logs stay, because they hold data: `bridge leftovers` lists and removes them. Queues, bus,
    functions, APIs, alarms, dashboards, and the secret with its credentials go.

    It asks for the organization's name. Exit code 1 if the stack is not removed.
    """
    if options.local:
        raise click.UsageError("The local environment ends with Ctrl-C.")
    name = name or options.organization
    if not name:
        raise click.UsageError("Whose? Name the organization: bridge destroy ORGANIZATION")
    try:
        (chosen,) = load_organizations(organizations, only=name)
    except ConfigurationError as error:
        raise BridgeError(f"CDK needs the organization's file to remove its stack.\n{error}") from None
    account = open_account(chosen, profile=options.profile, region=options.region)
    connect = stack.connect(name, profile=options.profile, region=options.region, organizations=organizations)
    with stderr().status("Asking AWS ..."):
        survey = destruction.survey(connect, chosen.stack_name)
        if survey is None:
            raise BridgeError(
                f"There is no stack {chosen.stack_name} in account {account.id}, region {account.region}. What an "
                f"earlier one has left: bridge leftovers {name}"
            )
        staying = leftovers.will_stay(connect, chosen.stack_name, name)
    say(f"Removing {chosen.stack_name} from account {account.id}, region {account.region}.\n\n{FIRST}")
    _refuse(survey)
    say("These stay:\n")
    stdout().print(table_of(staying))
    say(f"\n{cost_of(staying)}\nEverything else of the stack goes, also the secret with its credentials.\n")
    confirm_by_name(name, f"Type {name} to remove the stack:", yes=yes)
    _run_cdk(
        *("destroy", chosen.stack_name, "--force"),
        *("--context", f"organization={name}", "--context", f"organizations={organizations.resolve()}"),
        *(("--profile", account.profile) if account.profile else ()),
        region=account.region,
    )
    say(f"\nThe stack is removed. What it has left: bridge leftovers {name}")


def _refuse(survey: Survey) -> None:
    """Report what was not checked, and end if something stands in the way."""
    for what, why in survey.not_checked.items():
        say(f"  not checked: {what}, because {why}", err=True)
    if not survey.obstacles:
        return
    lines = [f"  {printable(each.what)}\n    {printable(each.remedy)}" for each in survey.obstacles]
    raise BridgeError("\n".join(["The stack is not removed. In the way:", *lines]))


def _run_cdk(*arguments: str, region: str) -> None:
    try:
        code = subprocess.run(  # noqa: S603 no shell
            [CDK, *arguments], cwd=ROOT, env=os.environ | {"AWS_REGION": region}, check=False
        ).returncode
    except OSError as error:
        raise BridgeError(f"{CDK} cannot be run ({error.strerror}). make destroy installs what it needs.") from None
    if code != 0:
        raise BridgeError("The stack is not removed, or not completely. The reason is above. Then run the same again.")
