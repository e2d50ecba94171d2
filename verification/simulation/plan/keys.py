"""VectorCare's keys, an unknown one, and what is signed with them."""

import base64
from functools import cache, lru_cache

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

OLD, NEW, FOREIGN = "old", "new", "foreign"

# Half of VectorCare's size, for speed; the code does not look at it.
_KEY_BITS = 1024


@cache
def _private_key(_name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)


@lru_cache(maxsize=4096)  # what is sent again has the same signature: PKCS #1 v1.5 has no chance in it
def sign(body: bytes, key: str) -> str:
    """Sign as VectorCare does."""
    return base64.b64encode(_private_key(key).sign(body, padding.PKCS1v15(), SHA256())).decode()


@cache
def encoded(*keys: str) -> str:
    """Write public keys as the functions' environment holds them."""
    ders = [
        _private_key(key).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in keys
    ]
    return ",".join(base64.b64encode(der).decode() for der in ders)
