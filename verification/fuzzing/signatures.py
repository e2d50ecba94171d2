"""Signatures made to order, and an independent answer to whether one holds."""

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import load_der_public_key

from verification.fuzzing.functions import KNOWN_KEYS
from verification.simulation.plan import keys

# DigestInfo of SHA-256 up to the digest (RFC 8017, section 9.2, note 1).
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def holds(body: bytes, header: object) -> bool:
    """Whether a header is the canonical base64 of a known key's signature over exactly these bytes."""
    return any(holds_under(body, header, _numbers(name)) for name in KNOWN_KEYS)


def holds_under(body: bytes, header: object, key: RSAPublicNumbers) -> bool:
    """Answer the same for one key.

    Textbook RSA with Python's integers (RFC 8017, section 8.2.2), so that it shares nothing with the functions.
    """
    if not isinstance(header, str) or not header.isascii():
        return False
    try:
        signature = base64.b64decode(header, validate=True)
    except ValueError:
        return False
    size = (key.n.bit_length() + 7) // 8
    value = int.from_bytes(signature)
    if base64.b64encode(signature).decode() != header or len(signature) != size or value >= key.n:
        return False
    info = _DIGEST_INFO + hashlib.sha256(body).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
    return pow(value, key.e, key.n).to_bytes(size) == padded


def made(body: bytes, recipe: dict[str, Any]) -> str | None:
    """Sign a body by a recipe: `key` is a key's name, or None for no header, `tamper` changes to it."""
    key = recipe.get("key", keys.OLD)
    if key is None:
        return None
    header = keys.sign(body, key if key in {*KNOWN_KEYS, keys.FOREIGN} else keys.FOREIGN)
    for how, what in recipe.get("tamper") or ():
        header = _TAMPERINGS[how](header, what)
    return header


def is_signed(recipe: dict[str, Any]) -> bool:
    """Whether a recipe says that a known key signs what is sent, and nothing is tampered with after that."""
    return recipe.get("key", keys.OLD) in KNOWN_KEYS and not recipe.get("tamper") and not recipe.get("after")


@cache
def _numbers(name: str) -> RSAPublicNumbers:
    return cast("RSAPublicKey", load_der_public_key(base64.b64decode(keys.encoded(name)))).public_numbers()


def uncanonical(header: str) -> str:
    """Set a bit before the padding that base64 ignores."""
    end = header.rstrip("=")
    if not end or end[-1] not in _ALPHABET or end == header:
        return header
    return end[:-1] + _ALPHABET[_ALPHABET.index(end[-1]) ^ 1] + header[len(end) :]


def _flip(raw: bytes, bit: int) -> bytes:
    place = bit // 8 % max(1, len(raw))
    return raw[:place] + bytes(octet ^ 1 << bit % 8 for octet in raw[place : place + 1]) + raw[place + 1 :]


def _plus_modulus(raw: bytes, times: int) -> bytes:
    """Write the same residue as another number."""
    value = int.from_bytes(raw) + (times % 3 + 1) * _numbers(KNOWN_KEYS[0]).n
    return value.to_bytes((value.bit_length() + 7) // 8)


def _on_bytes(change: Callable[[bytes, int], bytes]) -> Callable[[str, Any], str]:
    def changed(header: str, what: Any) -> str:
        try:
            raw = base64.b64decode(header)
        except ValueError:  # an earlier change has left no base64
            raw = header.encode("utf-8", "surrogatepass")
        return base64.b64encode(change(raw, int(what))).decode()

    return changed


_TAMPERINGS: dict[str, Callable[[str, Any], str]] = {
    "set": lambda _header, what: str(what),
    "before": lambda header, what: f"{what}{header}",
    "behind": lambda header, what: f"{header}{what}",
    "cut": lambda header, place: header[: int(place) % (len(header) + 1)],
    "url": lambda header, _what: header.replace("+", "-").replace("/", "_"),
    "unpad": lambda header, _what: header.rstrip("="),
    "uncanonical": lambda header, _what: uncanonical(header),
    "flip": _on_bytes(_flip),
    "zeros": _on_bytes(lambda raw, count: bytes(count % 64 + 1) + raw),
    "longer": _on_bytes(lambda raw, count: raw + bytes(count % 64 + 1)),
    "modulus": _on_bytes(_plus_modulus),
}

TAMPERINGS = tuple(_TAMPERINGS)
"""What a recipe's `tamper` may name."""

WITH_TEXT = frozenset({"set", "before", "behind"})
"""Those of them that take a text; the others take a number."""
