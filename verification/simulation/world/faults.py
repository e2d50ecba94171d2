"""Which faults a run has, how often they strike, and how often they did."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

CRASH_BEFORE = "crash before a call takes effect"
CRASH_AFTER = "crash after a call took effect"
FAILS = "call fails"
THROTTLED = "call throttled"
TIMES_OUT_DONE = "call times out though it took effect"
DONE_LATE = "call takes effect after it timed out"
HANGS = "call hangs"
SLOW = "call slow"
OF_CALLS = (CRASH_BEFORE, CRASH_AFTER, FAILS, THROTTLED, TIMES_OUT_DONE, DONE_LATE, HANGS, SLOW)

VECTORCARE_UNKNOWN = "VectorCare answers 5xx, with or without effect"
VECTORCARE_NOT_ITS_API = "VectorCare's answer is not its API's"

OUTAGE = "call in an outage"
REFUSING_OUTAGE = "call refused in an outage"
HANGING = "hangs"
"""The refusal of an outage in which nothing is refused or answered."""
HANGING_OUTAGE = "call without an answer in an outage"

KILLED = "container killed"
TIMED_OUT = "function timed out"
COLD_START_SLOW = "slow cold start"
DELIVERED_TWICE = "message delivered while in flight"
DELIVERED_DELETED = "message delivered after deletion"
LATE_DELIVERY = "batch held before delivery"
BATCH_TWICE = "batch delivered twice"
STREAM_TWICE = "stream batch delivered twice"
EVENT_REFUSED = "event refused by the bus"
DELETE_LOST = "event source's deletion lost"
VISIBLE_LATE = "message visible late"
DELIVERED_TO_TWO = "message in two batches at the same time"
ANSWER_LOST = "answer lost on its way to VectorCare"
REQUEST_LOST = "request lost on its way"
DRAIN_TWICE = "drain run twice"
EXPIRED_ITEM = "item deleted by time to live"
EXPIRED_BETWEEN_CALLS = "expired item deleted between two calls"
REPLAYED_AFTER_EXPIRY = "webhook replayed after its request expired"
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
