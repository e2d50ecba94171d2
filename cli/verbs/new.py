"""`bridge new`."""

import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from cli.lib.errors import BridgeError
from cli.lib.organization_file import Draft, fingerprints, read_key, read_key_file
from cli.options import organizations_option
from cli.terminal.command import say
from cli.terminal.output import emit, json_option, printable


@click.command()
@click.argument("name")
@click.option(
    "--public-key",
    "public_key_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file of a public key that VectorCare may sign with. Repeatable.",
)
@click.option("--environment", type=click.Choice(["uat", "production"]), help="VectorCare's environment that sends.")
@click.option("--alarm-email", "alarm_emails", multiple=True, metavar="ADDRESS", help="Gets the alarms. Repeatable.")
@click.option(
    "--allow-ip", "allowed_source_ips", multiple=True, metavar="NETWORK", help="Take webhooks only from it. Repeatable."
)
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
    """Write the file of a new organization.

    \b
    bridge new acme
    bridge new acme --public-key vectorcare.pem --environment uat --alarm-email ops@acme.example

    It asks for what no option gives. You need the public key from VectorCare, Settings > Open API. Without a terminal,
    give --public-key and --environment. The customer_id, which is part of the webhook URL, is made here so that nobody
    can guess it. All other keys keep their defaults; organizations/example.toml explains every key.

    It never overwrites a file. Exit code 1 if it wrote nothing.
    """
    path = organizations / f"{name}.toml"
    if path.exists():
        raise click.ClickException(f"{path} exists already, and is not overwritten. Edit it, then: bridge check {path}")
    draft = Draft(
        name=name,
        public_keys=tuple(map(read_key_file, public_key_files)),
        environment=environment or "",
        customer_id=secrets.token_urlsafe(24),
        alarm_emails=tuple(alarm_emails),
        allowed_source_ips=tuple(allowed_source_ips),
    )
    organization = _complete(draft).write(path)
    report = {
        "file": str(path),
        "organization": name,
        "environment": organization.environment,
        "customer_id": organization.customer_id,
        "keys": fingerprints(organization),
    }
    emit(
        report,
        as_json=as_json,
        table=lambda: Text(f"Written: {printable(path)}\nRead it, then: make deploy ORGANIZATION={name}"),
    )


def _complete(draft: Draft) -> Draft:
    """Ask for each missing value until it is right."""
    draft.check()
    required = {"public_keys": "--public-key", "environment": "--environment"}
    missing = [option for name, option in required.items() if not getattr(draft, name)]
    if not sys.stdin.isatty():
        if missing:
            raise click.UsageError(f"There is no terminal to ask on. Give {' and '.join(missing)}.")
        return draft
    for name, ask in _QUESTIONS.items():
        while not getattr(draft, name):
            try:
                answered = replace(draft, **{name: ask()})
                answered.check()
            except BridgeError as error:
                say(f"  {error}", err=True)
                continue
            draft = answered
            break
    return draft


def _ask_public_keys() -> tuple[bytes, ...]:
    say("Paste the public key from VectorCare, Settings > Open API, or type the name of its file:", err=True)
    first = _line()
    if "-----BEGIN" not in first:
        file = Path(first.strip()).expanduser()
        try:
            return (read_key_file(file),)
        except OSError as error:
            raise BridgeError(f"This is neither a key nor a readable file ({error.strerror}).") from None
    lines = [first]
    while "-----END" not in lines[-1]:
        lines.append(_line())
    return (read_key("".join(lines)),)


def _line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise click.Abort
    return line


def _ask_environment() -> str:
    return str(click.prompt("VectorCare's environment that sends", type=click.Choice(["uat", "production"]), err=True))


def _ask_list(question: str, *, none: str) -> Callable[[], tuple[str, ...]]:
    def ask() -> tuple[str, ...]:
        answer = click.prompt(
            f"{question} (separate several with commas; Enter for {none})", default="", show_default=False, err=True
        )
        return tuple(part.strip() for part in answer.split(",") if part.strip())

    return ask


_QUESTIONS: dict[str, Callable[[], Any]] = {
    "public_keys": _ask_public_keys,
    "environment": _ask_environment,
    "alarm_emails": _ask_list("Email addresses that get the alarms", none="nobody"),
    "allowed_source_ips": _ask_list("Networks that webhooks come from, such as 203.0.113.0/24", none="anywhere"),
}
