"""Rule: no secret is in the repository, in the template, or in a function's environment."""

import copy
import hashlib
import json
import re
import secrets
import string
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

from stacks.config.organization import Organization
from stacks.config.public_key import read_public_key
from tests.stacks.templates import Template
from tests.support.repository import ROOT, repository_files
from tests.support.signing import private_pem

# Of detect-secrets' 27 those that this project could meet.
DETECTORS = (
    "AWSKeyDetector",
    "Base64HighEntropyString",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "HexHighEntropyString",
    "JwtTokenDetector",
    "KeywordDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SlackDetector",
)
# A line that these detectors find something in has one of these words, or a long text in quotes: the detectors take
# ten seconds for all lines of the repository, and one for those.
WORDS = (
    *("key", "pass", "pwd", "secret", "contrase", "token", "akia", "asia", "abia", "acca", "a3t", "://"),
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "gl", "gr1348941", "eyj", "sk-", "pypi-", "xox", "slack"),
)
QUOTED = re.compile(r"""["'](?:[0-9a-f]{8,}|[\w+/\\=-]{20,})["']""", re.IGNORECASE)

# Names that no secret has: a type of boto3's, the name of a secret, invented test data.
HARMLESS = re.compile(r"^[A-Z][A-Za-z]+Client$|^vectorcare$|invented", re.IGNORECASE)


def sample_key_digest() -> str:
    (pem,) = tomllib.loads((ROOT / "organizations/example.toml").read_text(encoding="utf-8"))["public_keys"]
    return hashlib.sha256(read_public_key(pem)).hexdigest()


_UNAMBIGUOUS = "".join(sorted({*string.ascii_uppercase} - {*"IO"}) + sorted({*string.digits} - {*"01"}))
# What the scanner reports and is not a secret: file, value, why. An entry that it no longer reports has to go.
EXPLAINED = {
    (
        "verification/benchmarks/ingest.py",
        "none",
    ): "the benchmark calls no AWS; botocore wants credentials all the same",
    ("local/clients.py", "test"): "opens nothing but the emulator on loopback",
    ("simulator/webhook.py", _UNAMBIGUOUS): "the alphabet of invented service request ids",
    ("verification/simulation/world/client.py", "ThrottlingException"): "the error code of Secrets Manager",
    ("tests/stacks/test_documented_services.py", "Secrets Manager"): "the name of an AWS service",
    ("tests/support/cloud.py", "testing"): "moto asks for credentials and takes any",
    ("tests/cli/verification/test_checks.py", "secret"): "the name of a secret",
    ("stacks/config/public_key.py", sample_key_digest()): "recognizes the sample of a public key",
}


