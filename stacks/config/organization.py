"""The file of one customer organization: its keys, and the errors that a mistake in it causes."""

import base64
import ipaddress
import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stacks.config import aws_limits, fleet, parsers, places, secret_finder, toml_file
from stacks.config.alarm_thresholds import AlarmThresholds, parse_alarm_thresholds
from stacks.config.aws_limits import Problem
from stacks.config.errors import ConfigurationError
from stacks.config.parsers import InvalidError
from stacks.config.public_key import PublicKeyError, is_sample_key, read_public_key
from stacks.config.toml_file import Document
from stacks.config.twin import Twin, parse_twin

_log = logging.getLogger(__name__)

STACK_PREFIX = "VectorCareBridge-"
# organizations/example.toml: it is there to be copied.
SAMPLE_NAME = "example"
# The longest derived name, "VectorCareBridge-<name>-outbound", has to fit into an SQS queue name (80 characters).
MAXIMUM_NAME_LENGTH = 54
MINIMUM_PRODUCTION_CUSTOMER_ID_LENGTH = 16
# TLS 1.3, or 1.2 with forward secrecy; and only for the host name that the certificate is for.
TLS_POLICY = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
ENDPOINT_ACCESS = "STRICT"
# API Gateway Developer Guide, "Supported security policies", table for Regional APIs, without TLS_1_0, which takes
# TLS 1.0 and 1.1; and API Reference, RestApi.
TLS_POLICIES = (
    TLS_POLICY,
    "SecurityPolicy_TLS13_1_3_2025_09",
    "SecurityPolicy_TLS13_1_3_FIPS_2025_09",
    "SecurityPolicy_TLS13_1_2_FIPS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_2021_06",
    "TLS_1_2",
)
MINIMUM_RETENTION_DAYS = 30
MAXIMUM_RETENTION_DAYS = 36500
# VectorCare's documentation, "Open API v2.0", which does not name the host of UAT's token endpoint.
API_URLS = {
    "uat": "https://hub-uat.vectorcare.com/openapi/v2.0",
    "production": "https://hub.vectorcare.com/openapi/v2.0",
}
TOKEN_URLS = {"uat": "", "production": "https://auth.vectorcare.com/v2.0/oauth2/token"}


