"""The file of one customer organization: what it may say, and what is wrong with it."""

import base64
import difflib
import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from stacks.errors import ConfigurationError
from stacks.public_key import PublicKeyError, read_public_key

STACK_PREFIX = "VectorCareBridge-"
# The longest name derived from it, "VectorCareBridge-<name>-inbound", has to be an SQS queue name (80 characters).
MAXIMUM_NAME_LENGTH = 55
# Of the 4 KB that a function's environment may hold, a quarter is left to its other variables.
MAXIMUM_PUBLIC_KEYS_BYTES = 3072
MINIMUM_PRODUCTION_CUSTOMER_ID_LENGTH = 16
MINIMUM_RETENTION_DAYS = 30
MAXIMUM_RETENTION_DAYS = 36500

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Organization:
    """One customer organization, checked; the keys of its file, described in ``organizations/example.toml``.

    Attributes
    ----------
    name : str
        The file's name without its suffix.
    public_keys : tuple[bytes, ...]
        RSA keys as DER SubjectPublicKeyInfo; any of them may have signed a webhook.
    allowed_source_ips : tuple[str, ...]
        Networks in CIDR form; none means any.
    journal_retention_days, state_retention_days : int
        Days after which an event, and a closed service request, expire.
    """

    name: str
    public_keys: tuple[bytes, ...]
    customer_id: str
    environment: str = "uat"
    allowed_source_ips: tuple[str, ...] = ()
    order_by: str = "event_timestamp"
    publish_actions: tuple[str, ...] = ("*",)
    alarm_emails: tuple[str, ...] = ()
    journal_retention_days: int = 2190
    state_retention_days: int = 90
    max_concurrency: int = 5
    domain_name: str | None = None
    certificate_arn: str | None = None

    @property
    def stack_name(self) -> str:
        """The name of the organization's CloudFormation stack."""
        return f"{STACK_PREFIX}{self.name}"

    @property
    def encoded_public_keys(self) -> str:
        """The public keys as base64, separated by commas: what the ingest function reads."""
        return ",".join(base64.b64encode(key).decode() for key in self.public_keys)


class _InvalidError(ValueError):
    """A value that cannot stay: where below its key, and what is wrong with it; how to mend it."""

    def __init__(self, text: str, *, at: str = "") -> None:
        super().__init__(text)
        self.at = at


