"""VectorCare's webhook signature: RSA PKCS#1 v1.5 over SHA-256 of the raw body, base64 in one header."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

HEADER = "X-VectorCare-Signature"

_PADDING = PKCS1v15()
_ALGORITHM = SHA256()


class SignatureRefusedError(Exception):
    """The signature does not prove that the body came from VectorCare; the text says which part failed."""


@dataclass(frozen=True, slots=True)
class Key:
    """One of VectorCare's public keys, with the name under which logs and metrics count it."""

    fingerprint: str
    public_key: RSAPublicKey


def load_keys(encoded: str) -> tuple[Key, ...]:
    """Read the keys that any webhook may have been signed with.

    Parameters
    ----------
    encoded : str
        Comma-separated base64 of each key's DER SubjectPublicKeyInfo. They were validated when the stack was
        synthesized.

    Returns
    -------
    tuple of Key
        In the given order; a fingerprint is the first 12 hex digits of the DER's SHA-256.
    """
    ders = [base64.b64decode(part, validate=True) for part in encoded.split(",")]
    return tuple(
        Key(hashlib.sha256(der).hexdigest()[:12], cast("RSAPublicKey", load_der_public_key(der))) for der in ders
    )


def verify(body: bytes, header: str | None, keys: Sequence[Key]) -> Key:
    """Find the key that signed exactly these bytes.

    Parameters
    ----------
    body : bytes
        The body as it came over the wire, before any parsing.
    header : str or None
        The value of `X-VectorCare-Signature`.
    keys : sequence of Key
        Any of them may have signed, so that VectorCare can rotate its key without a gap.

    Returns
    -------
    Key
        The key that verified.

    Raises
    ------
    SignatureRefusedError
        The header is missing, is not canonical base64, or no key verifies.

    Notes
    -----
    Algorithm and header: VectorCare Open API 2.0, "Webhooks > Verification".
    """
    if not header:
        raise SignatureRefusedError("missing")
    try:
        signature = base64.b64decode(header, validate=True)
    except ValueError:
        raise SignatureRefusedError("not base64") from None
    # Base64 has several spellings for one value (unused bits before the padding); only the canonical one passes.
    if base64.b64encode(signature).decode() != header:
        raise SignatureRefusedError("not base64")
    for key in keys:
        try:
            key.public_key.verify(signature, body, _PADDING, _ALGORITHM)
        except InvalidSignature:
            continue
        return key
    raise SignatureRefusedError("no key verifies it")
