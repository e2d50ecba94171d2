"""DynamoDB's attribute values: how large they are, what they may hold, how they compare.

Limits: DynamoDB developer guide, "Service, account, and table quotas" and "DynamoDB item sizes and formats".
"""

import operator
from decimal import Decimal
from typing import Any

Value = dict[str, Any]
Item = dict[str, Value]

MAX_ITEM_BYTES = 400 * 1024
MAX_DEPTH = 32
_MAX_DIGITS = 38
_MIN_EXPONENT, _MAX_EXPONENT = -130, 125
_CONTAINER_BYTES = 3
_ELEMENT_BYTES = 1
_IN_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class InvalidValueError(Exception):
    """DynamoDB would refuse the value; the text repeats it, as DynamoDB's own do."""


def item_size(item: Item) -> int:
    """Count an item's bytes, its values checked.

    Raises
    ------
    InvalidValueError
        A number of too many digits or out of range, or nesting deeper than 32.
    """
    return sum(len(name.encode()) + _size(value, 1) for name, value in item.items())


def _size(value: Value, depth: int) -> int:
    # A scalar counts as a level, too.
    if depth > MAX_DEPTH:
        raise InvalidValueError("Nesting Levels have exceeded supported limits")
    [(kind, content)] = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return _number_size(content)
    if kind == "B":
        return len(content)
    if kind in {"BOOL", "NULL"}:
        return 1
    if kind == "M":
        if "" in content:
            raise InvalidValueError("Empty attribute name")
        return _CONTAINER_BYTES + sum(
            len(name.encode()) + _size(child, depth + 1) + _ELEMENT_BYTES for name, child in content.items()
        )
    if kind == "L":
        return _CONTAINER_BYTES + sum(_size(child, depth + 1) + _ELEMENT_BYTES for child in content)
    raise NotImplementedError(f"attribute type {kind} is not modelled")


def _number_size(text: str) -> int:
    if len(text) < _MAX_DIGITS and text.isdecimal():
        return len(text) // 2 + 1
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise InvalidValueError(f"The parameter cannot be converted to a numeric value: {text}") from None
    if not number.is_finite():
        raise InvalidValueError(f"The parameter cannot be converted to a numeric value: {text}")
    if not number:
        return 1
    digits = len("".join(map(str, number.as_tuple().digits)).strip("0"))
    if digits > _MAX_DIGITS:
        raise InvalidValueError(f"Attempting to store more than 38 significant digits in a Number: {text}")
    if not _MIN_EXPONENT <= number.adjusted() <= _MAX_EXPONENT:
        raise InvalidValueError(f"Number overflow: {text}")
    return digits // 2 + 2


def compare(left: Value | None, comparator: str, right: Value | None) -> bool:
    """Compare two values; with an absent one, or one of another type, only `<>` is true."""
    if left is None or right is None:
        return comparator == "<>"
    if comparator in {"=", "<>"}:
        return equal(left, right) is (comparator == "=")
    [(left_kind, left_content)] = left.items()
    [(right_kind, right_content)] = right.items()
    if left_kind != right_kind or left_kind not in {"S", "N", "B"}:
        return False
    if left_kind == "N":
        left_content, right_content = Decimal(left_content), Decimal(right_content)
    elif left_kind == "S":
        # DynamoDB compares strings by their UTF-8 bytes.
        left_content, right_content = left_content.encode(), right_content.encode()
    return bool(_IN_ORDER[comparator](left_content, right_content))


def equal(left: Value, right: Value) -> bool:
    """Whether two values are the same; numbers by value, not by spelling."""
    [(left_kind, left_content)] = left.items()
    [(right_kind, right_content)] = right.items()
    if left_kind != right_kind:
        return False
    if left_kind == "N":
        return Decimal(left_content) == Decimal(right_content)
    if left_kind == "L":
        return len(left_content) == len(right_content) and all(map(equal, left_content, right_content))
    if left_kind == "M":
        return left_content.keys() == right_content.keys() and all(
            equal(child, right_content[name]) for name, child in left_content.items()
        )
    return bool(left_content == right_content)


def plain(value: Value) -> Any:
    """Read a value as Python's own: text, Decimal, bytes, bool, None, list and dict."""
    [(kind, content)] = value.items()
    if kind == "N":
        return Decimal(content)
    if kind == "NULL":
        return None
    if kind == "L":
        return [plain(child) for child in content]
    if kind == "M":
        return {name: plain(child) for name, child in content.items()}
    return content
