"""Which calls to AWS are refused, and how."""

import json
import random
import threading
from collections import Counter
from dataclasses import replace
from enum import StrEnum

from simulator.http_types import Response

SERVICES = ("sqs", "dynamodb", "s3")


class FaultKind(StrEnum):
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
    def takes_effect(self) -> bool:
        """Whether the call takes effect all the same."""
        return self in {FaultKind.FAILED_AFTER, FaultKind.CUT_AFTER, FaultKind.STALLED_AFTER}


_WEIGHTS = {
    FaultKind.THROTTLED: 6,
    FaultKind.FAILED: 4,
    FaultKind.CUT: 2,
    FaultKind.FAILED_AFTER: 4,
    FaultKind.CUT_AFTER: 2,
    FaultKind.STALLED_AFTER: 2,
}
_STALL_SECONDS = 4.0  # longer than any time-out that a function gives one attempt
_OUTAGE_SECONDS = 3.0


def _json(status: int, error: str) -> Response:
    return Response(status, json.dumps({"__type": error}).encode(), {"Content-Type": "application/x-amz-json-1.0"})


def _xml(status: int, error: str) -> Response:
    return Response(status, f"<Error><Code>{error}</Code></Error>".encode(), {"Content-Type": "application/xml"})


# Throttled, and failed. Codes and forms are those of the services' API references, "Common errors".
_RESPONSES = {
    "sqs": (_json(400, "com.amazonaws.sqs#RequestThrottled"), _json(500, "InternalFailure")),
    "dynamodb": (
        _json(400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
        _json(500, "com.amazonaws.dynamodb.v20120810#InternalServerError"),
    ),
    "s3": (_xml(503, "SlowDown"), _xml(500, "InternalError")),
}


class CallFaults:
    """Decides call by call.

    `share` of all calls are refused; outages begin `outage_every` seconds (0: never), each of one service for three
    seconds.
    """

    def __init__(self, rng: random.Random) -> None:
        self.share = 0.0
        self.outage_every = 0.0
        self.counts: Counter[str] = Counter()
        self._rng = rng
        self._lock = threading.Lock()
        self._out = ""
        self._next_outage: float | None = None

    def choose(self, service: str, *, now: float) -> FaultKind | None:
        """Say how a call is refused, or None if it is not; `now` in seconds on any steady clock."""
        with self._lock:
            kind = self._choose(service, now) if service in SERVICES else None
            if kind:
                self.counts[f"{service} {kind}"] += 1
            return kind

    def _choose(self, service: str, now: float) -> FaultKind | None:
        if self._is_out(service, now):
            return FaultKind.OUT
        if self._rng.random() >= self.share:
            return None
        return self._rng.choices(list(_WEIGHTS), weights=list(_WEIGHTS.values()))[0]

    def _is_out(self, service: str, now: float) -> bool:
        if not self.outage_every:
            self._next_outage = None
            return False
        if self._next_outage is None or now >= self._next_outage + _OUTAGE_SECONDS:
            self._next_outage = now + self.outage_every
        if now < self._next_outage:
            self._out = ""
            return False
        self._out = self._out or self._rng.choice(SERVICES)
        return service == self._out


def response(service: str, kind: FaultKind) -> Response:
    """Answer a refused call as the service would, late, or not at all."""
    throttled, failed = _RESPONSES[service]
    return replace(
        throttled if kind is FaultKind.THROTTLED else failed,
        delay=_STALL_SECONDS if kind is FaultKind.STALLED_AFTER else 0,
        is_reset=kind in {FaultKind.CUT, FaultKind.CUT_AFTER, FaultKind.STALLED_AFTER},
    )
