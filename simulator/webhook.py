"""Webhooks in VectorCare's form, signed in its way.

Fields and rules are those of VectorCare's public documentation (openapi.vectorcare.com/v2: "Webhooks > Overview",
"Webhooks > Verification").
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

SIGNATURE_HEADER = "X-VectorCare-Signature"


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """One event of a service request, in the fields of VectorCare's envelope.

    Attributes
    ----------
    event_id : str
        Unique per event; lexicographic order is chronological.
    service_request_id : str
        Such as `VC-BSBBCY5Q`.
    request_status : str
        AVAILABLE, ASSIGNED, COMPLETED or UNAVAILABLE.
    data : mapping or None
        The whole service request; None with UNAVAILABLE.
    """

    event_id: str
    event_timestamp: datetime
    service_request_id: str
    request_status: str
    action: str
    data: Mapping[str, Any] | None

    @property
    def body(self) -> bytes:
        return json.dumps({**vars(self), "event_timestamp": iso(self.event_timestamp)}).encode()


def sign(body: bytes, private_key: RSAPrivateKey) -> str:
    """Sign a body as VectorCare does: RSA PKCS#1 v1.5 over SHA-256 of the raw bytes, in base64."""
    return base64.b64encode(private_key.sign(body, PKCS1v15(), SHA256())).decode()


def new_event_id(at: datetime) -> str:
    """Make 32 hex characters whose order is that of the events' times."""
    return f"{int(at.timestamp() * 1000):012x}{secrets.token_hex(10)}"


def new_service_request_id() -> str:
    """Make a random id in VectorCare's form."""
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    return "VC-" + "".join(secrets.choice(alphabet) for _ in range(8))


def iso(at: datetime) -> str:
    """Write a UTC timestamp as VectorCare does: milliseconds, `Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
