"""Organization files to synthesize from, and to be refused."""

import secrets

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def public_pem(*, bits: int = 2048) -> str:
    """Write a public key of that length, made up: nobody signs with it, and primes would take seconds."""
    modulus = secrets.randbits(bits) | 1 << (bits - 1) | 1
    key = rsa.RSAPublicNumbers(e=65537, n=modulus).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def with_keys(*pems: str) -> str:
    """Write the line of a file that lists the keys."""
    listed = ", ".join(f"'''{pem}'''" for pem in pems)
    return f"public_keys = [{listed}]\n"
