"""Rule: an entry of the journal must be what VectorCare signed."""

from collections.abc import Sequence
from enum import StrEnum

from vectorcare_bridge.edge.dynamodb_item import Item
from vectorcare_bridge.webhooks import envelope, signature
from vectorcare_bridge.webhooks.envelope import UNREADABLE
from vectorcare_bridge.webhooks.failure import PermanentError
from vectorcare_bridge.webhooks.signature import Key, Refusal, SignatureRefusedError


class Finding(StrEnum):
    """What is wrong with an entry."""

    NO_SIGNATURE = "no signature"
    NOT_BASE64 = "signature is not base64"
    NO_KEY = "no key verifies it"
    WRONG_PLACE = "signed, but it is another event's body"
    WRONG_TIME = "signed, but the entry's time is not the body's"
    NOT_AN_ENTRY = "not an entry of the journal"


_FINDINGS = {
    Refusal.MISSING: Finding.NO_SIGNATURE,
    Refusal.NOT_BASE64: Finding.NOT_BASE64,
    Refusal.NO_KEY: Finding.NO_KEY,
}


def judge(entry: Item, keys: Sequence[Key]) -> Key | Finding:
    """Verify the stored signature over the stored bytes, and check that the bytes belong to the entry's key.

    A signature covers only the body. A signed body under another event's key, or with another time, would verify and
    still change the state.

    VectorCare may have signed with any of the keys. The answer is the key that signed, or what is wrong.
    """
    body, signed = entry.get("body"), entry.get("signature")
    if not isinstance(body, bytes) or not isinstance(signed, str | None):
        return Finding.NOT_AN_ENTRY
    try:
        key = signature.verify(body, signed, keys)
    except SignatureRefusedError as error:
        return _FINDINGS[error.refusal]
    return _misplaced(entry, body) or key


def _misplaced(entry: Item, body: bytes) -> Finding | None:
    if entry["service_request_id"] == UNREADABLE:
        return None if entry["event_id"] == envelope.digest(body) else Finding.WRONG_PLACE
    try:
        event = envelope.read(body)
    except PermanentError:
        return Finding.WRONG_PLACE
    event_id = event.event_id
    if "redelivery_of" in entry:
        event_id = f"{event_id}#{envelope.digest(body)}"
    if (entry["service_request_id"], entry["event_id"]) != (event.service_request_id, event_id):
        return Finding.WRONG_PLACE
    return None if entry.get("last_updated") == event.last_updated else Finding.WRONG_TIME
