"""What fits into DynamoDB, to the byte, and what does not."""

from decimal import Decimal
from typing import Any

import pytest

from vectorcare_bridge.webhooks import dynamodb_limits
from vectorcare_bridge.webhooks.failure import PermanentError


def fits(value: Any, *, max_bytes: int = dynamodb_limits.MAX_ITEM_BYTES) -> bool:
    try:
        return bool(dynamodb_limits.document(value, max_bytes=max_bytes) == value)
    except PermanentError:
        return False


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (None, 1),
        (True, 1),
        ("äb", 3),
        (Decimal("81.25"), 21),
        ([], 3),
        ({}, 3),
        (["x", "yz"], 3 + (1 + 1) + (2 + 1)),
        ({"ab": "cde"}, 3 + (2 + 3 + 1)),
        ({"a": None, "ä": [True]}, 3 + (1 + 1 + 1) + (2 + (3 + 1 + 1) + 1)),
    ],
)
def test_a_value_is_as_large_as_dynamodb_counts_it(value: Any, size: int) -> None:
    # Given a value and its size: 3 bytes a map or list, 1 for each of its elements, names and text in UTF-8
    # When just that much is allowed, Then it fits, and not with a byte less
    assert fits(value, max_bytes=size)
    assert not fits(value, max_bytes=size - 1)


def test_a_text_may_be_as_long_as_the_limit() -> None:
    assert dynamodb_limits.text("äb", max_bytes=3) == "äb"
    with pytest.raises(PermanentError):
        dynamodb_limits.text("äb", max_bytes=2)


def maps(count: int, leaf: Any) -> Any:
    for _ in range(count):
        leaf = {"a": leaf}
    return leaf


def lists(count: int, leaf: Any) -> Any:
    for _ in range(count):
        leaf = [leaf]
    return leaf


@pytest.mark.parametrize("nested", [maps, lists])
def test_thirty_one_levels_may_be_around_a_leaf(nested: Any) -> None:
    assert fits(nested(31, "leaf"))
    assert not fits(nested(32, "leaf"))


def test_a_name_may_be_a_byte_shorter_than_64_kib() -> None:
    assert fits({"n" * 65_535: None})
    assert not fits({"n" * 65_536: None})


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        ("9" * 38, "9" * 39),
        ("9" * 36 + "09", "9" * 37 + "09"),
        ("9.9E+125", "1E+126"),
        ("-1E-130", "-9E-131"),
        ("1" + "0" * 125, "1" + "0" * 126),
    ],
)
def test_a_number_has_at_most_38_digits_and_is_within_the_range(within: str, beyond: str) -> None:
    assert fits(Decimal(within))
    assert not fits(Decimal(beyond))
