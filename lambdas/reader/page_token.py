"""Where a page ended, as a text that the caller hands back with the same query."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from vectorcare_bridge.webhooks import dynamodb_limits
from vectorcare_bridge.webhooks.failure import PermanentError

_CHECK_BYTES = 16


def encode(position: Mapping[str, str], *, query: str) -> str:
    """Write a position.

    Parameters
    ----------
    position : mapping of str to str
        Keys of the page's last item.
    query : str
        What was asked; a token of one query is none of another.

    Returns
    -------
    str
        In base64 for URLs, without padding. A digest finds what was changed by accident; it keeps no secret, and needs
        none: a token says where in the answers to its own query to go on, and its caller may read all of those.
    """
    content = json.dumps(position, ensure_ascii=False, separators=(",", ":")).encode()
    check = hashlib.sha256(query.encode() + b"\0" + content).digest()[:_CHECK_BYTES]
    return base64.urlsafe_b64encode(check + content).rstrip(b"=").decode()


def decode(token: str, *, query: str, max_bytes: Mapping[str, int]) -> dict[str, str]:
    """Read a position.

    Parameters
    ----------
    token : str
        As the caller handed it back.
    query : str
        What is asked.
    max_bytes : mapping of str to int
        The keys that the position has, and how long each may be in UTF-8.

    Raises
    ------
    ValueError
        It is no token, one of another query, or not as it was.
    """
    position = _content(token)
    # Written anew, it has to be the same to the last letter: base64 has several forms of the same bytes.
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
