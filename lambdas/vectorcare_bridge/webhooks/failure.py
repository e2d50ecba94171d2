"""Why messages fail, and when they are tried again."""

from collections.abc import Callable
from enum import StrEnum

MAX_RECEIVES = 30
FIRST_BACKOFF_SECONDS = 10
LONGEST_BACKOFF_SECONDS = 900


class FailureReason(StrEnum):
    """Why a message is dead: a closed list, so that operators can filter and count by it."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    UNSUPPORTED_VERSION = "unsupported_version"
    MISSING_FIELD = "missing_field"
    BAD_TIMESTAMP = "bad_timestamp"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"
    UNSTORABLE = "unstorable"
    EXHAUSTED = "exhausted"
    """Nothing is wrong with the message: it was tried 30 times while something else failed."""


class PermanentError(Exception):
    """The message can never be applied; trying again would not help."""

    def __init__(self, reason: FailureReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class ItemGoneError(Exception):
    """The item expired between two writes of one message; tried again, the message starts over."""


def backoff_seconds(receives: int, uniform: Callable[[float, float], float]) -> int:
    """Seconds for which a message that may succeed later stays invisible.

    They are drawn uniformly between half and all of min(900, 10 * 2^(receives - 1)); `receives` is SQS's
    ApproximateReceiveCount, 1 at the first attempt. Thirty of them take at least 2.9 hours, so an hour without
    DynamoDB kills nothing.
    """
    ceiling = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** min(receives - 1, 10))
    return round(uniform(ceiling / 2, ceiling))
