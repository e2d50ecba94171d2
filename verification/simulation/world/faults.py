"""Which faults a run has, how often they strike, and how often they did."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random


class Drawn:
    """Kinds of trouble of which each run has some only, with how likely each is part of a run, and its rates then."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[float, float, float]] = {}

    def kind(self, name: str, likelihood: float, least: float, greatest: float) -> str:
        self._kinds[name] = (likelihood, least, greatest)
        return name

    def rates(self, random: Random) -> dict[str, float]:
        rates = {}
        for kind, (likelihood, least, greatest) in self._kinds.items():
            # As likely between 1 and 2 % as between 10 and 20 %.
            rate = least * (greatest / least) ** random.random()
            if random.random() < likelihood:
                rates[kind] = rate
        return rates


DRAWN = Drawn()
CRASH_BEFORE = DRAWN.kind("crash before a call takes effect", 0.4, 0.0005, 0.01)
CRASH_AFTER = DRAWN.kind("crash after a call took effect", 0.4, 0.0005, 0.01)
FAILS = DRAWN.kind("call fails", 0.5, 0.005, 0.5)
THROTTLED = DRAWN.kind("call throttled", 0.4, 0.005, 0.3)
TIMES_OUT_DONE = DRAWN.kind("call times out though it took effect", 0.5, 0.002, 0.1)
DONE_LATE = DRAWN.kind("call takes effect after it timed out", 0.4, 0.002, 0.05)
HANGS = DRAWN.kind("call hangs", 0.3, 0.001, 0.02)
SLOW = DRAWN.kind("call slow", 0.4, 0.01, 0.2)
OF_CALLS = (CRASH_BEFORE, CRASH_AFTER, FAILS, THROTTLED, TIMES_OUT_DONE, DONE_LATE, HANGS, SLOW)

KILLED = DRAWN.kind("container killed", 0.2, 0.001, 0.02)
COLD_START_SLOW = DRAWN.kind("slow cold start", 0.3, 0.2, 1.0)
DELIVERED_TWICE = DRAWN.kind("message delivered while in flight", 0.4, 0.005, 0.1)
DELIVERED_DELETED = DRAWN.kind("message delivered after deletion", 0.3, 0.005, 0.05)
LATE_DELIVERY = DRAWN.kind("batch held before delivery", 0.3, 0.01, 0.2)
BATCH_TWICE = DRAWN.kind("batch delivered twice", 0.3, 0.01, 0.1)
DELETE_LOST = DRAWN.kind("event source's deletion lost", 0.3, 0.01, 0.1)
STREAM_TWICE = DRAWN.kind("stream batch delivered twice", 0.3, 0.01, 0.1)
EVENT_REFUSED = DRAWN.kind("event refused by the bus", 0.4, 0.01, 0.3)
ANSWER_LOST = DRAWN.kind("answer lost on its way to VectorCare", 0.4, 0.01, 0.2)
REQUEST_LOST = DRAWN.kind("request lost on its way", 0.4, 0.01, 0.2)
DRAIN_TWICE = DRAWN.kind("drain run twice", 0.4, 0.1, 0.5)
VISIBLE_LATE = DRAWN.kind("message visible late", 0.3, 0.005, 0.1)
EXPIRED_BETWEEN_CALLS = DRAWN.kind("expired item deleted between two calls", 0.7, 0.2, 0.8)
REPLAYED_AFTER_EXPIRY = DRAWN.kind("webhook replayed after its request expired", 0.7, 0.2, 0.9)

VECTORCARE_UNKNOWN = "VectorCare answers 5xx, with or without effect"
VECTORCARE_NOT_ITS_API = "VectorCare's answer is not its API's"

OUTAGE = "call in an outage"
REFUSING_OUTAGE = "call refused in an outage"
HANGING = "hangs"
"""The refusal of an outage in which nothing is refused or answered."""
HANGING_OUTAGE = "call without an answer in an outage"

TIMED_OUT = "function timed out"
DELIVERED_TO_TWO = "message in two batches at the same time"
EXPIRED_ITEM = "item deleted by time to live"
RESTAMPED = "retry stamped with another time"
CLOCK_WRONG = "container with a wrong clock"
OUTAGE_BEGUN = "outage of "
DEPLOYED = "deploy in the middle"
CREDENTIALS_ROTATED = "client secret rotated in the middle"
ROTATED = "key rotated in the middle"
REDRIVEN = "redrive in the middle"
COMMANDS_REDRIVEN = "redrive of commands in the middle"
EVENTS_REDRIVEN = "redrive of unpublished events in the middle"
REPLAYED = "replay of states in the middle"
LOST = "item or register lost"
BY_HAND = "message put on the queue by hand"
UNWELCOME = "webhook that is unreadable, early or forged"


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which services answer nothing, or refuse everything.

    `refusal` is AWS's error code; empty if the services cannot be reached at all, `HANGING` if they answer no call.
    """

    services: frozenset[str]
    begins: float
    ends: float
    refusal: str = ""


class Faults:
    """The faults of one run; `rates` say how likely each kind is, each time that it could strike."""

    def __init__(self, rates: Mapping[str, float], random: Random) -> None:
        self.injected: Counter[str] = Counter()
        self.outages: dict[str, Outage] = {}
        self.stopped_at = float("inf")
        self._rates = dict(rates)
        self._random = random
        self._of_calls = self._bounds()

    def strikes(self, kind: str) -> bool:
        """Decide whether a fault strikes now; it is counted if so."""
        rate = self._rates.get(kind)
        if not rate or self._random.random() >= rate:
            return False
        self.injected[kind] += 1
        return True

    def of_call(self) -> str | None:
        drawn = self._random.random()
        for kind, bound in self._of_calls:
            if drawn < bound:
                self.injected[kind] += 1
                return kind
        return None

    def count(self, kind: str) -> None:
        """Count a fault that was not drawn here."""
        self.injected[kind] += 1

    def begin(self, outage: Outage) -> None:
        self.outages.update(dict.fromkeys(outage.services, outage))

    def end(self, outage: Outage) -> None:
        """Let it end, unless another one has begun meanwhile."""
        for service in outage.services:
            if self.outages.get(service) is outage:
                del self.outages[service]

    def stop(self, now: float) -> None:
        """Let no fault strike any more, from now on."""
        self.stopped_at = now
        self._rates = {}
        self._of_calls = []
        self.outages = {}

    def _bounds(self) -> list[tuple[str, float]]:
        bounds = []
        bound = 0.0
        for kind in OF_CALLS:
            if self._rates.get(kind):
                bound += self._rates[kind]
                bounds.append((kind, bound))
        return bounds
