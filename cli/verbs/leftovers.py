"""`bridge leftovers`."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Group, RenderableType
from rich.text import Text

from cli.lib import leftovers as lib
from cli.lib import stack
from cli.lib.aws_error import explain
from cli.lib.errors import BridgeError
from cli.lib.leftovers import KEY_DELETION_DAYS, Found
from cli.lib.retained import PRICES_SOURCE, Connect, Kind, Retained
from cli.options import Options, organizations_option, pass_options
from cli.terminal.output import confirm_by_name, emit, json_option, printable, stderr, yes_option


@click.command()
@click.argument("name", metavar="[ORGANIZATION]", required=False)
@click.option("--remove", is_flag=True, help="Remove them. Without it, they are only listed.")
@organizations_option
@yes_option
@json_option
@pass_options
def leftovers(
    options: Options, *, name: str | None, remove: bool, organizations: Path, yes: bool, as_json: bool
) -> None:
    """List what removed stacks have left behind, and remove it.

    \b
    bridge leftovers                   of all organizations, in this account and region
    bridge leftovers acme
    bridge leftovers acme --remove     asks first; then it is gone for good

    Tables, key, spool bucket and log groups outlive their stack, because they hold data. So do the tables that
    `bridge restore` has made, and old versions of the functions of stacks that exist. Nothing else of a stack
    that exists is ever listed.

    \b
    What becomes of them with --remove:
      tables       their deletion protection is switched off, then they are deleted. If recovery to a point in
                   time was on, DynamoDB keeps a backup for 35 days, which needs the key.
      bucket       emptied and deleted. If webhooks wait in it, you are asked again, even with --yes.
      log groups   deleted
      key          deleted after 30 days, and only if nothing else of the organization is left. Until then:
                   aws kms cancel-key-deletion --key-id KEY
      versions     deleted; the ten newest of each function stay, and the one that runs
      role         API Gateway's for the whole account and region: only if there is no API any more

    If you interrupt it, run it again: it goes on with what is left.

    Exit code 1 if something could not be looked at or removed.
    """
    if options.local:
        raise click.UsageError("The local environment leaves nothing behind.")
    name = name or options.organization
    if remove and not name:
        raise click.UsageError("Whose? Name the organization: ./bridge leftovers ORGANIZATION --remove")
    connect = stack.connect(name, profile=options.profile, region=options.region, organizations=organizations)
    with stderr().status("Asking AWS ..."):
        found = lib.find(connect, name)
    if not (remove and found.leftovers):
        emit(_report(found), as_json=as_json, table=lambda: describe(found))
        sys.exit(1 if found.not_looked_at else 0)
    assert name is not None  # noqa: S101 checked above
    stderr().print(describe(found))
    _refuse_busy(name, found)
    confirm_by_name(name, f"Type {name} to remove all of it that can be removed:", yes=yes)
    failures = _remove(connect, name, found)
    left = lib.find(connect, name)
    emit(
        {**_report(left), "failures": failures},
        as_json=as_json,
        table=lambda: Group(*(f"{printable(what)}: {why}" for what, why in failures.items()), describe(left)),
    )
    sys.exit(1 if failures or left.not_looked_at else 0)


def _remove(connect: Connect, name: str, shown: Found) -> dict[str, str]:
    """Remove what was shown and is still a leftover; return what could not be, and why."""
    failures = dict[str, str]()
    with stderr().status("Looking again ..."):
        now = lib.find(connect, name)
    _refuse_busy(name, now)
    agreed = {(one.kind, one.name) for one in shown.leftovers}
    staying = {one.name for one in now.leftovers if one.kind not in {Kind.ROLE, Kind.KEY}}
    for one in now.leftovers:
        if (one.kind, one.name) not in agreed:
            continue
        obstacle = one.obstacle
        # What only the second look shows, or hides, may be encrypted with the key too.
        if one.kind is Kind.KEY and not obstacle and (staying or now.not_looked_at):
            obstacle = "what is left may be encrypted with it, and nobody could read that any more"
        if one.webhooks and not obstacle:
            obstacle = _refusal(one)
        if obstacle:
            failures[one.name] = obstacle
            continue
        with stderr().status(printable(f"Removing {one.kind} {one.name} ...")):
            try:
                lib.remove(connect, one)
            except (BotoCoreError, ClientError) as error:
                failures[one.name] = explain(error)
            except BridgeError as error:
                failures[one.name] = str(error)
        if one.name not in failures:
            staying.discard(one.name)
            gone = f"will be deleted in {KEY_DELETION_DAYS} days" if one.kind is Kind.KEY else "removed"
            stderr().print(printable(f"{one.kind} {one.name}: {gone}"))
    return failures


def _refuse_busy(name: str, found: Found) -> None:
    if any(name.casefold() == busy.casefold() for busy in found.busy):
        raise BridgeError(f"The stack of {name} is being changed. Wait until CloudFormation is done.")


def _refusal(bucket: Retained) -> str:
    """Ask about webhooks that are nowhere else; return why they stay, or nothing."""
    if not sys.stdin.isatty():
        return f"it holds {bucket.holds}, and there is no terminal to ask on"
    question = f"{bucket.name} holds {bucket.holds}. Type {bucket.webhooks} to delete them for good:"
    answer = click.prompt(printable(question), err=True, prompt_suffix=" ")
    return "" if answer == str(bucket.webhooks) else f"it holds {bucket.holds}, and you did not agree"


def describe(found: Found) -> RenderableType:
    """Write what was found as a list, what it costs, and what could not be looked at."""
    parts: list[RenderableType] = []
    if found.leftovers:
        parts += [list_of(found.leftovers), "", cost_of(found.leftovers)]
    elif not found.not_looked_at:
        parts.append("Nothing is left behind in this account and region.")
    parts += [f"not looked at: {what}: {why}" for what, why in found.not_looked_at.items()]
    return Group(*parts)


def list_of(resources: Sequence[Retained]) -> RenderableType:
    """List resources: what each is, and its name on a line of its own, to be copied."""
    lines: list[RenderableType] = []
    for organization, own in groupby(resources, key=lambda one: one.organization):
        lines.append(Text(printable(organization), style="bold"))
        for one in own:
            price = f"${one.dollars:.2f} a month" if one.dollars else ""
            lines.append(f"  {one.kind}: {'; '.join(filter(None, (one.holds, price, one.obstacle)))}")
            lines.append(f"    {printable(one.name)}")
    return Group(*lines)


def cost_of(resources: Sequence[Retained]) -> str:
    """Say what resources cost together."""
    total = sum(one.dollars for one in resources)
    return f"Together about ${total:.2f} a month ({PRICES_SOURCE}; the sizes are AWS's, some hours old)."


def _report(found: Found) -> dict[str, Any]:
    return {
        "leftovers": [asdict(one) for one in found.leftovers],
        "dollars_a_month": round(sum(one.dollars for one in found.leftovers), 2),
        "not_looked_at": found.not_looked_at,
    }
