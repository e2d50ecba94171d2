"""What DynamoDB can hold, checked before it is asked.

Limits: DynamoDB developer guide, "Supported data types" and "Service, account, and table quotas".
"""

from decimal import Decimal
from typing import Any

from vectorcare_bridge.webhooks.failure import FailureReason, PermanentError

MAX_PARTITION_KEY_BYTES = 2048
MAX_SORT_KEY_BYTES = 1024
MAX_ITEM_BYTES = 400 * 1024
MAX_NAME_BYTES = 64 * 1024 - 1
MAX_DEPTH = 32
MAX_DIGITS = 38
SMALLEST_EXPONENT, LARGEST_EXPONENT = -130, 125

_CONTAINER_BYTES = 3
_ELEMENT_BYTES = 1
_NUMBER_BYTES = 21


def text(value: str, *, max_bytes: int) -> str:
    """Check a string that becomes an attribute of its own.

    Raises
    ------
    PermanentError
        `unstorable`: longer than `max_bytes` in UTF-8, or with a lone surrogate, which UTF-8 cannot carry.
    """
    if _utf8_length(value) > max_bytes:
        raise PermanentError(FailureReason.UNSTORABLE)
    return value


def document(value: Any, *, max_bytes: int) -> Any:
    """Check a parsed JSON value, and strip zeros at the end of its numbers, so that DynamoDB keeps them exactly.

    All its numbers are Decimal. `max_bytes` is the largest size, counted as DynamoDB counts an item.

    Raises
    ------
    PermanentError
        `unstorable`: too large, nested deeper than 32 levels, a name that is empty or of 64 KiB, a number of more than
        38 digits or out of range, or a lone surrogate.
    """
    converted, size = _convert(value, depth=1)
    if size > max_bytes:
        raise PermanentError(FailureReason.UNSTORABLE)
    return converted


def _convert(value: Any, *, depth: int) -> tuple[Any, int]:
    # A scalar counts as a level too: 31 maps around a string are stored, 32 are refused.
    if depth > MAX_DEPTH:
        raise PermanentError(FailureReason.UNSTORABLE)
    if isinstance(value, str):
        return value, _utf8_length(value)
    if isinstance(value, Decimal):
        return _number(value), _NUMBER_BYTES
    if isinstance(value, dict | list):
        return _container(value, depth=depth)
    return value, 1


def _container(value: dict[str, Any] | list[Any], *, depth: int) -> tuple[Any, int]:
    size = _CONTAINER_BYTES
    converted: Any
    if isinstance(value, dict):
        converted = {}
        for name, child in value.items():
            converted[name], child_size = _convert(child, depth=depth + 1)
            size += _name_length(name) + child_size + _ELEMENT_BYTES
    else:
        converted = []
        for child in value:
            converted_child, child_size = _convert(child, depth=depth + 1)
            converted.append(converted_child)
            size += child_size + _ELEMENT_BYTES
    return converted, size


def _number(value: Decimal) -> Decimal:
    sign, digits, exponent = value.as_tuple()
    if not value:
        return Decimal(0)
    significant = len(digits)
    while digits[significant - 1] == 0:
        significant -= 1
    if significant > MAX_DIGITS or not SMALLEST_EXPONENT <= value.adjusted() <= LARGEST_EXPONENT:
        raise PermanentError(FailureReason.UNSTORABLE)
    return Decimal((sign, digits[:significant], int(exponent) + len(digits) - significant))


def _name_length(name: str) -> int:
    length = _utf8_length(name)
    if not 0 < length <= MAX_NAME_BYTES:
        raise PermanentError(FailureReason.UNSTORABLE)
    return length


def _utf8_length(value: str) -> int:
    try:
        return len(value.encode())
    except UnicodeEncodeError:
        raise PermanentError(FailureReason.UNSTORABLE) from None