def drawn(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


_BASE64_JSON = "eyJ"
PLANTED: dict[str, Callable[[], str]] = {
    "a private key": private_pem,
    "an AWS access key": lambda: f"key is {'AKIA' + drawn(string.ascii_uppercase + string.digits, 16)} there",
    "an AWS secret key": lambda: f'aws_secret_access_key = "{secrets.token_urlsafe(30)}"',
    "a password": lambda: f'password = "{drawn(string.ascii_letters, 14)}"',
    "a client secret": lambda: f'client_secret: "{secrets.token_urlsafe(32)}"',
    "hex": lambda: f'value = "{secrets.token_hex(32)}"',
    "base64": lambda: f'value = "{secrets.token_urlsafe(48)}"',
    "a GitHub token": lambda: f"ghp_{drawn(string.ascii_letters, 36)}",
    "a web token": lambda: ".".join(_BASE64_JSON + part for part in ("hbGciOiJIUzI1NiJ9", "zdWIiOiIxIn0", "c2ln")),
    "a Slack token": lambda: f"xoxb-{drawn(string.digits, 12)}-{drawn(string.ascii_lowercase, 24)}",
    "a URL with a password": lambda: f"https://somebody:{drawn(string.ascii_letters, 12)}@example.com/",
}


def test_the_repository_holds_no_secret() -> None:
    # Given every file that is, or could be, committed
    files = sorted(repository_files())
    assert len(files) > 100
    # When they are scanned
    found = scan(ROOT, files)
    # Then whatever looks like a secret is explained
    unexplained = [
        f"{name}: {secret.type}. Take it out and rotate it; if it is not a secret, say why in EXPLAINED of this test"
        for name, secret in found
        if (name, secret.secret_value) not in EXPLAINED and not HARMLESS.search(str(secret.secret_value))
    ]
    assert not unexplained, "\n".join(unexplained)
    # And every explanation still explains something
    explained = {(name, value) for name, value in EXPLAINED if name in files}
    assert {(name, secret.secret_value) for name, secret in found} >= explained


@pytest.mark.parametrize("name", ["settings.toml", "notes.md", "code.py"])
@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_secret_is_found(tmp_path: Path, kind: str, name: str) -> None:
    # Given a file with a secret between harmless lines
    (tmp_path / name).write_text(f"# harmless\n{PLANTED[kind]()}\n# harmless\n")
    # When it is scanned, Then it is found
    assert scan(tmp_path, [name])


@pytest.fixture(scope="module")
def found_in_template(templates: Mapping[str, Template]) -> set[str | None]:
    return scan_template(templates["everything"])


def test_the_template_and_the_environments_hold_no_secret(
    organizations: Mapping[str, Organization], templates: Mapping[str, Template], found_in_template: set[str | None]
) -> None:
    # Given what is known to be there: public keys, the customer_id, the names that CDK makes of hashes
    organization, template = organizations["everything"], templates["everything"]
    public_keys = {*organization.encoded_public_keys.split(",")}
    known = {organization.customer_id, organization.encoded_public_keys, *template["Resources"]} | public_keys
    known |= {value.partition(".")[0] for name, value in pairs(template) if name == "S3Key"}
    # Then nothing else looks like a secret
    assert public_keys <= found_in_template <= known


@pytest.mark.parametrize(
    ("variable", "secret"),
    [
        ("HARMLESS", private_pem()),
        ("HARMLESS", f"AKIA{drawn(string.ascii_uppercase + string.digits, 16)}"),
        ("HARMLESS", secrets.token_hex(32)),
        ("HARMLESS", secrets.token_urlsafe(48)),
        ("DATABASE_PASSWORD", drawn(string.ascii_letters, 14)),
    ],
    ids=["a private key", "an AWS access key", "hex", "base64", "a name that says so"],
)
def test_a_secret_in_a_functions_environment_is_found(
    templates: Mapping[str, Template], found_in_template: set[str | None], variable: str, secret: str
) -> None:
    # Given a template with a secret in one function's environment
    planted = copy.deepcopy(dict(templates["everything"]))
    function = next(each for each in planted["Resources"].values() if each["Type"] == "AWS::Lambda::Function")
    function["Properties"]["Environment"]["Variables"][variable] = secret
    # When it is scanned, Then it is found
    assert scan_template(planted) - found_in_template


def scan(root: Path, files: Iterable[str]) -> list[tuple[str, PotentialSecret]]:
    """Find in files what looks like a secret; nothing is asked of anybody outside."""
    with (
        tempfile.TemporaryDirectory() as folder,
        transient_settings({"plugins_used": [{"name": name} for name in DETECTORS]}) as settings,
    ):
        assert not [name for name in settings.filters if "verification" in name]
        collection = SecretsCollection(root=folder)
        for name in files:
            lines = (root / name).read_text(encoding="utf-8", errors="replace").splitlines()
            if suspicious := [line for line in lines if is_suspicious(line)]:
                part = Path(folder) / name
                part.parent.mkdir(parents=True, exist_ok=True)
                part.write_text("\n".join(suspicious), encoding="utf-8")
                collection.scan_file(name)
    return list(collection)


def is_suspicious(line: str) -> bool:
    lower = line.lower()
    return any(word in lower for word in WORDS) or bool(QUOTED.search(line))


def scan_template(template: Template) -> set[str | None]:
    """Find the values in a template, the functions' environments among them, that look like a secret."""
    parts = {(name, part) for name, value in pairs(template) for part in (value, *value.split(","))}
    lines = sorted(json.dumps({name: part})[1:-1] for name, part in parts)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "template.json").write_text("\n".join(lines))
        return {secret.secret_value for _name, secret in scan(Path(folder), ["template.json"])}


def pairs(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        yield name, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from pairs(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from pairs(value, name)
