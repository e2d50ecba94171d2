"""`bridge check` and `bridge new`: the organizations' files."""

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from cli.lib.new_organization import Draft, complete, read_key
from cli.terminal.output import emit, json_option, printable
from cli.terminal.text import printable_lines
from stacks.config.errors import ConfigurationError
from stacks.config.organization import Organization, load_organization
from vectorcare_bridge.webhooks import signature

ORGANIZATIONS = Path(__file__).resolve().parents[2] / "organizations"

organizations_option = click.option(
    "--organizations",
    type=click.Path(file_okay=False, path_type=Path),
    default=ORGANIZATIONS,
    metavar="DIR",
    help="Folder of the organizations' files; else organizations/ of this project.",
)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@json_option
def check(files: Sequence[Path], *, as_json: bool) -> None:
    """Validate organizations' files, by the same rules as deploying them.

    \b
    bridge check organizations/acme.toml
    bridge check organizations/*.toml

    It needs no AWS. Exit code 1 if a file has a mistake; a line for each names file, key and fix.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    results = [_check(file) for file in files]
    emit(results, as_json=as_json, table=lambda: Group(*map(_verdict, results)))
    if any(result["error"] for result in results):
        sys.exit(1)


@click.command()
@click.argument("name")
@click.option(
    "--public-key",
    "public_key_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file of a key that VectorCare may sign with; repeatable.",
)
@click.option("--environment", type=click.Choice(["uat", "production"]), help="Which of VectorCare's sends.")
@click.option("--alarm-email", "alarm_emails", multiple=True, metavar="ADDRESS", help="Who is told; repeatable.")
@click.option("--allow-ip", "allowed_source_ips", multiple=True, metavar="NETWORK", help="Only from there; repeatable.")
@organizations_option
@json_option
def new(
    name: str,
    *,
    public_key_files: Sequence[Path],
    environment: str | None,
    alarm_emails: Sequence[str],
    allowed_source_ips: Sequence[str],
    organizations: Path,
    as_json: bool,
) -> None:
    """Write the file of a new organization, by asking for what no option says.

    \b
    bridge new acme
    bridge new acme --public-key vectorcare.pem --environment uat --alarm-email ops@acme.example

    \b
    What you need: the public key from VectorCare, Settings > Open API. Where no terminal is there to ask on,
    --public-key and --environment must be given. The customer_id, which the webhook's URL carries, is made here so
    that nobody can guess it. All else has its default; organizations/example.toml explains every key.

    An existing file is never overwritten. Exit code 1 if nothing was written.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not to be wrapped
    path = organizations / f"{name}.toml"
    if path.exists():
        raise click.ClickException(
            f"{path} is there already, and is not overwritten. Edit it, then: bridge check {path}"
        )
    draft = Draft(
        name=name,
        public_keys=tuple(
            read_key(file.read_text(encoding="utf-8", errors="replace"), file) for file in public_key_files
        ),
        environment=environment or "",
        customer_id=secrets.token_urlsafe(24),
        alarm_emails=tuple(alarm_emails),
        allowed_source_ips=tuple(allowed_source_ips),
    )
    organization = complete(draft).write(path)
    value = {
        "file": str(path),
        "organization": name,
        "environment": organization.environment,
        "customer_id": organization.customer_id,
        "keys": _fingerprints(organization),
    }
    emit(
        value,
        as_json=as_json,
        table=lambda: Text(f"Written: {printable(path)}\nLook it over, then: make deploy ORGANIZATION={name}"),
    )


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
        "keys": _fingerprints(organization),
    }


def _verdict(result: dict[str, Any]) -> RenderableType:
    if result["error"]:
        return Text(printable_lines(result["error"]), style="red")
    keys = ", ".join(result["keys"])
    return Text.assemble(
        f"{printable(result['file'])}: ", ("ok", "green"), f", {result['stack']}, {result['environment']}, keys {keys}"
    )


def _fingerprints(organization: Organization) -> list[str]:
    """Name the keys as logs and metrics do."""
    return [key.fingerprint for key in signature.load_keys(organization.encoded_public_keys)]
