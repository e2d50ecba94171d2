"""The file of a new organization: valid by construction, written once."""

import base64
import json
import tempfile
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import groupby
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cli.lib.errors import BridgeError
from stacks.config import fleet, moves
from stacks.config.errors import ConfigurationError
from stacks.config.organization import Organization, load_organization
from stacks.config.public_key import MINIMUM_BITS, PublicKeyError, read_public_key
from vectorcare_bridge.webhooks import signature

_ALARMS = ("silence_minutes", "busy_hours", "busy_days", "time_zone")  # the keys below [alarms]


@dataclass(frozen=True)
class Draft:
    """The content of the file. The fields are its keys; None or an empty value is not given yet."""

    name: str
    public_keys: tuple[bytes, ...]  # DER SubjectPublicKeyInfo
    environment: str
    customer_id: str
    alarm_emails: tuple[str, ...] = ()
    alarms_without_email: bool = False
    allowed_source_ips: tuple[str, ...] = ()
    account: str | None = None
    region: str | None = None
    profile: str | None = None
    time_zone: str | None = None
    busy_hours: str | None = None
    busy_days: tuple[str, ...] = ()
    silence_minutes: int | None = None

    def check_so_far(self) -> Organization:
        """Check all values that are given, by the rules of a deployment.

        Raises
        ------
        BridgeError
            There is a mistake.
        """
        return replace(
            self,
            public_keys=self.public_keys or (_placeholder_key(),),
            environment=self.environment or "uat",
            alarms_without_email=self.alarms_without_email or not self.alarm_emails,
            silence_minutes=self.silence_minutes or 0,
        )._check()

    def _check(self) -> Organization:
        if Path(self.name).name != self.name:
            raise BridgeError("The name cannot be a stack's. Use letters, digits and hyphens.")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{self.name}.toml"
            try:
                path.write_text(self._text(), encoding="utf-8")
                return load_organization(path)
            except ConfigurationError as error:
                raise BridgeError(str(error).replace(f"{path}", path.name)) from None
            except UnicodeEncodeError:
                raise BridgeError("A value is not UTF-8 text. Type it again.") from None
            except (OSError, ValueError):  # no file can have such a name
                raise BridgeError("The name cannot be a stack's. It is too long.") from None

    def write(self, path: Path) -> Organization:
        """Check, and write the file.

        Raises
        ------
        BridgeError
            There is a mistake, or the file exists.
        """
        organization = self._check()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(self._text())
        except OSError as error:
            raise BridgeError(f"{path} cannot be written ({error.strerror}).") from None
        return organization

    def _text(self) -> str:
        lines = [
            "# What each key means, and the keys that are not here: organizations/example.toml.",
            "public_keys = [",
        ]
        lines += [f'"""\n{_pem(key)}""",' for key in self.public_keys]
        lines += ["]"]
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        # JSON's strings, lists of strings, numbers and booleans are TOML's.
        written = {
            key: f"{key} = {json.dumps(value, ensure_ascii=False)}"
            for key, value in given.items()
            if key not in {"name", "public_keys"} and not (value is None or value is False or value in ("", ()))
        }
        alarms = [written.pop(key) for key in _ALARMS if key in written]
        lines += written.values()
        lines += ["", "[alarms]", *alarms] if alarms else []
        return "\n".join(lines) + "\n"


def read_key_file(file: Path) -> bytes:
    """Read a public key from a PEM file as DER; errors are those of `read_key`."""
    return read_key(file.read_text(encoding="utf-8", errors="replace"), file)


def read_key(pem: str, file: Path | None = None) -> bytes:
    """Read a PEM public key, pasted or from a file, as DER.

    Raises
    ------
    BridgeError
        It is not a key that can be used.
    """
    try:
        return read_public_key(pem)
    except PublicKeyError as error:
        raise BridgeError(f"{file or 'What was pasted'} {error}.") from None


def refuse_taken_name(path: Path) -> None:
    """Refuse a new file whose names on AWS an existing file of its folder makes too.

    Raises
    ------
    BridgeError
        One does.
    """
    others = [each for each in path.parent.glob("*.toml") if not each.name.startswith(".")]
    already = set(fleet.name_problems(sorted(others)))
    for file, what in fleet.name_problems(sorted([*others, path])):
        if (file, what) not in already:
            raise BridgeError(f"Choose another name than {path.stem}: {file.name} {what.rpartition(';')[0]}.")


def refuse_sample(organization: Organization) -> None:
    """Refuse to deploy the sample.

    Raises
    ------
    BridgeError
        It is the sample.
    """
    if organization.is_sample:
        raise BridgeError(
            f"organizations/{organization.name}.toml is a sample and is never deployed. Make a file: ./bridge new NAME"
        )


@dataclass(frozen=True)
class Checked:
    """A file, its organization if nothing is wrong with it, and all that is wrong and doubtful."""

    file: Path
    organization: Organization | None
    problems: list[str]
    warnings: list[str]


def check(files: Sequence[Path]) -> list[Checked]:
    """Check files by the rules of a deployment, those between the files of a folder included."""
    folders = groupby(files, key=lambda file: file.parent)
    return [checked for folder, own in folders for checked in _check_folder(folder, list(own))]


def _check_folder(folder: Path, files: list[Path]) -> Iterator[Checked]:
    paths = sorted({*files, *(path for path in folder.glob("*.toml") if not path.name.startswith("."))})
    problems: dict[Path, list[str]] = defaultdict(list)
    warnings: dict[Path, list[str]] = defaultdict(list)
    organizations = {}
    for path in paths:
        try:
            organizations[path] = load_organization(path)
            warnings[path] += [text for _step, text in moves.unfinished(organizations[path])]
        except ConfigurationError as error:
            problems[path].append(str(error))
    for path, what in (*fleet.name_problems(paths), *fleet.second_stack_problems(organizations, paths)):
        problems[path].append(f"{path}: {what}")
    for several, warning in fleet.shared_customer_ids(organizations):
        for path in several:
            warnings[path].append(warning)
    for file in files:
        yield Checked(file, None if problems[file] else organizations[file], problems[file], warnings[file])


def fingerprints(organization: Organization) -> list[str]:
    """Name the keys as logs and metrics do."""
    return [key.fingerprint for key in signature.load_keys(organization.encoded_public_keys)]


@cache
def _placeholder_key() -> bytes:
    """Make a key in place of one that is missing, so that the other values can be checked."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=MINIMUM_BITS)
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _pem(der: bytes) -> str:
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
