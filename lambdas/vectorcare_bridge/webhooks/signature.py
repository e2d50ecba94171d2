"""VectorCare's webhook signature: RSA PKCS#1 v1.5 over SHA-256 of the raw body, base64 in one header."""

import base64
import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

HEADER = "X-VectorCare-Signature"

_PADDING = PKCS1v15()
_ALGORITHM = SHA256()
_HEX = re.compile("[0-9A-Fa-f]+")
_PSS = PSS(mgf=MGF1(_ALGORITHM), salt_length=PSS.AUTO)


class Refusal(StrEnum):
    """Why a signature does not prove that the body came from VectorCare."""

    MISSING = "missing"
    NOT_BASE64 = "not base64"
    NO_KEY = "no key verifies it"
    OTHER_BYTES = "made by a listed key, but over other bytes than these: the body is not what was signed"
    OTHER_FORM = "made by a listed key, but not as RSA PKCS#1 v1.5 over SHA-256"


class SignatureRefusedError(Exception):
    """The signature does not prove that the body came from VectorCare; `refusal` says which part failed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Key:
    """One of VectorCare's public keys, with the name under which logs and metrics count it."""

    fingerprint: str
    public_key: RSAPublicKey


def load_keys(encoded: str) -> tuple[Key, ...]:
    """Read comma-separated base64 of each key's DER SubjectPublicKeyInfo, as the synthesized stack holds them.

    A fingerprint is the first 12 hex digits of the DER's SHA-256.
    """
    ders = [base64.b64decode(part, validate=True) for part in encoded.split(",")]
    return tuple(
        Key(hashlib.sha256(der).hexdigest()[:12], cast("RSAPublicKey", load_der_public_key(der))) for der in ders
    )


def verify(body: bytes, header: str | None, keys: Sequence[Key]) -> Key:
    """Find the key that signed exactly these bytes: the body as it came over the wire, before any parsing.

    Any of the keys may have signed, so that VectorCare can rotate its key without a gap.

    Raises
    ------
    SignatureRefusedError
        The header is missing, is not canonical base64, or no key verifies.

    Notes
    -----
    Algorithm and header: VectorCare Open API 2.0, "Webhooks > Verification".
    """
    if not header:
        raise SignatureRefusedError(Refusal.MISSING)
    signature = _decoded(header)
    for key in keys:
        try:
            key.public_key.verify(signature, body, _PADDING, _ALGORITHM)
        except InvalidSignature:
            continue
        return key
    raise SignatureRefusedError(Refusal.NO_KEY)


def explain(body: bytes, header: str, keys: Sequence[Key]) -> Refusal:
    """Explain why no key verifies a signature; the result never admits a request.

    The public key recovers from an RSA signature what was signed. So a signature that a key made over other bytes, or
    in another form, can be distinguished from one that no key made. Call it for what `verify` refused with `NO_KEY`.

    The result is `OTHER_BYTES`, `OTHER_FORM`, `NOT_BASE64` for hex, which can be read as base64, or still `NO_KEY`.
    """
    if _HEX.fullmatch(header):
        return Refusal.NOT_BASE64
    signature = _decoded(header)
    for key in keys:
        recover, verify_pss = key.public_key.recover_data_from_signature, key.public_key.verify
        with suppress(InvalidSignature):
            recover(signature, _PADDING, _ALGORITHM)
            return Refusal.OTHER_BYTES
        with suppress(InvalidSignature):
            recover(signature, _PADDING, None)
            return Refusal.OTHER_FORM
        with suppress(InvalidSignature):
            verify_pss(signature, body, _PSS, _ALGORITHM)
            return Refusal.OTHER_FORM
    return Refusal.NO_KEY


def _decoded(header: str) -> bytes:
    try:
        signature = base64.b64decode(header, validate=True)
    except ValueError:
        raise SignatureRefusedError(Refusal.NOT_BASE64) from None
    # Base64 has several spellings for one value (unused bits before the padding); only the canonical one passes.
    if base64.b64encode(signature).decode() != header:
        raise SignatureRefusedError(Refusal.NOT_BASE64)
    return signature
