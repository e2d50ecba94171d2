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

NO_KEY, NOT_BASE64 = Refusal.NO_KEY, Refusal.NOT_BASE64
# A header, why it is refused, and how a refusal for want of a key is explained.
REFUSED: dict[str, tuple[str | None, Refusal, Refusal]] = {
    "missing": (None, Refusal.MISSING, Refusal.MISSING),
    "empty": ("", Refusal.MISSING, Refusal.MISSING),
    "not base64": ("%%%", NOT_BASE64, NOT_BASE64),
    "not ASCII": ("sïgnature", NOT_BASE64, NOT_BASE64),
    "line break inside": (canonical(GOOD)[:76] + "\n" + canonical(GOOD)[76:], NOT_BASE64, NOT_BASE64),
    "space before": (" " + canonical(GOOD), NOT_BASE64, NOT_BASE64),
    "space after": (canonical(GOOD) + " ", NOT_BASE64, NOT_BASE64),
    "twice with a comma": (f"{canonical(GOOD)},{canonical(GOOD)}", NOT_BASE64, NOT_BASE64),
    "more padding": (canonical(GOOD) + "====", NOT_BASE64, NOT_BASE64),
    "no padding": (canonical(GOOD).rstrip("="), NOT_BASE64, NOT_BASE64),
    "URL alphabet": (base64.urlsafe_b64encode(b"\xfb\xff" * 128).decode(), NOT_BASE64, NOT_BASE64),
    "hex": (GOOD.hex(), NO_KEY, NOT_BASE64),
    "too short": (canonical(GOOD[:-1]), NO_KEY, NO_KEY),
    "too long": (canonical(GOOD + b"\0"), NO_KEY, NO_KEY),
    "all zero": (canonical(bytes(256)), NO_KEY, NO_KEY),
    "all ones": (canonical(b"\xff" * 256), NO_KEY, NO_KEY),
    "another's key": (signing.sign(BODY, signing.private_key("stranger")), NO_KEY, NO_KEY),
    "another body's": (signing.sign(BODY + b" "), NO_KEY, Refusal.OTHER_BYTES),
    "SHA-1": (
        canonical(signing.private_key().sign(BODY, padding.PKCS1v15(), SHA1())),  # noqa: S303 shown to be refused
        NO_KEY,
        Refusal.OTHER_FORM,
    ),
    "PSS padding": (canonical(signing.private_key().sign(BODY, PSS, SHA256())), NO_KEY, Refusal.OTHER_FORM),
}


@pytest.mark.parametrize(("header", "refusal", "explained"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_signature_is_refused_and_explained(header: str | None, refusal: Refusal, explained: Refusal) -> None:
    # Given a header that is no signature of this body under these keys, though the second may have made it
    known = keys("old", "vectorcare")
    # When it is verified, Then it is refused with its reason, which does not repeat it
    with pytest.raises(signature.SignatureRefusedError) as refused:
        signature.verify(BODY, header, known)
    assert str(refused.value) == refused.value.refusal == refusal
    assert refusal is not NO_KEY or signature.explain(BODY, str(header), known) is explained


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
