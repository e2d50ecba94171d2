"""`bridge check`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from cli.lib import organization_file
from cli.lib.organization_file import Checked, fingerprints
from cli.options import organizations_option
from cli.terminal.output import emit, json_option, printable
from cli.terminal.text import printable_lines


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@organizations_option
@json_option
def check(files: Sequence[Path], *, organizations: Path, as_json: bool) -> None:
    """Check organization files by the rules of a deployment.

    \b
    bridge check                                all of organizations/
    bridge check organizations/acme.toml

    It changes nothing and needs no AWS. For each mistake there is a line with file, line, key and fix. It also compares
    a file with the others of its folder: no two may make the same names on AWS, and it warns of two with one
    customer_id.

    Exit code 1 if a file has a mistake. A warning is none.
    """
    files = files or sorted(path for path in organizations.glob("*.toml") if not path.name.startswith("."))
    if not files:
        raise click.ClickException(f"{organizations} has no organization file. Make one: ./bridge new NAME")
    checked = organization_file.check(files)
    emit([_as_json(each) for each in checked], as_json=as_json, table=lambda: Group(*map(_verdict, checked)))
    if any(each.problems for each in checked):
        sys.exit(1)


def _as_json(checked: Checked) -> dict[str, Any]:
    report: dict[str, Any] = {
        "file": str(checked.file),
        "error": "\n".join(checked.problems) or None,
        "warnings": checked.warnings,
    }
    organization = checked.organization
    if organization:
        report |= {
            "organization": organization.name,
            "stack": organization.stack_name,
            "environment": organization.environment,
            "sample": organization.is_sample,
            "keys": fingerprints(organization),
        }
    return report


def _verdict(checked: Checked) -> RenderableType:
    organization = checked.organization
    if organization is None:
        return Text(printable_lines("\n".join(checked.problems)), style="red")
    details = f"{organization.stack_name}, {organization.environment}, keys {', '.join(fingerprints(organization))}"
    if organization.is_sample:
        details += "; a sample, which is never deployed"
    lines = Text.assemble(f"{printable(checked.file)}: ", ("ok", "green"), f", {details}")
    for warning in checked.warnings:
        lines.append(f"\n  WARNING: {printable(warning)}", style="yellow")
    return lines
