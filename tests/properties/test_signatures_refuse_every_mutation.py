"""One bit of the body, the signature or the key: refused."""

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support import signing
from vectorcare_bridge.webhooks import signature

KEYS = signature.load_keys(signing.encoded_public_key())
bodies = st.binary(min_size=1, max_size=400)


def refused(body: bytes, header: str, keys: tuple[signature.Key, ...] = KEYS) -> None:
    with pytest.raises(signature.SignatureRefusedError):
        signature.verify(body, header, keys)


@given(body=bodies, bit=st.integers(0))
def test_a_body_with_one_bit_turned_is_refused(body: bytes, bit: int) -> None:
    header = signing.sign(body)
    altered = bytearray(body)
    altered[bit // 8 % len(body)] ^= 1 << bit % 8
    refused(bytes(altered), header)


@given(body=bodies, bit=st.integers(0, 2047))
def test_a_signature_with_one_bit_turned_is_refused(body: bytes, bit: int) -> None:
    raw = bytearray(base64.b64decode(signing.sign(body)))
    raw[bit // 8] ^= 1 << bit % 8
    refused(body, base64.b64encode(raw).decode())


@given(body=bodies, position=st.integers(0, 343), character=st.characters(max_codepoint=0x2FFF))
def test_a_header_with_one_character_changed_is_refused(body: bytes, position: int, character: str) -> None:
    header = signing.sign(body)
    assume(header[position] != character)
    refused(body, header[:position] + character + header[position + 1 :])


@given(
    body=bodies, header=st.text(max_size=400) | st.binary(max_size=300).map(lambda raw: base64.b64encode(raw).decode())
)
def test_no_invented_header_is_let_in(body: bytes, header: str) -> None:
    refused(body, header)
