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

from cli.lib.stack import Stack
from cli.lib.verification.finding import Finding, Verdict
from cli.lib.verification.verify import CHECKS, verify_stack
from cli.options import Options, organizations_option, pass_options
from cli.terminal.command import say
from cli.terminal.output import emit, json_option, printable, stderr
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
@organizations_option
@json_option
@pass_options
def verify(options: Options, *, name: str | None, organizations: Path, as_json: bool) -> None:
    """Verify that a deployed stack works.

    \b
    bridge verify acme
    bridge verify acme --json | jq '.findings[] | select(.verdict == "failed")'
    bridge verify --local

    It calls the webhook's URL without a signature, and looks at what was deployed: certificate and TLS, what the URL
    refuses, whether bodies arrive byte for byte, event sources, schedules, stream, tables, queues, alarms, e-mail
    addresses, quotas, and whether settings and versions are those of the last deployment. It changes nothing. The
    unsigned call counts as one refused webhook.

    What you may not look at is listed and stops nothing.

    Exit code 1 if something failed. A warning does not fail: it works, and a person should look.
    """
    options.organization = name or options.organization
    stack = options.stack()
    # `make run` keeps the file of its own organization beside stand.json.
    folders = [organizations, *([options.stand_file.parent / "organizations"] if stack.is_local else [])]
    file = organization_of(stack, folders)
    with stderr().status("Verifying ...") as status:
        left = set(CHECKS)

        def finished(check: str) -> None:
            left.discard(check)
            status.update(f"Verifying ... {len(CHECKS) - len(left)} of {len(CHECKS)}")

        findings = verify_stack(stack, file, finished=finished)
    report = {"organization": stack.organization, "findings": [asdict(finding) for finding in findings]}
    emit(report, as_json=as_json, table=lambda: show(findings))
    if not as_json:
        say_what_to_do(findings)
    if any(finding.verdict is Verdict.FAILED for finding in findings):
        sys.exit(1)


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