@dataclass(frozen=True, kw_only=True)
class Organization:
    """One customer organization, checked; the keys of its file, described in ``organizations/example.toml``.

    Attributes
    ----------
    name : str
        The name of the file without its suffix.
    public_keys : tuple[bytes, ...]
        RSA keys as DER SubjectPublicKeyInfo; any of them may have signed a webhook.
    allowed_source_ips : tuple[str, ...]
        Networks in CIDR form; none means any.
    account, region : str | None
        Where the stack belongs; None is wherever the credentials lead.
    profile : str | None
        The AWS profile of ``./bridge`` for this stack, if nothing else names one.
    former_customer_ids : tuple[str, ...]
        Values of ``customer_id`` that are accepted too, until VectorCare calls the new URL.
    keep_default_url : bool | None
        Whether API Gateway's own URL stays on beside ``domain_name``; None, if the file does not say so, means yes.
    cost_centre : str | None
        The value of the tag CostCentre.
    publish_data : bool
        Whether change events carry patients' data.
    vectorcare_api_url, vectorcare_token_url : str | None
        Where commands go and tokens come from, if the file sets them.
    journal_retention_days, state_retention_days : int
        Days after which an event, and a closed service request, expire.
    twin : Twin | None
        The other region's stack: of the first stack the second, and of the second the first.
    is_second : bool
        Whether this is the second stack, which `second` makes; no file says it.
    """

    name: str
    public_keys: tuple[bytes, ...]
    customer_id: str
    environment: str = "uat"
    allowed_source_ips: tuple[str, ...] = ()
    order_by: str = "event_timestamp"
    publish_actions: tuple[str, ...] = ("*",)
    publish_data: bool = False
    vectorcare_api_url: str | None = None
    vectorcare_token_url: str | None = None
    alarm_emails: tuple[str, ...] = ()
    alarms_without_email: bool = False
    alarms: AlarmThresholds = field(default_factory=AlarmThresholds)
    journal_retention_days: int = 2190
    state_retention_days: int = 90
    max_concurrency: int = 2
    former_customer_ids: tuple[str, ...] = ()
    domain_name: str | None = None
    certificate_arn: str | None = None
    keep_default_url: bool | None = None
    tls_policy: str = TLS_POLICY
    endpoint_access: str = ENDPOINT_ACCESS
    cost_centre: str | None = None
    account: str | None = None
    region: str | None = None
    profile: str | None = None
    twin: Twin | None = None
    is_second: bool = False

    @property
    def stack_name(self) -> str:
        """The stack's name on AWS, the same in both regions."""
        return f"{STACK_PREFIX}{self.name}"

    @property
    def is_sample(self) -> bool:
        """Whether it is the file that is there to be copied: it can be synthesized, and is never deployed."""
        return any(map(is_sample_key, self.public_keys))

    @property
    def stack_id(self) -> str:
        """The stack's name on the CDK's command line, where both regions' stacks are in one application."""
        return f"{self.stack_name}-{self.region}" if self.is_second else self.stack_name

    @property
    def second(self) -> "Organization | None":
        """What the stack in the second region is made of; None if the file asks for none."""
        if self.twin is None or self.region is None or self.is_second:
            return None
        return replace(
            self,
            is_second=True,
            region=self.twin.region,
            domain_name=self.twin.domain_name,
            certificate_arn=self.twin.certificate_arn,
            # Its own URL stays on beside a domain, so that none that VectorCare calls is ever switched off.
            keep_default_url=True,
            twin=replace(
                self.twin, region=self.region, domain_name=self.domain_name, certificate_arn=self.certificate_arn
            ),
        )

    @property
    def stacks(self) -> "tuple[Organization, ...]":
        """The organization's stacks, one or two, each with the values of its region."""
        return (self, self.second) if self.second else (self,)

    @property
    def sends_commands(self) -> bool:
        """Whether this stack sends commands to VectorCare; of two stacks, one does."""
        return self.twin is None or self.is_second is (self.twin.commands == "twin")

    @property
    def api_url(self) -> str:
        return self.vectorcare_api_url or API_URLS[self.environment]

    @property
    def token_url(self) -> str:
        """Where the access token comes from; empty if neither the file nor VectorCare's documentation names it."""
        return self.vectorcare_token_url or TOKEN_URLS[self.environment]

    @property
    def has_default_url(self) -> bool:
        """Whether API Gateway's own URL is on; it is unless a domain replaces it and the file says that it may go."""
        return self.domain_name is None or self.keep_default_url is not False

    @property
    def endpoint_access_mode(self) -> str | None:
        """API Gateway's endpoint access mode; it exists for policies named ``SecurityPolicy_`` only."""
        return self.endpoint_access if self.tls_policy.startswith("SecurityPolicy_") else None

    def is_guessable(self, customer_id: str) -> bool:
        """Recognize names and short values: with one key for all, only this value keeps others' webhooks out."""
        return customer_id == self.name or len(customer_id) < MINIMUM_PRODUCTION_CUSTOMER_ID_LENGTH

    @property
    def encoded_public_keys(self) -> str:
        """The public keys as base64, separated by commas: what the ingest function reads."""
        return ",".join(base64.b64encode(key).decode() for key in self.public_keys)


