"""Whose webhooks the local environment takes, and the private key that signs them."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from local.errors import LocalError
from stacks.config.errors import ConfigurationError
from stacks.config.organization import Organization, load_organization

LOCAL_NAME = "local"


@dataclass(frozen=True, kw_only=True)
class LocalOrganization:
    """A customer organization, its file, and its private key if there is one."""

    name: str  # of its file, without `.toml`
    directory: Path  # the folder of organization files that the stack is synthesized from
    private_key_file: Path | None  # PEM of a private key whose public key is in the organization's file


def make_local_organization(directory: Path) -> LocalOrganization:
    """Make the organization that is used if no other is given; its key pair is made only once.

    Raises
    ------
    LocalError
        The key of an earlier run cannot be read.
    """
    private_key_file = directory / "private_key.pem"
    key = keep_private_key(private_key_file).public_key()
    public_key = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    organizations = directory / "organizations"
    organizations.mkdir(exist_ok=True)
    (organizations / f"{LOCAL_NAME}.toml").write_text(
        f'public_keys = ["""\n{public_key}"""]\nenvironment = "uat"\n', encoding="utf-8"
    )
    return LocalOrganization(name=LOCAL_NAME, directory=organizations, private_key_file=private_key_file)


def keep_private_key(path: Path) -> rsa.RSAPrivateKey:
    """Read a private key; the first time it is made.

    Raises
    ------
    LocalError
        The key of an earlier run cannot be read.
    """
    if not path.exists():
        pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        path.touch(mode=0o600)
        path.write_bytes(pem)
    return load_private_key(path)


def choose_organization(*, directory: Path, name: str | None, private_key_file: Path | None) -> LocalOrganization:
    """Choose an organization from the user's own folder.

    None as name takes the only one.

    Raises
    ------
    LocalError
        There is no such organization, or none, or several to choose from; its file has a mistake, or the key does not
        match it.
    """
    names = sorted(path.stem for path in directory.glob("*.toml"))
    if not names:
        raise LocalError(f"{directory} holds no organization file (NAME.toml). Add one, or leave out --organizations.")
    if name is None and len(names) > 1:
        raise LocalError(
            f"{directory} holds several organizations: {', '.join(names)}. Choose one with --organization."
        )
    chosen = name or names[0]
    if chosen not in names:
        raise LocalError(
            f"{directory} holds no organization {chosen}; it holds {', '.join(names)}. "
            f"Choose another folder with --organizations."
        )
    organization_file = directory / f"{chosen}.toml"
    organization = _load(organization_file)
    if organization.is_sample:
        raise LocalError(
            f"{organization_file} is a sample, and nobody can sign a webhook with its key. Copy it and list a key of "
            f"your own, or leave out --organizations."
        )
    if private_key_file is not None and _public_der(load_private_key(private_key_file)) not in organization.public_keys:
        raise LocalError(
            f"{private_key_file} is not the private key of any public_keys in {organization_file}: "
            f"what it signs would be refused. Pass the matching key, or leave out --private-key."
        )
    return LocalOrganization(name=chosen, directory=directory, private_key_file=private_key_file)


def load_private_key(path: Path) -> rsa.RSAPrivateKey:
    """Read an unencrypted RSA private key in PEM form.

    Raises
    ------
    LocalError
        The file is not that.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise LocalError(
            f"{path} cannot be read as an unencrypted private key in PEM form ({type(error).__name__}). "
            f"If `make run` made it, delete it and run again."
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise LocalError(f"{path} is not an RSA key, and VectorCare signs with RSA.")
    return key


def _load(organization_file: Path) -> Organization:
    """Load an organization's file that a deployment would take."""
    try:
        return load_organization(organization_file)
    except ConfigurationError as error:
        raise LocalError(str(error)) from None


def _public_der(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
