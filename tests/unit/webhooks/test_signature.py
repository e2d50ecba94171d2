"""Which signatures are accepted, and why others are refused."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from tests.support import signing
from vectorcare_bridge.webhooks import signature
from vectorcare_bridge.webhooks.signature import Refusal

BODY = b'{"service_request_id": "VC-TEST0001"}'


def keys(*names: str) -> tuple[signature.Key, ...]:
    return signature.load_keys(",".join(signing.encoded_public_key(signing.private_key(name)) for name in names))


def test_what_vectorcare_signed_is_accepted() -> None:
    # Given a body and its signature
    header = signing.sign(BODY)
    # When it is verified
    key = signature.verify(BODY, header, keys("vectorcare"))
    # Then the key that signed it is named
    assert key == keys("vectorcare")[0]


@pytest.mark.parametrize("signer", ["old", "new"])
def test_any_of_the_keys_may_have_signed(signer: str) -> None:
    # Given two keys, as during a rotation
    both = keys("old", "new")
    # When either signs
    key = signature.verify(BODY, signing.sign(BODY, signing.private_key(signer)), both)
    # Then the one that signed is named
    assert key.fingerprint == keys(signer)[0].fingerprint


def test_a_key_is_named_by_the_first_twelve_digits_of_its_digest() -> None:
    encoded = signing.encoded_public_key()
    digest = hashlib.sha256(base64.b64decode(encoded)).hexdigest()
    assert signature.load_keys(encoded)[0].fingerprint == digest[:12]


def test_a_malformed_key_stops_the_cold_start() -> None:
    with pytest.raises(ValueError, match="base64"):
        signature.load_keys("%" + signing.encoded_public_key())


def canonical(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


GOOD = base64.b64decode(signing.sign(BODY))
PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.MAX_LENGTH)

REFUSED = {
    "missing": None,
    "empty": "",
    "not base64": "%%%",
    "not ASCII": "sïgnature",
    "line break inside": canonical(GOOD)[:76] + "\n" + canonical(GOOD)[76:],
    "space after": canonical(GOOD) + " ",
    "no padding": canonical(GOOD).rstrip("="),
    "URL alphabet": base64.urlsafe_b64encode(b"\xfb\xff" * 128).decode(),
    "hex": GOOD.hex(),
    "too short": canonical(GOOD[:-1]),
    "too long": canonical(GOOD + b"\0"),
    "all zero": canonical(bytes(256)),
    "all ones": canonical(b"\xff" * 256),
    "another's key": signing.sign(BODY, signing.private_key("stranger")),
    "another body's": signing.sign(BODY + b" "),
    "SHA-1": canonical(signing.private_key().sign(BODY, padding.PKCS1v15(), SHA1())),  # noqa: S303 shown to be refused
    "PSS padding": canonical(signing.private_key().sign(BODY, PSS, SHA256())),
}


@pytest.mark.parametrize("header", REFUSED.values(), ids=REFUSED.keys())
def test_what_vectorcare_did_not_sign_is_refused(header: str | None) -> None:
    # Given a header that is no signature of this body under this key
    # When it is verified, Then it is refused, and the text does not repeat it
    with pytest.raises(signature.SignatureRefusedError) as refused:
        signature.verify(BODY, header, keys("vectorcare"))
    assert not header or header not in str(refused.value)


@pytest.mark.parametrize(
    ("case", "part"),
    [
        ("missing", "missing"),
        ("empty", "missing"),
        ("not base64", "not base64"),
        ("not ASCII", "not base64"),
        ("space after", "not base64"),
        ("all zero", "no key verifies it"),
    ],
)
def test_a_refusal_says_which_part_failed(case: str, part: str) -> None:
    with pytest.raises(signature.SignatureRefusedError) as refused:
        signature.verify(BODY, REFUSED[case], keys("vectorcare"))
    assert str(refused.value) == part


def test_another_spelling_of_the_same_signature_is_refused() -> None:
    # Given a signature whose last base64 digit differs only in bits that carry nothing
    header = signing.sign(BODY)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = header[:-3] + alphabet[alphabet.index(header[-3]) ^ 1] + "=="
    assert base64.b64decode(twin) == base64.b64decode(header)
    # When it is verified, Then it is refused
    with pytest.raises(signature.SignatureRefusedError) as refused:
        signature.verify(BODY, twin, keys("vectorcare"))
    assert str(refused.value) == "not base64"


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("all zero", Refusal.NO_KEY),
        ("too short", Refusal.NO_KEY),
        ("too long", Refusal.NO_KEY),
        ("another's key", Refusal.NO_KEY),
        ("another body's", Refusal.OTHER_BYTES),
        ("SHA-1", Refusal.OTHER_FORM),
        ("PSS padding", Refusal.OTHER_FORM),
        ("hex", Refusal.NOT_BASE64),
    ],
)
def test_a_refused_signature_is_explained(case: str, expected: Refusal) -> None:
    # Given a signature that verify refused, and keys of which the second may have made it
    header = REFUSED[case]
    assert header
    # When, Then
    assert signature.explain(BODY, header, keys("old", "vectorcare")) is expected