def load_organizations(folder: Path, *, only: str | None = None) -> list[Organization]:
    """Load the organizations of a folder, one ``<name>.toml`` each, by name; there is at least one.

    With `only`, names with commas between, the others' files are not read.

    Raises
    ------
    ConfigurationError
        If the folder or a file is invalid.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: is not a folder; create it, or name another with -c organizations=DIR")
    paths = sorted(path for path in folder.glob("*.toml") if not path.name.startswith("."))
    if not paths:
        raise ConfigurationError(f"{folder}: contains no organization file; add <name>.toml for each organization")
    names = [path.stem for path in paths]
    wanted = names if only is None else only.split(",")
    for name in wanted:
        if name not in names:
            raise ConfigurationError(f"{folder}: contains no {name}.toml; choose one of: {', '.join(names)}")
    problems = [f"{path}: {what}" for path, what in fleet.name_problems(paths)]
    organizations = {}
    for path in paths:
        try:
            if path.stem in wanted:
                organizations[path] = load_organization(path)
        except ConfigurationError as error:
            problems.append(str(error))
    problems += [f"{path}: {what}" for path, what in fleet.second_stack_problems(organizations, paths)]
    if problems:
        raise ConfigurationError("\n".join(problems))
    for _, warning in fleet.shared_customer_ids(organizations):
        _log.warning("WARNING: %s", warning)
    return list(organizations.values())


def load_organization(path: Path) -> Organization:
    """Load and check one organization's file; its name without the suffix is the organization's.

    Raises
    ------
    ConfigurationError
        One line for each mistake: file, line, key, what is wrong, how to fix it. It quotes nothing from the file, which
        could hold a private key.
    """
    name = path.stem
    if path.suffix != ".toml" or len(name) > MAXIMUM_NAME_LENGTH or not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
        raise ConfigurationError(
            f"{path}: its name cannot be a stack's; rename it to letters, digits and hyphens, "
            f"a letter first, at most {MAXIMUM_NAME_LENGTH} before .toml"
        )
    document = toml_file.read(path)
    # The sample's key is good enough for the sample.
    public_keys = _sample_keys if name == SAMPLE_NAME else _public_keys
    parsed, problems = parsers.parse_keys(document.content, {**_PARSERS, "public_keys": public_keys})
    unread = {where for _, where, _ in document.problems}
    if "public_keys" not in document.content and unread.isdisjoint({"public_keys", toml_file.REST}):
        problems.append(("public_keys", "is missing; list the PEM public keys that VectorCare shows"))
    # Valid keys are checked against each other even if others are invalid: one run names all mistakes.
    organization = Organization(name=name, **{"customer_id": name, "public_keys": ()} | parsed)
    wrong = {re.split(r"[.\[]", where, maxsplit=1)[0] for where in {where for where, _ in problems} | unread}
    problems += [
        (keys[0], what)
        for keys, what in (*_conflicts(organization), *aws_limits.problems(organization))
        # An invalid key has its default here, and an error about that would mislead.
        if wrong.isdisjoint(keys)
    ]
    mistakes = [*document.problems, *((document.line(where), where, what) for where, what in problems)]
    if mistakes := _with_secrets(document, mistakes):
        raise ConfigurationError("\n".join(_line(path, *mistake) for mistake in mistakes))
    return organization


Mistake = tuple[int | None, str, str]
"""The line, if there is one; the key; and what is wrong."""


def _with_secrets(document: Document, mistakes: Sequence[Mistake]) -> list[Mistake]:
    """Add the secrets in a file, each in the place of other mistakes of its line; by line, those without one last."""
    first, last = document.lines.get("public_keys", 0), document.ends.get("public_keys", 0)
    is_named = any("is a private key" in what for _, _, what in mistakes)
    secrets = {
        line: what
        for line, what in secret_finder.find(document.text, known=_PARSERS)
        # A key in the list of public keys is named with its place in that list.
        if not (is_named and first <= line <= last)
    }
    keys = {line: where for where, line in document.lines.items()}
    found = [(line, keys.get(line, "a line"), what) for line, what in secrets.items()]
    kept = [mistake for mistake in mistakes if mistake[0] not in secrets]
    return sorted([*kept, *found], key=lambda mistake: mistake[0] or math.inf)


def _line(path: Path, line: int | None, where: str, what: str) -> str:
    return f"{path}:{line}: {where}: {what}" if line else f"{path}: {where}: {what}"


def _conflicts(organization: Organization) -> Iterator[Problem]:
    """Name keys that do not fit together."""
    if organization.journal_retention_days < organization.state_retention_days:
        yield (
            ("journal_retention_days", "state_retention_days"),
            f"{organization.journal_retention_days} days are fewer than the {organization.state_retention_days} of "
            "state_retention_days; raise one, or lower the other",
        )
    yield from _domain_conflicts(organization)
    yield from _twin_conflicts(organization)
    if (
        organization.environment == "production"
        and not organization.alarm_emails
        and not organization.alarms_without_email
    ):
        yield (
            ("alarm_emails", "alarms_without_email"),
            "names nobody who would hear of an alarm, which production does not allow; name the people on call, or, if "
            "another system subscribes to the stack's topic AlarmTopicArn, write alarms_without_email = true",
        )
    if organization.keep_default_url is False and not organization.domain_name:
        yield ("keep_default_url",), "leaves no URL at all; add domain_name and its certificate_arn, or remove it"
    if organization.customer_id in organization.former_customer_ids:
        yield ("former_customer_ids", "customer_id"), "lists the customer_id itself; remove it from the list"
    if organization.environment == "production" and organization.is_guessable(organization.customer_id):
        yield (
            ("customer_id",),
            "can be guessed, which production does not allow; set a random one, made with: "
            'python -c "import secrets; print(secrets.token_urlsafe(24))"',
        )


def _domain_conflicts(organization: Organization) -> Iterator[Problem]:
    """Name what is wrong with a stack's domain and its certificate."""
    if organization.domain_name and not organization.certificate_arn:
        yield ("certificate_arn",), "is missing; domain_name needs its ACM certificate's ARN"
    if organization.certificate_arn and not organization.domain_name:
        yield ("domain_name",), "is missing; name the domain of certificate_arn, or remove that"
    yield from _misplaced_certificate(organization)


