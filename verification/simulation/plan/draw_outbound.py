"""Commands from a seed, drawn apart from the webhooks, which they leave as they are."""

import json
from random import Random
from typing import Any

from verification.simulation.models.vectorcare_api import API, TOKENS
from verification.simulation.plan.content import MARKER
from verification.simulation.plan.plan import Expected, OutboundPlan, PlannedCommand, SecretRotation
from verification.simulation.world.faults import HANGING, VECTORCARE_NOT_ITS_API, VECTORCARE_UNKNOWN, Outage
from verification.simulation.world.scheduler import START_EPOCH_SECONDS, timestamp_at

_DAY, _HOUR = 86_400.0, 3600.0
_EVENTS_PER_COMMAND = 40
_BURST_SECONDS = 2.0
# SQS gives milliseconds: what comes within one has no order there.
_APART_SECONDS = 0.01
_STATES = ("en_route", "arrived", "on_board", "arrived_at_destination", "completed")
_UNREADABLE = (
    ("not_json", "{"),
    ("not_an_object", "[]"),
    ("unknown_command", '{"command": "applaud"}'),
    ("bad_service_request_id", '{"command": "accept"}'),
    ("bad_command_id", '{"command": "accept", "command_id": 5}'),
)


def draw_outbound(seed: int, events: int, *, span: float) -> OutboundPlan:
    """Draw a seed's commands, put on the queue within `span` seconds.

    There is one for each forty webhooks (`events`), and in one run of eight one for each five.
    """
    return _Drawing(seed, span).plan(events // _EVENTS_PER_COMMAND)


class _Drawing:
    def __init__(self, seed: int, span: float) -> None:
        self._random = Random(f"outbound {seed}")  # noqa: S311 it keeps no secret
        self._seed = seed
        self._span = span
        self._serial = 0
        self._commands: list[PlannedCommand] = []
        self._statuses: dict[str, str] = {}
        self._foreign: set[str] = set()

    def plan(self, count: int) -> OutboundPlan:
        draws = (
            *(self._trip, self._trip, self._trip, self._won, self._won),
            *(self._broadcast, self._broadcast, self._new, self._refused),
        )
        if not self._random.randrange(8):
            # A change of shifts: all at the same time.
            count, self._span = 8 * count, min(self._span, _BURST_SECONDS)
        while len(self._commands) < count:
            self._random.choice(draws)()
        # SQS delivers it hundreds of times before it dies.
        if not self._random.randrange(12):
            at = self._any_time()
            reason, body = self._random.choice(_UNREADABLE)
            self._put(at, body, "unreadable", "", "", frozenset(), Expected.UNREADABLE, reason)
        return OutboundPlan(
            commands=tuple(self._commands),
            rotations=tuple(self._rotations()),
            outages=tuple(self._outages()),
            rates=self._rates(),
            statuses=self._statuses,
            foreign=frozenset(self._foreign),
        )

    def _trip(self) -> None:
        """Report states and positions of a trip that is ours, and ask for a change now and then."""
        random, begins = self._random, self._any_time()
        service_request_id = self._request("ASSIGNED")
        for number, state in enumerate(_STATES[: random.randint(0, 4)]):
            self._state(begins + number * random.random() * 60, service_request_id, state)
        seconds = 0
        for number in range(random.randint(0, 4)):
            # A tracker may report its last position once more.
            times = range(seconds, seconds := seconds + random.randint(1, 5))
            self._locations(begins + number * random.choice((0.1, 5.0)), service_request_id, list(times))
            seconds -= random.randrange(2)
        if not random.randrange(3):
            note = self._note()
            fields = {"agreed_dt": timestamp_at(begins + _DAY), "change_reason": note}
            self._command(begins, "change_request", service_request_id, fields, note)

    def _broadcast(self) -> None:
        at, note = self._any_time(), self._note()
        service_request_id = self._request("AVAILABLE")
        kind = self._random.choice(("accept", "accept", "decline", "best_time"))
        if kind == "best_time":
            proposed = self._time(at + _DAY)
            self._command(at, kind, service_request_id, {"proposed_agreed_dt": proposed}, proposed)
        else:
            self._command(at, kind, service_request_id, {"response_notes": note}, note)

    def _won(self) -> None:
        """Accept a request that is offered, and report the first states right after it."""
        random, begins, note = self._random, self._any_time(), self._note()
        service_request_id = self._request("AVAILABLE")
        self._command(begins, "accept", service_request_id, {"response_notes": note}, note)
        longest = random.choice((0.5, 5.0, 60.0))
        for number, state in enumerate(_STATES[: random.randint(1, 3)], start=1):
            at = begins + (number - random.random()) * longest + _APART_SECONDS
            self._state(at, service_request_id, state, expected=Expected.FOLLOWS)
        if random.randrange(2):
            at = begins + random.random() * longest + _APART_SECONDS
            self._locations(at, service_request_id, [0, 1], expected=Expected.FOLLOWS)

    def _new(self) -> None:
        note = self._note()
        fields = {"service_id": "s1", "request": {"note": note}}
        self._command(self._any_time(), "create_request", "", fields, note)

    def _refused(self) -> None:
        """Ask for what VectorCare refuses permanently."""
        random, at = self._random, self._any_time()
        way = random.randrange(5)
        if way == 0:
            service_request_id = self._request("ASSIGNED")
            self._state(at, service_request_id, "asleep", expected=Expected.REFUSED)
        elif way == 1:
            service_request_id = self._request("ASSIGNED")
            age = random.choice((8 * _DAY, -2 * _DAY))
            self._state(at, service_request_id, "arrived", age=age, expected=Expected.REFUSED)
        elif way == 2:  # noqa: PLR2004 one of five ways
            note = self._note() + "x" * 450
            fields = {"response_notes": note}
            self._command(at, "accept", self._request("AVAILABLE"), fields, note, expected=Expected.REFUSED)
        elif way == 3:  # noqa: PLR2004 one of five ways
            service_request_id = self._request("ASSIGNED")
            self._foreign.add(service_request_id)
            self._state(at, service_request_id, "arrived", expected=Expected.FORBIDDEN)
        else:
            service_request_id = self._request("")
            self._locations(at, service_request_id, [0], expected=Expected.FORBIDDEN)

    def _state(
        self, at: float, service_request_id: str, name: str, *, age: float = 0.0, expected: Expected = Expected.TAKEN
    ) -> None:
        # Past for every clock that is wrong.
        timestamp = self._time(at - (age or self._random.uniform(40, 300)))
        fields = {"name": name, "timestamp": timestamp}
        self._command(at, "state_update", service_request_id, fields, timestamp, expected=expected)

    def _locations(
        self, at: float, service_request_id: str, seconds: list[int], *, expected: Expected = Expected.TAKEN
    ) -> None:
        begins = int(START_EPOCH_SECONDS) - 600
        locations = [{"lat": 1.5, "lng": 2.5, "alt": 0, "timestamp": begins + second} for second in seconds]
        marks = [str(location["timestamp"]) for location in locations]
        self._command(at, "location_update", service_request_id, {"locations": locations}, *marks, expected=expected)

    def _command(
        self,
        at: float,
        kind: str,
        service_request_id: str,
        fields: dict[str, Any],
        *marks: str,
        expected: Expected = Expected.TAKEN,
    ) -> None:
        random = self._random
        named = {"service_request_id": service_request_id} if service_request_id else {}
        command_id = f"command-{self._seed}-{self._serial}" if random.randrange(3) else ""
        self._serial += 1
        if command_id:
            named["command_id"] = command_id
        body = json.dumps({"command": kind, **named, **fields})
        how = (body, kind, command_id, service_request_id, frozenset(marks), expected)
        self._put(at, *how)
        if command_id and not random.randrange(6):
            # The CAD does not know whether the queue has it.
            self._put(at + random.random() * random.choice((1.0, 60.0)), *how)

    def _put(self, at: float, *how: Any) -> None:
        self._commands.append(PlannedCommand(len(self._commands), at, *how))

    def _rotations(self) -> list[SecretRotation]:
        random = self._random
        if random.randrange(4):
            return []
        return [SecretRotation(self._any_time(), random.choice((0.0, 5.0, 120.0)), bool(random.randrange(2)))]

    def _outages(self) -> list[Outage]:
        """Draw outages of VectorCare in one run of three, of one of its hosts or of both."""
        random = self._random
        if random.randrange(3):
            return []
        outages = []
        for _ in range(random.choice((1, 1, 3))):
            begins = self._any_time() * random.randrange(2)
            seconds = random.choice((60.0, 600.0, _HOUR))
            hosts = random.choice((frozenset({API}), frozenset({TOKENS}), frozenset({API, TOKENS})))
            refusal = random.choice(("", "ServiceUnavailable", HANGING))
            outages.append(Outage(hosts, begins, begins + seconds, refusal))
        return outages

    def _rates(self) -> dict[str, float]:
        """Draw how often something else answers for VectorCare: in two runs of five never."""
        random = self._random
        kinds = {VECTORCARE_UNKNOWN: 0.5, VECTORCARE_NOT_ITS_API: 0.5}
        return {
            kind: 0.01 * 30 ** random.random() for kind, likelihood in kinds.items() if random.random() < likelihood
        }

    def _any_time(self) -> float:
        return self._random.random() * self._span

    def _note(self) -> str:
        self._serial += 1
        return f"{MARKER} {self._seed}-{self._serial}"

    def _request(self, status: str) -> str:
        self._serial += 1
        service_request_id = f"VC-OUT{self._seed}-{self._serial}"
        if status:
            self._statuses[service_request_id] = status
        return service_request_id

    @staticmethod
    def _time(at: float) -> str:
        """Write a time as VectorCare does: milliseconds."""
        return f"{timestamp_at(at)[:23]}Z"
