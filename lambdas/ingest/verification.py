"""The one webhook of `./bridge verify --end-to-end`: nobody else's key is accepted for anything else."""

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import signature
from vectorcare_bridge.webhooks.signature import Key


@dataclass(frozen=True, slots=True)
class Verification:
    """A throw-away key, the SHA-256 in hex of the only bytes that it may have signed, and the time that ends it."""

    key: Key
    body_sha256: str
    until: UtcTimestamp

    def keys_for(self, body: bytes, *, now: UtcTimestamp) -> tuple[Key, ...]:
        """Give the key, if these are the bytes and it is still time; else none."""
        if now >= self.until or not hmac.compare_digest(hashlib.sha256(body).hexdigest(), self.body_sha256):
            return ()
        return (self.key,)


def load(text: str) -> Verification | None:
    """Read the variable: key as in `signature.load_keys`, digest and UTC timestamp, separated by spaces.

    None if it is empty or wrong: whatever it holds, ingest takes VectorCare's webhooks.
    """
    try:
        encoded, body_sha256, until = text.split()
        (key,) = signature.load_keys(encoded)
        return Verification(key, body_sha256, utc_timestamp.parse(until))
    except (ValueError, UnsupportedAlgorithm):
        return None
