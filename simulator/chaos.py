"""Chaos settings: what VectorCare says may happen to webhooks, as often as is asked for."""

from dataclasses import dataclass, fields
from random import Random

LATE_SECONDS = (30.0, 900.0)
DUPLICATE_SECONDS = (1.0, 20.0)
RESTAMP_SECONDS = (8.0, 64.0)
HELD_SECONDS = 60.0
"""How long a webhook waits at most for one that is to overtake it."""


@dataclass(frozen=True, slots=True)
class DeliveryFault:
    """A fault injected into the delivery of one webhook."""

    delay: float = 0.0  # seconds before it is first tried
    is_held: bool = False  # it waits for the next one of its service request
    repeat_after: float | None = None  # seconds after it was taken until it is delivered again, as it was
    restamp_after: float | None = None  # the same, with a new time
    dated_ahead: float = 0.0  # seconds that its time is ahead of when it happened


@dataclass(frozen=True, slots=True)
class Chaos:
    """The share of webhooks, each from 0 to 1, that meets each fault; the seed decides which."""

    late: float = 0.0  # first tried half a minute to a quarter of an hour late
    duplicated: float = 0.0  # delivered again, byte for byte, some seconds after it was taken
    out_of_order: float = 0.0  # held back until the next of its service request was tried, or for a minute
    restamped: float = 0.0  # delivered again under its `event_id`, as late as a retry would be, and dated then

    def __post_init__(self) -> None:
        for field in fields(self):
            share = getattr(self, field.name)
            if not isinstance(share, int | float) or isinstance(share, bool) or not 0 <= share <= 1:
                raise ValueError(f"{field.name} is a share from 0 to 1.")

    def draw(self, random: Random) -> DeliveryFault:
        """Decide what happens to a webhook; every number is drawn each time, so that shares do not shift each other."""
        late, duplicated, held, restamped = (
            random.random() < share for share in (self.late, self.duplicated, self.out_of_order, self.restamped)
        )
        delay, repeat_after, restamp_after = (
            random.uniform(*seconds) for seconds in (LATE_SECONDS, DUPLICATE_SECONDS, RESTAMP_SECONDS)
        )
        return DeliveryFault(
            delay=delay if late else 0.0,
            is_held=held and not late,
            repeat_after=repeat_after if duplicated else None,
            restamp_after=restamp_after if restamped else None,
        )


NAMED_FAULTS = {
    "overtaken": DeliveryFault(is_held=True),
    "twice": DeliveryFault(repeat_after=1.0),
    "restamped": DeliveryFault(restamp_after=2.0),
    # Receivers that bound the future do so at a quarter of an hour; soon after it may be applied.
    "ahead": DeliveryFault(dated_ahead=915.0),
}
"""Faults that a requester may ask for by name, at any share."""
