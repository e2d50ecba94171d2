"""`bridge destroy`, which is also `make destroy ORGANIZATION=name`."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from cli.lib import destruction, leftovers, stack
from cli.lib.account import Account
from cli.lib.destruction import Survey
from cli.lib.errors import BridgeError
from cli.lib.place import open_account
from cli.lib.retained import Retained
from cli.options import ROOT, Options, organizations_option, pass_options
from cli.terminal.command import say
from cli.terminal.output import confirm_by_name, printable, stderr, stdout, yes_option
from cli.verbs.leftovers import cost_of, list_of
from stacks.config.errors import ConfigurationError
from stacks.config.organization import Organization, load_organizations

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
    bridge destroy acme --region us-west-2 only the one in that region, of two
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
        raise click.UsageError("Whose? Name the organization: ./bridge destroy ORGANIZATION")
    try:
        (chosen,) = load_organizations(organizations, only=name)
    except ConfigurationError as error:
        raise BridgeError(f"CDK needs the organization's file to remove its stack.\n{error}") from None
    with stderr().status("Asking AWS ..."):
        targets = [_look_at(each, account, organizations) for each, account in _places(options, chosen)]
    present = [target for target in targets if target.survey]
    if not present:
        regions = " or ".join(target.account.region for target in targets)
        raise BridgeError(
            f"There is no stack {chosen.stack_name} in account {targets[0].account.id}, region {regions}. What an "
            f"earlier one has left: ./bridge leftovers {name}"
        )
    for target in present:
        say(f"Removing {chosen.stack_name} from account {target.account.id}, region {target.account.region}.")
    say(f"\n{FIRST}")
    _refuse(present)
    staying = [one for target in present for one in target.staying]
    say("These stay:\n")
    stdout().print(list_of(staying))
    say(f"\n{cost_of(staying)}\nEverything else goes, also the secret with its credentials.\n")
    confirm_by_name(name, f"Type {name} to remove the stack:", yes=yes)
    for target in present:
        _run_cdk(
            *("destroy", target.organization.stack_id, "--force"),
            *("--context", f"organization={name}", "--context", f"organizations={organizations.resolve()}"),
            *(("--profile", target.account.profile) if target.account.profile else ()),
            region=target.account.region,
        )
        say(
            f"\nThe stack is removed. What it has left: ./bridge leftovers {name} --region {target.account.region}",
        )


@dataclass(frozen=True, kw_only=True)
class _Target:
    """A stack of the organization, and what was found; no survey if it is not there."""

    organization: Organization
    account: Account
    survey: Survey | None
    staying: list[Retained]


def _places(options: Options, chosen: Organization) -> Iterator[tuple[Organization, Account]]:
    """Find where the organization's stacks are: one, or two with a second region; `--region` chooses one of these."""
    wanted = options.region
    account = open_account(chosen, profile=options.profile, region=None if chosen.twin else wanted)
    places = [(each, Account(account.profile, each.region) if each.is_second else account) for each in chosen.stacks]
    found = [place for place in places if wanted in (None, place[1].region)]
    if not found:
        raise BridgeError(
            f"{chosen.name}.toml has stacks in {' and '.join(at.region for _, at in places)}, not in {wanted}."
        )
    yield from found


def _look_at(organization: Organization, account: Account, folder: Path) -> _Target:
    connect = stack.connect(organization.name, profile=account.profile, region=account.region, organizations=folder)
    survey = destruction.survey(connect, organization.stack_name)
    staying = leftovers.will_stay(connect, organization.stack_name, organization.name) if survey else []
    return _Target(organization=organization, account=account, survey=survey, staying=staying)


def _refuse(targets: Sequence[_Target]) -> None:
    """Report what was not checked, and end if something stands in the way."""
    surveys = [target.survey for target in targets if target.survey]
    for what, why in ((what, why) for survey in surveys for what, why in survey.not_checked.items()):
        say(f"  not checked: {what}, because {why}", err=True)
    lines = [
        f"  {printable(each.what)}\n    {printable(each.remedy)}" for survey in surveys for each in survey.obstacles
    ]
    if lines:
        raise BridgeError("\n".join(["Nothing is removed. In the way:", *lines]))


def _run_cdk(*arguments: str, region: str) -> None:
    try:
        code = subprocess.run(  # noqa: S603 no shell
            [CDK, *arguments], cwd=ROOT, env=os.environ | {"AWS_REGION": region}, check=False
        ).returncode
    except OSError as error:
        raise BridgeError(f"{CDK} cannot be run ({error.strerror}). make destroy installs what it needs.") from None
    if code != 0:
        raise BridgeError("The stack is not removed, or not completely. The reason is above. Then run the same again.")
