"""The content of a message: the names and types of its fields, or its values."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

_KINDS = {bool: "true or false", str: "text", int: "number", Decimal: "number", type(None): "null", list: "list"}
_DEEPEST = 100  # levels; the tables hold 32


def shape(body: bytes) -> Mapping[str, str] | str:
    """Name the fields of a message and the type of each, without values.

    Returns
    -------
    mapping of str to str, or str
        Types by path, such as `data.pickup_location.city`; one type if it is not a JSON object.
    """
    try:
        parsed = _parse(body)
    except ValueError:
        return "no JSON"
    return dict(_kinds(parsed, "")) if isinstance(parsed, dict) else _kind(parsed)


def value(body: bytes) -> Any:
    """Read a message as far as possible: as JSON with every digit, as text, or as bytes."""
    try:
        return _parse(body)
    except ValueError:
        pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _parse(body: bytes) -> Any:
    """Parse JSON.

    Raises
    ------
    ValueError
        It is not JSON, or could not be written again: too deep, or with a number that Python cannot hold.
    """
    try:
        parsed = json.loads(body, parse_float=Decimal, parse_constant=Decimal)
    except (RecursionError, InvalidOperation) as error:
        raise ValueError(type(error).__name__) from None
    level = [parsed]
    for _ in range(_DEEPEST):
        level = [child for value in level for child in _children(value)]
        if not level:
            return parsed
    raise ValueError("too deep")


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _kinds(parsed: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, child in parsed.items():
        where = f"{path}.{name}" if path else name
        if isinstance(child, dict) and child:
            yield from _kinds(child, where)
        else:
            yield where, _kind(child)


def _kind(parsed: Any) -> str:
    return _KINDS.get(type(parsed), "object")