def load_organizations(folder: Path, *, only: str | None = None) -> list[Organization]:
    """Load the organizations of a folder, one ``<name>.toml`` each.

    Parameters
    ----------
    folder : Path
        Where the files are.
    only : str | None
        The name of the one organization to load; the others' files are not read.

    Returns
    -------
    list[Organization]
        In the order of their names; at least one.

    Raises
    ------
    ConfigurationError
        If the folder or a file is not as it should be.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: is not a folder; create it, or name another with -c organizations=DIR")
    paths = sorted(path for path in folder.glob("*.toml") if not path.name.startswith("."))
    if not paths:
        raise ConfigurationError(f"{folder}: holds no organization; put a file <name>.toml for each into it")
    _check_distinct(paths)
    if only is None:
        return [load_organization(path) for path in paths]
    names = [path.stem for path in paths]
    if only not in names:
        raise ConfigurationError(f"{folder}: holds no {only}.toml; the organizations there are {', '.join(names)}")
    return [load_organization(folder / f"{only}.toml")]


def load_organization(path: Path) -> Organization:
    """Load one organization's file.

    Parameters
    ----------
    path : Path
        The file; its name without the suffix is the organization's.

    Returns
    -------
    Organization
        The organization, checked.

    Raises
    ------
    ConfigurationError
        One line that names file, key and mend. It quotes no text of the file, which could be a private key.
    """
    name = path.stem
    if len(name) > MAXIMUM_NAME_LENGTH or not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
        raise ConfigurationError(
            f"{path}: its name cannot be a stack's; rename it to letters, digits and hyphens, "
            f"a letter first, at most {MAXIMUM_NAME_LENGTH} before .toml"
        )
    values = _parse(path, _read(path))
    values.setdefault("customer_id", name)
    organization = Organization(name=name, **values)
    _check_together(path, organization)
    return organization


def _check_distinct(paths: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for path in paths:
        other = seen.setdefault(path.name.casefold(), path)
        if other is not path:
            raise ConfigurationError(f"{path}: differs from {other.name} only in case; rename one of them")


def _read(path: Path) -> dict[str, Any]:
    try:
        # Editors on Windows may put a byte order mark first.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); mend its permissions") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at (line \d+, column \d+|end of document)", str(error))
        where = f" at {place[1]}" if place else ""
        raise ConfigurationError(
            f"{path}: is not TOML{where}; compare it with organizations/example.toml there"
        ) from None


def _parse(path: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    for key in document:
        if key not in _PARSERS:
            raise ConfigurationError(f"{path}: {_unknown_key(key)}")
    if "public_keys" not in document:
        raise ConfigurationError(f"{path}: public_keys: is missing; list the PEM public keys that VectorCare shows")
    values = {}
    for key, value in document.items():
        try:
            values[key] = _PARSERS[key](value)
        except _InvalidError as error:
            raise ConfigurationError(f"{path}: {key}{error.at}: {error}") from None
    return values


def _unknown_key(key: str) -> str:
    shown = key if re.fullmatch(r"[A-Za-z0-9_-]{1,40}", key) else "a key"
    nearest = difflib.get_close_matches(key, _PARSERS, n=1)
    mend = f"did you mean {nearest[0]}?" if nearest else f"the keys are {', '.join(_PARSERS)}"
    return f"{shown}: is not a key of this file; {mend}"


def _check_together(path: Path, organization: Organization) -> None:
    if organization.journal_retention_days < organization.state_retention_days:
        raise ConfigurationError(
            f"{path}: journal_retention_days: {organization.journal_retention_days} days are fewer than the state's "
            f"{organization.state_retention_days}; raise it, or lower state_retention_days"
        )
    if organization.domain_name and not organization.certificate_arn:
        raise ConfigurationError(f"{path}: certificate_arn: is missing; domain_name needs its ACM certificate's ARN")
    if organization.certificate_arn and not organization.domain_name:
        raise ConfigurationError(f"{path}: domain_name: is missing; name the domain of certificate_arn, or remove that")
    if organization.environment == "production" and _can_be_guessed(organization):
        raise ConfigurationError(
            f"{path}: customer_id: can be guessed, which production does not allow; make one with: "
            'python -c "import secrets; print(secrets.token_urlsafe(24))"'
        )


def _can_be_guessed(organization: Organization) -> bool:
    """Tell names and short identifiers: with VectorCare's one key for all, nothing else keeps others' webhooks out."""
    return (
        organization.customer_id == organization.name
        or len(organization.customer_id) < MINIMUM_PRODUCTION_CUSTOMER_ID_LENGTH
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _InvalidError("is not a text; put it between quotes")
    return value


def _matching(pattern: str, problem: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        text = _text(value)
        if not re.fullmatch(pattern, text):
            raise _InvalidError(problem)
        return text

    return parse


def _one_of(*choices: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        text = _text(value)
        if text not in choices:
            raise _InvalidError(f"is not one of its values; choose {' or '.join(choices)}")
        return text

    return parse


def _whole_number(minimum: int, maximum: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            raise _InvalidError(f"is not a whole number in range; choose one from {minimum} to {maximum}")
        return value

    return parse


def _list_of(parse_item: Callable[[object], _T]) -> Callable[[object], tuple[_T, ...]]:
    def parse(value: object) -> tuple[_T, ...]:
        if not isinstance(value, list):
            raise _InvalidError("is not a list; put its values between [ and ]")
        items: list[_T] = []
        for index, raw in enumerate(value):
            try:
                item = parse_item(raw)
            except _InvalidError as error:
                raise _InvalidError(str(error), at=f"[{index}]") from None
            if item in items:
                raise _InvalidError(f"repeats [{items.index(item)}]; remove one of them", at=f"[{index}]")
            items.append(item)
        return tuple(items)

    return parse


def _public_key(value: object) -> bytes:
    try:
        return read_public_key(_text(value))
    except PublicKeyError as error:
        raise _InvalidError(str(error)) from None


def _public_keys(value: object) -> tuple[bytes, ...]:
    keys = _list_of(_public_key)(value)
    if not keys:
        raise _InvalidError("is empty; list the PEM public keys that VectorCare shows")
    if sum(len(base64.b64encode(key)) + 1 for key in keys) > MAXIMUM_PUBLIC_KEYS_BYTES:
        raise _InvalidError("is more than a function's environment holds; remove the keys that no longer sign")
    return keys


def _network(value: object) -> str:
    text = _text(value)
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise _InvalidError("is not a network; write it in CIDR form, such as 203.0.113.0/24") from None
    raise _InvalidError(f"has bits set behind its prefix; write {network} or a longer prefix")


_DAYS = _whole_number(MINIMUM_RETENTION_DAYS, MAXIMUM_RETENTION_DAYS)
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_PARSERS: Mapping[str, Callable[[object], Any]] = {
    "public_keys": _public_keys,
    "environment": _one_of("uat", "production"),
    "customer_id": _matching(
        r"[A-Za-z0-9._~-]{1,64}",
        "has to stand in a URL as it is; use 1 to 64 letters, digits, hyphens, dots, underscores and tildes",
    ),
    "allowed_source_ips": _list_of(_network),
    "order_by": _one_of("event_timestamp", "event_id"),
    "publish_actions": _list_of(
        _matching(r"\*|[A-Z][A-Z0-9_]*", 'is not an action; write it as VectorCare does, or "*" for all')
    ),
    "alarm_emails": _list_of(
        _matching(r"[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>.]+", "is not an e-mail address; write it as name@example.com")
    ),
    "journal_retention_days": _DAYS,
    "state_retention_days": _DAYS,
    # Lambda's own bounds for an SQS event source (Lambda Developer Guide, "Using Lambda with Amazon SQS").
    "max_concurrency": _whole_number(2, 1000),
    "domain_name": _matching(
        rf"(?=.{{1,253}}$)({_LABEL}\.)+{_LABEL}", "is not a domain name; write it in small letters without https://"
    ),
    "certificate_arn": _matching(
        r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+",
        "is not an ACM certificate; copy its ARN from Certificate Manager in the region of the stack",
    ),
}
