"""The file of a new organization: asked for, valid by construction, written once."""

import base64
import json
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cli.terminal.command import say
from stacks.config.errors import ConfigurationError
from stacks.config.organization import Organization, load_organization
from stacks.config.public_key import MINIMUM_BITS, PublicKeyError, read_public_key


@dataclass(frozen=True)
class Draft:
    """What the file is to say; an empty value is not given yet. The fields are its keys.

    Attributes
    ----------
    name : str
        The organization's.
    public_keys : tuple of bytes
        DER SubjectPublicKeyInfo.
    """

    name: str
    public_keys: tuple[bytes, ...]
    environment: str
    customer_id: str
    alarm_emails: tuple[str, ...]
    allowed_source_ips: tuple[str, ...]

    def check(self) -> Organization:
        """Read what would be written, by the rules of deploying it.

        Raises
        ------
        click.ClickException
            It has a mistake.
        """
        if Path(self.name).name != self.name:
            raise click.ClickException("The name cannot be a stack's; use letters, digits and hyphens.")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{self.name}.toml"
            try:
                path.write_text(self._text(), encoding="utf-8")
                return load_organization(path)
            except ConfigurationError as error:
                raise click.ClickException(str(error).replace(f"{path}", path.name)) from None
            except UnicodeEncodeError:
                raise click.ClickException("What was given is not UTF-8 text. Type it again.") from None
            except (OSError, ValueError):  # no file can have such a name
                raise click.ClickException("The name cannot be a stack's; it is too long.") from None

    def write(self, path: Path) -> Organization:
        """Check, and write the file.

        Raises
        ------
        click.ClickException
            It has a mistake, or there is one already.
        """
        organization = self.check()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(self._text())
        except OSError as error:
            raise click.ClickException(f"{path} cannot be written ({error.strerror})") from None
        return organization

    def _text(self) -> str:
        lines = [
            "# What each key means, and the keys that are not here: organizations/example.toml.",
            "public_keys = [",
        ]
        lines += [f'"""\n{_pem(key)}""",' for key in self.public_keys]
        lines += ["]"]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in ("name", "public_keys") and value:
                # JSON's texts and lists of texts are TOML's.
                lines.append(f"{field.name} = {json.dumps(value, ensure_ascii=False)}")
        return "\n".join(lines) + "\n"


def complete(draft: Draft) -> Draft:
    """Ask for what is missing, and again for what is wrong.

    Raises
    ------
    click.ClickException
        What was given is wrong, or there is nobody to ask.
    """
    given = replace(draft, public_keys=draft.public_keys or (_any_key(),), environment=draft.environment or "uat")
    given.check()
    missing = [name for name in ("public_keys", "environment") if not getattr(draft, name)]
    if not sys.stdin.isatty():
        if missing:
            options = {"public_keys": "--public-key", "environment": "--environment"}
            raise click.UsageError(f"There is no terminal to ask on: give {' and '.join(options[n] for n in missing)}.")
        return draft
    for name, ask in _QUESTIONS.items():
        if not getattr(draft, name):
            draft = _ask(draft, name, ask)
    return draft


def _ask(draft: Draft, name: str, ask: Callable[[], Any]) -> Draft:
    while True:
        try:
            answered = replace(draft, **{name: ask()})
            replace(answered, public_keys=answered.public_keys or (_any_key(),)).check()
            return answered
        except click.ClickException as error:
            say(f"  {error.message}", err=True)


def _ask_public_keys() -> tuple[bytes, ...]:
    say("The public key of VectorCare, Settings > Open API. Paste it, or name a file that it is in:", err=True)
    first = _line()
    if "-----BEGIN" not in first:
        file = Path(first.strip()).expanduser()
        try:
            return (read_key(file.read_text(encoding="utf-8", errors="replace"), file),)
        except OSError as error:
            raise click.ClickException(f"it is neither a key nor a file to be read ({error.strerror})") from None
    lines = [first]
    while "-----END" not in lines[-1]:
        lines.append(_line())
    return (read_key("".join(lines), None),)


def _line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise click.Abort
    return line


def _ask_environment() -> str:
    return str(
        click.prompt("Which of VectorCare's environments sends", type=click.Choice(["uat", "production"]), err=True)
    )


def _ask_list(question: str, *, none: str) -> Callable[[], tuple[str, ...]]:
    def ask() -> tuple[str, ...]:
        answer = click.prompt(
            f"{question} (several with commas between; Enter: {none})", default="", show_default=False, err=True
        )
        return tuple(part.strip() for part in answer.split(",") if part.strip())

    return ask


_QUESTIONS: dict[str, Callable[[], Any]] = {
    "public_keys": _ask_public_keys,
    "environment": _ask_environment,
    "alarm_emails": _ask_list("Who is told by e-mail when something needs a person", none="nobody"),
    "allowed_source_ips": _ask_list("Networks that webhooks come from, such as 203.0.113.0/24", none="from anywhere"),
}


def read_key(pem: str, file: Path | None) -> bytes:
    """Read a PEM public key, pasted or from a file, as DER.

    Raises
    ------
    click.ClickException
        It is none.
    """
    try:
        return read_public_key(pem)
    except PublicKeyError as error:
        raise click.ClickException(f"{file or 'what was pasted'} {error}") from None


@cache
def _any_key() -> bytes:
    """Make a key that stands in for the one that is still to be asked for, so that the rest can be checked before."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=MINIMUM_BITS)
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _pem(der: bytes) -> str:
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
