"""Swarm testing: each run has some kinds of trouble only, because all together would hide what two of them do."""

from random import Random

from verification.simulation.plan.plan import VISIBILITY_TIMEOUT, Settings
from verification.simulation.world import faults

HOUR = 3600.0

_SENT = faults.Drawn()
RESENT = _SENT.kind("sent again", 0.6, 0.01, 0.3)
LATE = _SENT.kind("late", 0.6, 0.01, 0.3)
OTHER_BYTES = _SENT.kind("other bytes under a known event id", 0.3, 0.01, 0.1)
UNREADABLE = _SENT.kind("unreadable", 0.6, 0.005, 0.06)
FUTURE = _SENT.kind("dated in the future", 0.4, 0.002, 0.02)
FORBIDDEN = _SENT.kind("forged, or another customer's", 0.5, 0.01, 0.1)
BY_HAND = _SENT.kind("put on the queue by hand", 0.2, 0.002, 0.02)
EXPIRING = _SENT.kind("of a request about to expire", 0.4, 0.03, 0.3)
ODD = _SENT.kind("unusual and allowed", 0.6, 0.05, 0.5)


def sending_rates(random: Random) -> dict[str, float]:
    """Draw the kinds of webhooks beside the plain ones, with the share of each."""
    return _SENT.rates(random)


def fault_rates(random: Random) -> dict[str, float]:
    """Draw the kinds of faults, with the rate of each; one run in ten has none."""
    return {} if not random.randrange(10) else faults.DRAWN.rates(random)


def settings(random: Random) -> Settings:
    """Draw how the stack and the world are."""
    return Settings(
        order_by=random.choices(("event_timestamp", "event_id"), (3, 1))[0],
        visibility_timeout=random.choice((*[VISIBILITY_TIMEOUT] * 3, 2, 15)),
        in_flight_limit=random.choice((120_000, 120_000, 15)),
        max_concurrency=random.randint(2, 6),
        latency=random.choice((0.01, 0.02, 0.3)),
        skew=random.choice((0.0, 0.5, 30.0)),
        expiry_delay=random.choice((1.0, 60.0, 1200.0)),
        restamps=random.choice((True, False, False)),
        span=random.choice((60.0, 600.0, 2 * HOUR)),
        publish_data=random.choice((True, False)),
    )