def _twin_conflicts(organization: Organization) -> Iterator[Problem]:
    """Name what makes a second stack impossible, or a second copy of the first."""
    twin, second = organization.twin, organization.second
    if twin is None:
        return
    if second is None:
        yield ("region", "twin"), "is missing; a file with [twin] has to name the first stack's region too"
        return
    if second.region == organization.region:
        yield ("twin.region", "twin", "region"), "is the first stack's too; name another region"
        return
    if second.domain_name and second.domain_name == organization.domain_name:
        yield ("twin.domain_name", "twin"), "is the first stack's too; VectorCare needs two URLs, so name another"
    for keys, what in _domain_conflicts(second):
        yield (f"twin.{keys[0]}", "twin", *keys[1:]), what


def _misplaced_certificate(organization: Organization) -> Iterator[Problem]:
    """Name a certificate that a regional API in the stack's account and region cannot have."""
    if not organization.certificate_arn:
        return
    region, account = organization.certificate_arn.split(":")[3:5]
    for key, its, stacks in (("region", region, organization.region), ("account", account, organization.account)):
        if stacks and its != stacks:
            yield (
                ("certificate_arn", key),
                f"is of another {key} than the stack, which is in {stacks}; request a certificate there",
            )


def _any_public_key(value: object) -> bytes:
    try:
        return read_public_key(parsers.text(value))
    except PublicKeyError as error:
        raise InvalidError(str(error)) from None


def _public_key(value: object) -> bytes:
    key = _any_public_key(value)
    if is_sample_key(key):
        raise InvalidError(
            "is the sample's key, which nobody signs with; copy the key from VectorCare, Settings > Open API"
        )
    return key


def _public_keys(value: object) -> tuple[bytes, ...]:
    return _listed_keys(value, _public_key)


def _sample_keys(value: object) -> tuple[bytes, ...]:
    return _listed_keys(value, _any_public_key)


def _listed_keys(value: object, parse: Callable[[object], bytes]) -> tuple[bytes, ...]:
    keys = parsers.list_of(parse)(value)
    if not keys:
        raise InvalidError("is empty; list the PEM public keys that VectorCare shows")
    return keys


def _network(value: object) -> str:
    text = parsers.text(value)
    # Python also reads masks, zones of interfaces and IPv4 within IPv6, which AWS does not take.
    if not re.fullmatch(r"[0-9.]+(/[0-9]{1,2})?|[0-9A-Fa-f:]+(/[0-9]{1,3})?", text):
        raise InvalidError("is not a network; write it in CIDR form, such as 203.0.113.0/24")
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidError("is not a network; write it in CIDR form, such as 203.0.113.0/24") from None
    raise InvalidError(f"has bits set after its prefix; write {network} or a longer prefix")


