"""VectorCare's side of the signature, made with a key of our own."""

import base64
from functools import cache

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


def private_key(name: str = "vectorcare") -> rsa.RSAPrivateKey:
    return _private_key(name)


def sign(body: bytes, key: rsa.RSAPrivateKey | None = None) -> str:
    return base64.b64encode((key or private_key()).sign(body, padding.PKCS1v15(), SHA256())).decode()


def encoded_public_key(key: rsa.RSAPrivateKey | None = None) -> str:
    der = (key or private_key()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def public_pem(key: rsa.RSAPrivateKey | None = None) -> str:
    public = (key or private_key()).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key: rsa.RSAPrivateKey | None = None) -> str:
    return (key or private_key()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@cache
def _private_key(_name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
