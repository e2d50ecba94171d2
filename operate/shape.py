"""What a webhook's bytes look like, with what they say or without."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_KINDS = {bool: "true or false", str: "text", int: "number", float: "number", type(None): "null", list: "list"}


def shape(body: bytes) -> Mapping[str, str] | str:
    """Name the fields of a webhook and the kind of each, and no value.

    Returns
    -------
    mapping of str to str, or str
        Kinds by path, such as `data.pickup_location.city`; one kind where it is no JSON object.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return "no JSON"
    return dict(_kinds(parsed, "")) if isinstance(parsed, dict) else _kind(parsed)


def value(body: bytes) -> Any:
    """Read a webhook as far as it can be read: its JSON, its text, or its bytes."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _kinds(parsed: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, child in parsed.items():
        where = f"{path}.{name}" if path else name
        if isinstance(child, dict) and child:
            yield from _kinds(child, where)
        else:
            yield where, _kind(child)


def _kind(parsed: Any) -> str:
    return _KINDS.get(type(parsed), "object")
