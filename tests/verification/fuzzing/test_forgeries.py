"""Published forgeries of RSA PKCS#1 v1.5 signatures: none is let in, by the functions nor by the oracle."""

import base64
from collections import Counter
from functools import cache
from typing import cast

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from vectorcare_bridge.webhooks import signature
from verification.fuzzing import forgeries, signatures
from verification.fuzzing.forgeries import Vector

VECTORS = tuple(forgeries.wycheproof())

# Python's integers are slow with larger ones.
LARGEST_JUDGED = 2048


@cache
def keys_of(der: bytes) -> tuple[signature.Key, ...]:
    return signature.load_keys(base64.b64encode(der).decode())


@cache
def numbers_of(der: bytes) -> RSAPublicKey:
    return cast("RSAPublicKey", load_der_public_key(der))


def is_let_in(vector: Vector) -> bool:
    """Verify; a refusal can always be explained."""
    keys = keys_of(vector.key)
    try:
        signature.verify(vector.body, vector.header, keys)
    except signature.SignatureRefusedError as refused:
        if refused.refusal is signature.Refusal.NO_KEY:
            assert signature.explain(vector.body, vector.header, keys) in signature.Refusal
        return False
    return True


def test_only_valid_signatures_are_let_in() -> None:
    assert [vector.name for vector in VECTORS if is_let_in(vector) != vector.is_valid] == []


def test_the_oracle_judges_them_alike() -> None:
    judged = (
        (vector, signatures.holds_under(vector.body, vector.header, numbers_of(vector.key).public_numbers()))
        for vector in VECTORS
        if numbers_of(vector.key).key_size <= LARGEST_JUDGED
    )
    assert [vector.name for vector, holds in judged if holds != vector.is_valid] == []


def test_the_published_vectors_are_all_there() -> None:
    assert Counter(vector.is_valid for vector in VECTORS) == {True: 40, False: 3315}
