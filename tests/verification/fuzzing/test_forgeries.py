"""Published and classic forgeries of RSA PKCS#1 v1.5 signatures: none is let in, by the functions nor by the oracle."""

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from vectorcare_bridge.webhooks import signature
from verification.fuzzing import forgeries, signatures
from verification.fuzzing.forgeries import Vector

SOURCES: tuple[Callable[[], Iterator[Vector]], ...] = (forgeries.wycheproof, forgeries.cavp, forgeries.by_hand)

# Python's integers are slow with larger ones.
LARGEST_JUDGED = 2048


@cache
def keys_of(der: bytes) -> tuple[signature.Key, ...]:
    return signature.load_keys(base64.b64encode(der).decode())


@cache
def numbers_of(der: bytes) -> RSAPublicKey:
    return cast("RSAPublicKey", load_der_public_key(der))


def is_let_in(vector: Vector) -> bool:
    try:
        signature.verify(vector.body, vector.header, keys_of(vector.key))
    except signature.SignatureRefusedError:
        return False
    return True


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_what_is_valid_is_let_in_and_nothing_else(source: Callable[[], Iterable[Vector]]) -> None:
    assert [vector.name for vector in source() if is_let_in(vector) != vector.is_valid] == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_why_it_is_not_let_in_can_always_be_said(source: Callable[[], Iterable[Vector]]) -> None:
    for vector in source():
        if vector.header:
            with suppress(signature.SignatureRefusedError):
                assert signature.explain(vector.body, vector.header, keys_of(vector.key)) in signature.Refusal


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_the_fuzzing_itself_judges_them_alike(source: Callable[[], Iterable[Vector]]) -> None:
    judged = (
        (vector, signatures.holds_under(vector.body, vector.header, numbers_of(vector.key).public_numbers()))
        for vector in source()
        if numbers_of(vector.key).key_size <= LARGEST_JUDGED
    )
    assert [vector.name for vector, holds in judged if holds != vector.is_valid] == []


def test_the_published_vectors_are_all_there() -> None:
    counts = Counter((source.__name__, vector.is_valid) for source in SOURCES[:2] for vector in source())
    assert counts == {
        ("wycheproof", True): 51,
        ("wycheproof", False): 6151,
        ("cavp", True): 9,
        ("cavp", False): 261,
    }
