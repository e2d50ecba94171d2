"""The state of the circuit breaker: when calls to VectorCare stop, and when one is tried again."""

from dataclasses import dataclass, replace

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 30
PROBE_SECONDS = 60
"""No other invocation probes for this long: longer than a call and its tokens may take."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """The state that all invocations share.

    closed ── 5 failures in a row ──▶ open ── 30 s ──▶ half open: one call ── answered ──▶ closed
                                       ▲                              └────── failed ────▶ open
    """

    failures: int = 0  # in a row
    open_until: UtcTimestamp | None = None  # when a probe is due; None while the circuit is closed
    probed_until: UtcTimestamp | None = None  # until then, the invocation that probes keeps the others out

    def is_half_open(self, now: UtcTimestamp) -> bool:
        return self.open_until is not None and self.seconds_left(now) == 0

    def seconds_left(self, now: UtcTimestamp) -> float:
        """Return the seconds for which no call may be made."""
        ends = [utc_timestamp.seconds_between(now, until) for until in (self.open_until, self.probed_until) if until]
        return max(0, *ends, 0)

    def with_probe(self, now: UtcTimestamp) -> "Circuit":
        return replace(self, probed_until=utc_timestamp.later(now, seconds=PROBE_SECONDS))

    def after_failure(self, now: UtcTimestamp) -> "Circuit":
        """Count a failure: the fifth in a row opens the circuit, and so does a probe's."""
        failures = self.failures + 1
        if self.open_until is None and failures < FAILURES_TO_OPEN:
            return Circuit(failures=failures)
        return Circuit(failures=failures, open_until=utc_timestamp.later(now, seconds=OPEN_SECONDS))
