"""Swarm testing: each run has some kinds of trouble only, because all together would hide what two of them do."""

from random import Random

from verification.simulation.plan.plan import VISIBILITY_TIMEOUT, Settings
from verification.simulation.world import faults

HOUR = 3600.0

RESENT = "sent again"
LATE = "late"
OTHER_BYTES = "other bytes under a known event id"
UNREADABLE = "unreadable"
FUTURE = "dated in the future"
FORBIDDEN = "forged, or another customer's"
BY_HAND = "put on the queue by hand"
EXPIRING = "of a request about to expire"
ODD = "unusual and allowed"

# How likely a kind is part of a run, and its least and greatest rate if it is.
_SENDINGS = {
    RESENT: (0.6, 0.01, 0.3),
    LATE: (0.6, 0.01, 0.3),
    OTHER_BYTES: (0.3, 0.01, 0.1),
    UNREADABLE: (0.6, 0.005, 0.06),
    FUTURE: (0.4, 0.002, 0.02),
    FORBIDDEN: (0.5, 0.01, 0.1),
    BY_HAND: (0.2, 0.002, 0.02),
    EXPIRING: (0.4, 0.03, 0.3),
    ODD: (0.6, 0.05, 0.5),
}
_FAULTS = {
    faults.CRASH_BEFORE: (0.4, 0.0005, 0.01),
    faults.CRASH_AFTER: (0.4, 0.0005, 0.01),
    faults.FAILS: (0.5, 0.005, 0.5),
    faults.THROTTLED: (0.4, 0.005, 0.3),
    faults.TIMES_OUT_DONE: (0.5, 0.002, 0.1),
    faults.DONE_LATE: (0.4, 0.002, 0.05),
    faults.HANGS: (0.3, 0.001, 0.02),
    faults.SLOW: (0.4, 0.01, 0.2),
    faults.KILLED: (0.2, 0.001, 0.02),
    faults.COLD_START_SLOW: (0.3, 0.2, 1.0),
    faults.DELIVERED_TWICE: (0.4, 0.005, 0.1),
    faults.DELIVERED_DELETED: (0.3, 0.005, 0.05),
    faults.LATE_DELIVERY: (0.3, 0.01, 0.2),
    faults.BATCH_TWICE: (0.3, 0.01, 0.1),
    faults.DELETE_LOST: (0.3, 0.01, 0.1),
    faults.STREAM_TWICE: (0.3, 0.01, 0.1),
    faults.EVENT_REFUSED: (0.4, 0.01, 0.3),
    faults.ANSWER_LOST: (0.4, 0.01, 0.2),
    faults.REQUEST_LOST: (0.4, 0.01, 0.2),
    faults.DRAIN_TWICE: (0.4, 0.1, 0.5),
    faults.VISIBLE_LATE: (0.3, 0.005, 0.1),
    faults.EXPIRED_BETWEEN_CALLS: (0.7, 0.2, 0.8),
    faults.REPLAYED_AFTER_EXPIRY: (0.7, 0.2, 0.9),
}


def sending_rates(random: Random) -> dict[str, float]:
    """Draw the kinds of webhooks beside the plain ones, with the share of each."""
    return _draw(random, _SENDINGS)


def fault_rates(random: Random) -> dict[str, float]:
    """Draw the kinds of faults, with the rate of each; one run in ten has none."""
    return {} if not random.randrange(10) else _draw(random, _FAULTS)


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


def _draw(random: Random, kinds: dict[str, tuple[float, float, float]]) -> dict[str, float]:
    rates = {}
    for kind, (likelihood, least, greatest) in kinds.items():
        # As likely between 1 and 2 % as between 10 and 20 %.
        rate = least * (greatest / least) ** random.random()
        if random.random() < likelihood:
            rates[kind] = rate
    return rates
