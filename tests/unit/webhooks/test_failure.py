"""What is tried again, and when."""

import pytest

from vectorcare_bridge.webhooks.failure import MAX_RECEIVES, backoff_seconds


@pytest.mark.parametrize(
    ("receives", "ceiling"), [(1, 10), (2, 20), (3, 40), (7, 640), (8, 900), (29, 900), (10_000, 900)]
)
def test_a_transient_failure_waits_between_half_and_all_of_a_doubling_ceiling(receives: int, ceiling: int) -> None:
    assert backoff_seconds(receives, lambda low, _high: low) == ceiling / 2
    assert backoff_seconds(receives, lambda _low, high: high) == ceiling


def test_an_hour_without_dynamodb_kills_no_message() -> None:
    # Given the shortest waits that the draw can give
    waits = [backoff_seconds(receives, lambda low, _high: low) for receives in range(1, MAX_RECEIVES)]
    # When they are added up, Then the last attempt comes well after an hour
    assert sum(waits) > 2 * 3600
