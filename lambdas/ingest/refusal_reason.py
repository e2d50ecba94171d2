"""Why a signature was refused, as far as the request shows it."""

from collections.abc import Sequence
from enum import StrEnum

from ingest.request import WebhookRequest
from vectorcare_bridge.webhooks import signature
from vectorcare_bridge.webhooks.signature import Key, Refusal


class RefusalReason(StrEnum):
    """What the request shows besides its signature."""

    REPEATED = "given more than once, with different values"
    COMPRESSED = f"{Refusal.OTHER_BYTES}; a Content-Encoding says that it was compressed on the way"
    FORM = f"{Refusal.OTHER_BYTES}; a Content-Type says that it was made a form on the way"


_FORMS = ("application/x-www-form-urlencoded", "multipart/")


def explain(asked: WebhookRequest, body: bytes, refusal: Refusal, keys: Sequence[Key]) -> Refusal | RefusalReason:
    """Name the most precise reason for a refusal by `signature.verify`. It never admits a request."""
    if asked.has_two_signatures:
        return RefusalReason.REPEATED
    if refusal is Refusal.NO_KEY:
        refusal = signature.explain(body, asked.signature or "", keys)
    if refusal is Refusal.OTHER_BYTES and asked.content_encoding not in ("", "identity"):
        return RefusalReason.COMPRESSED
    if refusal is Refusal.OTHER_BYTES and asked.content_type.startswith(_FORMS):
        return RefusalReason.FORM
    return refusal
