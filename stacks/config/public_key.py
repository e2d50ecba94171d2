"""The PEM public keys of an organization's file, checked and converted to one form."""

import hashlib
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

MINIMUM_BITS = 2048
# The spool keeps a webhook's signature as metadata, of which S3 takes 2 KB in all ("Working with object metadata", S3
# user guide): enough for keys of 11,900 bits.
MAXIMUM_BITS = 8192

# SHA-256 of the key in organizations/example.toml.
_SAMPLE = "eaf60108912e2536eb40942258045124bb531d7e40d675440edfa5786072b11e"

_PASTE = "copy the key from VectorCare, Settings > Open API, with its BEGIN PUBLIC KEY and END PUBLIC KEY lines"
_LABEL = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")


class PublicKeyError(Exception):
    """What is wrong with a key, and how to fix it; never its content."""


def read_public_key(pem: str) -> bytes:
    """Read an RSA public key that may sign webhooks.

    VectorCare shows it as PEM (SubjectPublicKeyInfo) in Settings > Open API (openapi.vectorcare.com,
    "webhooks/verification"). The result is DER SubjectPublicKeyInfo.

    Raises
    ------
    PublicKeyError
        If it is anything else. The text says what is wrong and how to fix it, and holds nothing of the key.
    """
    labels = _LABEL.findall(pem)
    if any("PRIVATE KEY" in label for label in labels):
        raise PublicKeyError(f"is a private key; delete it from the file and its history, then {_PASTE}")
    if "CERTIFICATE" in labels:
        raise PublicKeyError("is a certificate; extract its key with: openssl x509 -pubkey -noout -in FILE")
    if len(labels) != 1:
        raise PublicKeyError(f"has {len(labels)} PEM blocks instead of one; {_PASTE}, one string per key")
    try:
        key = load_pem_public_key(pem.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        # The parser's own text could quote what it read.
        raise PublicKeyError(f"is not a readable PEM public key; {_PASTE}") from None
    if not isinstance(key, RSAPublicKey):
        raise PublicKeyError(f"is not an RSA key; {_PASTE}")
    if key.key_size < MINIMUM_BITS:
        raise PublicKeyError(f"has {key.key_size} bits, fewer than {MINIMUM_BITS}; ask VectorCare for a longer key")
    if key.key_size > MAXIMUM_BITS:
        raise PublicKeyError(f"has {key.key_size} bits, more than {MAXIMUM_BITS}; ask VectorCare for a shorter key")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def is_sample_key(der: bytes) -> bool:
    """Recognize the key of ``organizations/example.toml``, which no webhook is signed with."""
    return hashlib.sha256(der).hexdigest() == _SAMPLE
