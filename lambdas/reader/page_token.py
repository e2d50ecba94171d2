"""Page tokens: where a page ended, as text that the caller sends with the same query to get the next page."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from vectorcare_bridge.webhooks import dynamodb_limits
from vectorcare_bridge.webhooks.failure import PermanentError

_CHECK_BYTES = 16


def encode(position: Mapping[str, str], *, query: str) -> str:
    """Write a position, the keys of the page's last item, as base64 for URLs without padding.

    A token of one query is invalid for another. Its digest finds accidental changes. It is not a signature, because a
    caller may read every answer to the query anyway.
    """
    content = json.dumps(position, ensure_ascii=False, separators=(",", ":")).encode()
    check = hashlib.sha256(query.encode() + b"\0" + content).digest()[:_CHECK_BYTES]
    return base64.urlsafe_b64encode(check + content).rstrip(b"=").decode()


def decode(token: str, *, query: str, max_bytes: Mapping[str, int]) -> dict[str, str]:
    """Read a position; `max_bytes` has its keys, and how long each may be in UTF-8.

    Raises
    ------
    ValueError
        It is not a token, belongs to another query, or was changed.
    """
    position = _content(token)
    # Encoded again, it must be the same text: base64 has several spellings for the same bytes.
    if not _is_position(position, max_bytes) or encode(position, query=query) != token:
        raise ValueError("not a token of this query")
    return dict(position)


def _content(token: str) -> Any:
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        return json.loads(base64.urlsafe_b64decode(padded)[_CHECK_BYTES:])
    except (ValueError, RecursionError):
        return None


def _is_position(value: Any, max_bytes: Mapping[str, int]) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == max_bytes.keys()
        and all(_is_key(text, max_bytes[name]) for name, text in value.items())
    )


def _is_key(value: Any, max_bytes: int) -> bool:
    try:
        return isinstance(value, str) and dynamodb_limits.text(value, max_bytes=max_bytes) != ""
    except PermanentError:
        return False
