"""`bridge deploy`, which is also `make deploy ORGANIZATION=name`."""

import sys
from fnmatch import fnmatchcase
from pathlib import Path

import click

from cli.lib.deploying.waves import Record
from cli.lib.errors import BridgeError
from cli.options import ROOT, Options, organizations_option, pass_options
from cli.terminal.output import json_option
from cli.verbs.deploy import fleet, one
from cli.verbs.deploy.session import Session, alone
from stacks.config.errors import ConfigurationError
from stacks.config.organization import SAMPLE_NAME, Organization, load_organizations

RECORD = ROOT / ".local" / "deploy" / "fleet.json"


@click.command()
@click.argument("names", metavar="[ORGANIZATION]...", nargs=-1)
@organizations_option
@click.option("--all", "is_all", is_flag=True, help="Deploy every organization of the folder, in waves.")
@click.option("--check", "only_look", is_flag=True, help="Say what would change; change nothing.")
@click.option(
    "--replace",
    multiple=True,
    metavar="LOGICAL_ID",
    help="Let this resource be replaced or removed although it holds data. --check names it. May be repeated.",
)
@click.option("--canary", metavar="NAME", help="Who goes first, alone. Default: the first UAT organization.")
@click.option("--resume", is_flag=True, help="Go on with the deployment of many that was stopped.")
@click.option("--yes", is_flag=True, help="Do not ask before permissions are granted.")
@json_option
@pass_options
def deploy(
    options: Options,
    *,
    names: tuple[str, ...],
    organizations: Path,
    is_all: bool,
    only_look: bool,
    replace: tuple[str, ...],
    canary: str | None,
    resume: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Deploy an organization's stack, and verify it.

    \b
    bridge deploy acme
    bridge deploy acme --check             what would change, and what would be lost?
    bridge deploy acme --profile acme-production --region us-east-1
    bridge deploy --all                    all organizations, in waves; also a list, or 'clinic-*'
    bridge deploy --resume                 after a wave has failed, or Ctrl-C
    make deploy ORGANIZATION=acme          the same; it also installs the CDK command line

    It deploys to the account, region and profile of the organization's file, else to those of your shell. Webhooks
    are accepted during an update. Before it changes anything, it asks about new permissions, and refuses a change
    that would replace or remove what holds data. What it cannot check in the account, it only reports.

    An update is watched: if one of the alarms NotKept, ServerErrors, ProcessorErrors and Freshness goes to ALARM
    meanwhile or in the 5 minutes after it, CloudFormation puts the version from before back.

    Many are deployed in waves of 1, 3, and then 10. Each wave is verified before the next begins, and the first
    failure stops all. Ctrl-C leaves to CloudFormation what it has begun.

    Exit code 1 if a stack was not deployed, or something was found that needs a person; with --check, if something
    that holds data would be replaced or removed.
    """
    if options.local:
        raise click.UsageError("The local environment deploys itself: make run")
    chosen, record = _choose(options, names, organizations, is_all=is_all, canary=canary, resume=resume)
    if replace and len(chosen) > 1:
        raise click.UsageError("--replace is for one organization. Name it.")
    if not (yes or only_look or has_terminal()):
        raise click.ClickException(
            "There is no terminal to ask on before permissions are granted, so nothing was made. Look at the changes "
            "with --check, then use --yes."
        )
    session = Session(options, organizations.resolve(), chosen, yes=yes, as_json=as_json, replace=replace)
    with alone():
        if only_look:
            one.check(session)
        elif record is not None or len(chosen) > 1:
            fleet.deploy(session, record=record, canary=canary, path=RECORD)
        else:
            one.deploy(session)


def _choose(
    options: Options, names: tuple[str, ...], folder: Path, *, is_all: bool, canary: str | None, resume: bool
) -> tuple[list[Organization], Record | None]:
    """Choose the organizations: names, patterns, all, or those of the deployment to resume."""
    names = names or ((options.organization,) if options.organization else ())
    if sum((bool(names), is_all, resume)) > 1:
        raise click.UsageError("Name organizations, or use --all, or --resume.")
    if resume and canary:
        raise click.UsageError("The canary of a resumed deployment has gone first already.")
    record = Record.read(RECORD) if resume else None
    known = sorted(path.stem for path in folder.glob("*.toml") if not path.name.startswith("."))
    patterns = record.names if record else ("*",) if is_all else names
    # The sample belongs to nobody.
    matching = [name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns)]
    chosen = [name for name in matching if name in patterns or name != SAMPLE_NAME]
    missing = [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in known)]
    if missing or not chosen:
        raise click.ClickException(
            f"Which organization? {folder}/ has {', '.join(known) or 'none'}. Run: ./bridge deploy ORGANIZATION"
        )
    try:
        return load_organizations(folder, only=",".join(chosen)), record
    except ConfigurationError as error:
        raise BridgeError(str(error)) from None


def has_terminal() -> bool:
    """Say whether somebody can be asked."""
    return sys.stdin.isatty()
