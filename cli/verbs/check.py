"""`bridge check`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from cli.lib.organization_file import fingerprints
from cli.terminal.output import emit, json_option, printable
from cli.terminal.text import printable_lines
from stacks.config.errors import ConfigurationError
from stacks.config.organization import load_organization


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@json_option
def check(files: Sequence[Path], *, as_json: bool) -> None:
    """Check organization files by the rules of a deployment.

    \b
    bridge check organizations/acme.toml
    bridge check organizations/*.toml

    It changes nothing and needs no AWS. Exit code 1 if a file has a mistake; for each mistake there is a line with
    file, key and fix.
    """
    results = [_check(file) for file in files]
    emit(results, as_json=as_json, table=lambda: Group(*map(_verdict, results)))
    if any(result["error"] for result in results):
        sys.exit(1)


def _check(file: Path) -> dict[str, Any]:
    try:
        organization = load_organization(file)
    except ConfigurationError as error:
        return {"file": str(file), "error": str(error)}
    return {
        "file": str(file),
        "error": None,
        "organization": organization.name,
        "stack": organization.stack_name,
        "environment": organization.environment,
        "keys": fingerprints(organization),
    }


def _verdict(result: dict[str, Any]) -> RenderableType:
    if result["error"]:
        return Text(printable_lines(result["error"]), style="red")
    keys = ", ".join(result["keys"])
    return Text.assemble(
        f"{printable(result['file'])}: ", ("ok", "green"), f", {result['stack']}, {result['environment']}, keys {keys}"
    )
