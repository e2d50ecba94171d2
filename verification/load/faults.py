"""Which calls to AWS are refused, and how."""

import json
import random
from collections import Counter
from enum import StrEnum
from typing import NamedTuple

SERVICES = ("sqs", "dynamodb", "s3")


class Kind(StrEnum):
    """How a call ends that is not answered as it should be."""

    THROTTLED = "throttled"
    FAILED = "failed"
    CUT = "cut"
    """The connection ends without an answer."""
    FAILED_AFTER = "failed, though it took effect"
    CUT_AFTER = "cut, though it took effect"
    STALLED_AFTER = "timed out, though it took effect"
    OUT = "service out"

    @property
    def is_after(self) -> bool:
        """Whether the call takes effect all the same."""
        return self in {Kind.FAILED_AFTER, Kind.CUT_AFTER, Kind.STALLED_AFTER}

    @property
    def is_silent(self) -> bool:
        """Whether the caller gets no answer at all."""
        return self in {Kind.CUT, Kind.CUT_AFTER, Kind.STALLED_AFTER}


STALL_SECONDS = 4.0
"""Longer than any time-out that a function gives one attempt."""

_WEIGHTS = {
    Kind.THROTTLED: 6,
    Kind.FAILED: 4,
    Kind.CUT: 2,
    Kind.FAILED_AFTER: 4,
    Kind.CUT_AFTER: 2,
    Kind.STALLED_AFTER: 2,
}
_OUTAGE_SECONDS = 3.0


class Refusal(NamedTuple):
    """An HTTP answer in place of the emulator's."""

    status: str
    content_type: str
    body: bytes


# Codes and forms are those of the services' API references, "Common errors"; S3 answers in XML.
_JSON = "application/x-amz-json-1.0"
_ANSWERS = {
    ("sqs", True): Refusal(
        "400 Bad Request", _JSON, json.dumps({"__type": "com.amazonaws.sqs#RequestThrottled"}).encode()
    ),
    ("sqs", False): Refusal("500 Internal Server Error", _JSON, json.dumps({"__type": "InternalFailure"}).encode()),
    ("dynamodb", True): Refusal(
        "400 Bad Request",
        _JSON,
        json.dumps({"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}).encode(),
    ),
    ("dynamodb", False): Refusal(
        "500 Internal Server Error",
        _JSON,
        json.dumps({"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}).encode(),
    ),
    ("s3", True): Refusal("503 Slow Down", "application/xml", b"<Error><Code>SlowDown</Code></Error>"),
    ("s3", False): Refusal(
        "500 Internal Server Error", "application/xml", b"<Error><Code>InternalError</Code></Error>"
    ),
}


class Faults:
    """Decides call by call.

    Attributes
    ----------
    share : float
        Of all calls, how many are refused; 0 refuses none.
    outage_every : float
        Seconds between two outages, each of one service for three seconds; 0 makes none.
    counts : Counter
        How often each service refused in each way.
    """

    def __init__(self, rng: random.Random) -> None:
        self.share = 0.0
        self.outage_every = 0.0
        self.counts: Counter[str] = Counter()
        self._rng = rng
        self._out = ""
        self._next_outage: float | None = None

    def choose(self, service: str, *, now: float) -> Kind | None:
        """Say how a call is refused, or None if it is not; `now` in seconds on any steady clock."""
        kind = self._choose(service, now) if service in SERVICES else None
        if kind:
            self.counts[f"{service} {kind}"] += 1
        return kind

    def _choose(self, service: str, now: float) -> Kind | None:
        if self._is_out(service, now):
            return Kind.OUT
        if self._rng.random() >= self.share:
            return None
        return self._rng.choices(list(_WEIGHTS), weights=list(_WEIGHTS.values()))[0]

    def _is_out(self, service: str, now: float) -> bool:
        if not self.outage_every:
            self._next_outage = None
            return False
        if self._next_outage is None:
            self._next_outage = now + self.outage_every
        if now >= self._next_outage + _OUTAGE_SECONDS:
            self._next_outage = now + self.outage_every
        if now < self._next_outage:
            self._out = ""
            return False
        self._out = self._out or self._rng.choice(SERVICES)
        return service == self._out


def answer(service: str, kind: Kind) -> Refusal:
    """Write the answer of a refused call as the service would."""
    return _ANSWERS[service, kind is Kind.THROTTLED]
