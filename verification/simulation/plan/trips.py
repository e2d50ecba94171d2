"""Service requests and their events."""

from decimal import Decimal
from random import Random
from typing import Any

from verification.simulation.plan.content import TIME_FORMS, PlannedEvent

_CLOSED = (("COMPLETED", "REQUEST_DATA_UPDATED"), ("UNAVAILABLE", "BROADCAST_CANCELED"))
_OPEN = (
    ("AVAILABLE", "BROADCAST_RECEIVED"),
    ("AVAILABLE", "PROPOSAL_SUBMITTED"),
    ("ASSIGNED", "BROADCAST_ACCEPTED"),
    ("ASSIGNED", "CHANGE_REQUEST_ACCEPTED"),
    ("ASSIGNED", "REQUEST_DATA_UPDATED"),
    ("SOMETHING_NEW", "AN_ACTION_OF_NEXT_YEAR"),
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ODD_TEXTS = ("\uffff", "a\u0001b", "Zoë \U0001f691", "\ud7ff\ue000")
_ODD_NUMBERS = (12345678901234567890, Decimal("9007199254740993.25"))


class Trips:
    """Draws events, `odd` of them with something unusual and allowed about them.

    VectorCare's event ids are chronological since 2026-02-20; before, they were random.
    """

    def __init__(self, random: Random, *, chronological_ids: bool, odd: float) -> None:
        self._random = random
        self._chronological_ids = chronological_ids
        self._odd = odd

    def trip(self, service_request_id: str, times: list[float]) -> list[PlannedEvent]:
        """Draw the events of one service request, at these times, oldest first."""
        last = len(times) - 1
        return [
            self._event(service_request_id, at, closing=number == last and self._chance(0.6))
            for number, at in enumerate(times)
        ]

    def closed_trip(self, service_request_id: str, times: list[float]) -> list[PlannedEvent]:
        """Draw the events of a service request that ends closed, with nothing unusual about them."""
        last = len(times) - 1
        return [
            self._event(service_request_id, at, closing=number == last, plain=True) for number, at in enumerate(times)
        ]

    def _event(self, service_request_id: str, at: float, *, closing: bool, plain: bool = False) -> PlannedEvent:
        random = self._random
        is_odd = not plain and self._chance(self._odd)
        in_between = not closing and self._chance(0.1)  # closed and opened again
        status, action = random.choice(_CLOSED if closing or in_between else _OPEN)
        has_data = status != "UNAVAILABLE" and not (is_odd and self._chance(0.3))
        return PlannedEvent(
            service_request_id=service_request_id,
            event_id=None if is_odd and self._chance(0.1) else self._event_id(at),
            at=at,
            request_status=status,
            action=action,
            data=self._data(is_odd=is_odd) if has_data else None,
            time_form=random.randrange(len(TIME_FORMS)) if is_odd else random.choice((0, 0, 1, 6)),
            prefix=_BYTE_ORDER_MARK if is_odd and self._chance(0.1) else b"",
        )

    def _chance(self, likelihood: float) -> bool:
        return self._random.random() < likelihood

    def _event_id(self, at: float) -> str:
        if self._chronological_ids:
            return f"{int((at + 10**9) * 1000):016x}{self._random.getrandbits(64):016x}"
        return f"{self._random.getrandbits(128):032x}"

    def _data(self, *, is_odd: bool) -> Any:
        random = self._random
        data: dict[str, Any] = {
            "patient_first_name": "Zebulon",
            "patient_last_name": "Quillfeather",
            "patient_age": random.randrange(100),
            "patient_weight_kg": random.randrange(400, 1200) / 10,
            "hospice": None,
            "patient_over_300p": self._chance(0.1),
            "revised_eta": random.choice(("", "early", "late")),
            "pickup_location": {"lat": random.random() * 90, "lng": -random.random() * 180, "city": "Quillfeather"},
            "patient_coverages": ["A", "B"][: random.randrange(3)],
        }
        if is_odd:
            data["note"] = random.choice(_ODD_TEXTS)
            data["action"] = {"data": [[], {}, [1e-7, random.choice(_ODD_NUMBERS), -0.0, 1.50]]}
        if is_odd and self._chance(0.02):
            data["medications"] = "Quillfeather " * 16_000
        if is_odd and self._chance(0.02):
            # Of two such in a row not even the names of what has changed fit into an event, or an SQS message.
            character = random.choice("éüñ")
            data |= {f"{character * 30_000}{number}": number for number in range(3)}
            data.pop("medications", None)
        nothing: tuple[Any, ...] = ([], {}, 0, False, "", {"hospice": None, "pickup_location": {"city": ""}})
        return random.choice((*nothing, "Quillfeather")) if is_odd and self._chance(0.1) else data
