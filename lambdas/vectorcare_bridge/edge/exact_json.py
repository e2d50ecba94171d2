"""JSON whose numbers keep every digit; the `json` module would read them as floats."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

# Whole numbers up to here are written in digits, larger ones with an exponent: they have up to 126 digits.
_MAX_PLAIN_EXPONENT = 20
# EventBridge refuses greater integers (API reference, PutEvents), but takes any number with an exponent.
_LARGEST_INTEGER = 2**63 - 1


def for_readers(value: Any) -> str:
    """Write compact JSON.

    The value is as `dynamodb_item.to_item` returns it.

    Raises
    ------
    TypeError
        It holds binary values or sets.
    """
    return _write(value, _plain, ensure_ascii=False)


def for_bus(value: Any) -> str:
    """Write JSON for bus and queues: ASCII, no characters that SQS refuses, no integers beyond 64 bits.

    Parameters and errors are those of `for_readers`.
    """
    return _write(value, _within_64_bits, ensure_ascii=True)


def read(text: str) -> Any:
    """Read JSON, its numbers as Decimal.

    Raises
    ------
    ValueError, RecursionError
        It is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_int=Decimal, parse_float=Decimal)
    except ArithmeticError:
        raise ValueError("a number is beyond Decimal's range") from None


def _write(value: Any, number: Callable[[Decimal], str], *, ensure_ascii: bool) -> str:
    def text(part: Any) -> str:
        if isinstance(part, Decimal):
            return number(part)
        if isinstance(part, dict):
            return "{" + ",".join(f"{text(name)}:{text(child)}" for name, child in part.items()) + "}"
        if isinstance(part, list):
            return "[" + ",".join(map(text, part)) + "]"
        return json.dumps(part, ensure_ascii=ensure_ascii)

    return text(value)


def _plain(value: Decimal) -> str:
    return format(value, "f") if 0 <= value.adjusted() <= _MAX_PLAIN_EXPONENT else str(value)


def _within_64_bits(value: Decimal) -> str:
    return format(value, "E") if value.copy_abs() > _LARGEST_INTEGER else _plain(value)
