"""`bridge verify`."""

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from cli.lib import send_webhook
from cli.lib.stack import Stack
from cli.lib.verification import alarm_mails
from cli.lib.verification.end_to_end import new_id, verify_end_to_end
from cli.lib.verification.finding import Finding, Verdict
from cli.lib.verification.verify import CHECKS, verify_stack
from cli.options import Options, organizations_option, pass_options
from cli.terminal.command import say
from cli.terminal.output import confirm, emit, json_option, printable, stderr, yes_option
from stacks.config.errors import ConfigurationError
from stacks.config.organization import Organization, load_organization

STYLES = {
    Verdict.OK: "green",
    Verdict.WARNING: "yellow",
    Verdict.FAILED: "bold red",
    Verdict.NOT_ALLOWED: "yellow",
    Verdict.NOT_CHECKED: "dim",
}


@click.command()
@click.argument("name", metavar="[ORGANIZATION]", required=False)
@click.option("--end-to-end", is_flag=True, help="Also send one signed webhook, follow it, and take it back.")
@click.option(
    "--private-key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --end-to-end: sign with this key (PEM), which is deployed, instead of a throw-away one.",
)
@click.option("--alarms", is_flag=True, help="Also raise each alarm for a moment, so that its mail really arrives.")
@click.option(
    "--alarm", "names", multiple=True, metavar="NAME", help="Only this alarm, such as DeadLetters. Repeatable."
)
@organizations_option
@yes_option
@json_option
@pass_options
def verify(
    options: Options,
    *,
    name: str | None,
    end_to_end: bool,
    key_file: Path | None,
    alarms: bool,
    names: tuple[str, ...],
    organizations: Path,
    yes: bool,
    as_json: bool,
) -> None:
    """Verify that a deployed stack works.

    \b
    bridge verify acme
    bridge verify acme --json | jq '.findings[] | select(.verdict == "failed")'
    bridge verify acme --end-to-end
    bridge verify acme --alarms
    bridge verify acme --alarm DeadLetters --alarm NotKept
    bridge verify --local --end-to-end

    It calls the webhook's URL without a signature, and looks at what was deployed: certificate and TLS, what the URL
    refuses, whether bodies arrive byte for byte, event sources, schedules, stream, tables, queues, alarms, e-mail
    addresses, quotas, and whether settings and versions are those of the last deployment. It changes nothing. The
    unsigned call counts as one refused webhook.

    With --end-to-end it then makes a key pair, has ingest accept it for one webhook of a service request TEST-... and
    for minutes only, sends that webhook, follows it to journal, state and event bus, and takes everything back, after
    Ctrl-C too. Subscribers hear of the request as UNAVAILABLE. It needs the rights of a deployment.

    With --alarms it sets each alarm to ALARM and back, and says which mails to expect. It asks first.

    What you may not look at is listed and stops nothing.

    Exit code 1 if something failed. A warning does not fail: it works, and a person should look.
    """
    if key_file and not end_to_end:
        raise click.UsageError("--private-key is for --end-to-end.")
    options.organization = name or options.organization
    stack = options.stack()
    # `make run` keeps the file of its own organization beside stand.json.
    folders = [organizations, *([options.stand_file.parent / "organizations"] if stack.is_local else [])]
    file = organization_of(stack, folders)
    key = send_webhook.read_key(key_file) if key_file else None
    service_request_id = new_id()
    if end_to_end and not stack.is_local and not (file and file.environment == "uat"):
        confirm(
            "This is production, or no file says otherwise. Subscribers will hear of a service request "
            f"{service_request_id}, as UNAVAILABLE. Start?",
            yes=yes,
        )
    planned = alarm_mails.plan(stack, names) if alarms or names else None
    if planned and not stack.is_local:
        confirm(
            f"{len(planned.states)} alarms will be raised, and as many mails go to "
            f"{', '.join(planned.addresses) or 'nobody'}. Start?",
            yes=yes,
        )
    findings, outcomes = look(stack, file), []
    with stderr().status("Verifying ...") as status:

        def step(text: str) -> None:
            status.update(f"{text} ...")

        if end_to_end:
            outcomes.append(verify_end_to_end(stack, file, service_request_id, key=key, step=step))
        if planned and not any(outcome.is_interrupted for outcome in outcomes):
            outcomes.append(alarm_mails.raise_alarms(stack, planned, step=step))
    findings += [finding for outcome in outcomes for finding in outcome.findings]
    report = {"organization": stack.organization, "findings": [asdict(finding) for finding in findings]}
    emit(report, as_json=as_json, table=lambda: show(findings))
    if not as_json:
        say_what_to_do(findings)
    if any(outcome.is_interrupted for outcome in outcomes):
        stderr().print("Interrupted.")
        sys.exit(130)
    if any(finding.verdict is Verdict.FAILED for finding in findings):
        sys.exit(1)


def look(stack: Stack, file: Organization | None) -> list[Finding]:
    """Verify without a key, and show how far it is."""
    done: list[str] = []
    with stderr().status("Verifying ...") as status:

        def finished(check: str) -> None:
            done.append(check)
            status.update(f"Verifying ... {len(done)} of {len(CHECKS)}")

        return verify_stack(stack, file, finished=finished)


def organization_of(stack: Stack, folders: Iterable[Path]) -> Organization | None:
    """Load the file that a stack was deployed from; None if no folder has it."""
    for path in (folder / f"{stack.organization}.toml" for folder in folders):
        if path.exists():
            try:
                return load_organization(path)
            except ConfigurationError as error:
                raise click.ClickException(str(error)) from None
    return None


def show(findings: list[Finding]) -> RenderableType:
    """Make a table of findings, and their count."""
    table = Table(
        Column("verdict", no_wrap=True),
        Column("checked", overflow="fold"),
        Column("seen", overflow="fold"),
        box=None,
        pad_edge=False,
    )
    for finding in findings:
        verdict = Text(finding.verdict.value, style=STYLES[finding.verdict])
        table.add_row(verdict, printable(finding.check), printable(finding.seen))
    counts = Counter(finding.verdict for finding in findings)
    return Group(table, "", ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict]))


def say_what_to_do(findings: list[Finding]) -> None:
    """Print what to do, each on one line: a command in it can be copied."""
    for finding in findings:
        if finding.to_do:
            say(f"\n{finding.check}: {finding.verdict.value}\n  {finding.to_do}")