_HOST = rf"(?=.{{1,253}}(?:[:/]|$))(?:{places.LABEL}\.)*{places.LABEL}"
_PORT = r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
# No user, query or fragment: they could hold a secret, and a path is appended to it.
_HTTPS_URL = rf"https://(?ai:{_HOST})(:({_PORT}))?(/[A-Za-z0-9._~/-]*)?"
# What SNS accepts and any mail server delivers to: the lengths of RFC 5321, and the characters of RFC 5322 that have
# no meaning in a path or a template.
_ATOM = r"[A-Za-z0-9!#$%&'*+=?^_~-]+"
_EMAIL = rf"(?=.{{1,254}}$)(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@(?ai:({places.LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9])"
_DAYS = parsers.whole_number(MINIMUM_RETENTION_DAYS, MAXIMUM_RETENTION_DAYS)
_CUSTOMER_ID = parsers.matching(
    r"[A-Za-z0-9._~-]{1,64}",
    "has a length or characters that a URL does not keep; use 1 to 64 letters, digits and any of - . _ ~",
)
PLACE_PARSERS: Mapping[str, Callable[[object], str]] = {
    "account": parsers.matching("[0-9]{12}", "is not an AWS account; write its 12 digits between quotes"),
    "region": places.region,
    # What ~/.aws/config can name in a section's brackets.
    "profile": parsers.matching(
        r"[A-Za-z0-9_.@/+=:,-]([A-Za-z0-9_.@/+=:, -]{0,126}[A-Za-z0-9_.@/+=:,-])?",
        "is not the name of an AWS profile; write it as aws configure list-profiles does",
    ),
}
_PARSERS: Mapping[str, Callable[[object], Any]] = {
    "public_keys": _public_keys,
    "environment": parsers.one_of("uat", "production"),
    "customer_id": _CUSTOMER_ID,
    "former_customer_ids": parsers.list_of(_CUSTOMER_ID),
    "allowed_source_ips": parsers.list_of(_network),
    "order_by": parsers.one_of("event_timestamp", "event_id"),
    "publish_actions": parsers.list_of(
        parsers.matching(r"\*|[A-Z][A-Z0-9_]*", 'is not an action; write it as VectorCare does, or "*" for all')
    ),
    "publish_data": parsers.boolean,
    "vectorcare_api_url": parsers.matching(
        _HTTPS_URL, f"is not a plain https URL; write it as {API_URLS['production']}"
    ),
    "vectorcare_token_url": parsers.matching(
        _HTTPS_URL, f"is not a plain https URL; write it as {TOKEN_URLS['production']}"
    ),
    "alarm_emails": parsers.list_of(
        parsers.matching(_EMAIL, "is not an e-mail address; write it as name@example.com, without a name before it")
    ),
    **PLACE_PARSERS,
    "alarms_without_email": parsers.boolean,
    "alarms": parse_alarm_thresholds,
    "journal_retention_days": _DAYS,
    "state_retention_days": _DAYS,
    # Lambda's own bounds for an SQS event source (Lambda Developer Guide, "Using Lambda with Amazon SQS").
    "max_concurrency": parsers.whole_number(2, 1000),
    "domain_name": places.domain_name,
    "certificate_arn": places.certificate_arn,
    "keep_default_url": parsers.boolean,
    "tls_policy": parsers.one_of(*TLS_POLICIES),
    "endpoint_access": parsers.one_of("STRICT", "BASIC"),
    # Tag naming limits (Tag Editor User Guide), as far as ASCII goes.
    "cost_centre": parsers.matching(
        r"(?=.{1,256}$)[A-Za-z0-9_.:/=+@-]([A-Za-z0-9 _.:/=+@-]*[A-Za-z0-9_.:/=+@-])?",
        "is not the value of an AWS tag; use 1 to 256 letters, digits, spaces and any of _ . : / = + - @",
    ),
    "twin": parse_twin,
}
