"""Attempts at commands of one trip, and fakes of all that an invocation speaks to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from sender.attempt import Attempts
from sender.command_log import Claim
from sender.command_result import CommandResult, Outcome
from sender.received_command import Invocation, ReceivedCommand, ReceivedMessage
from sender.vectorcare.api_calls import ApiCall
from sender.vectorcare.call_result import CallResult, Verdict
from tests.support.cloud import NOW, InlineExecutor
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands.command import Command, Kind
from vectorcare_bridge.utc_timestamp import UtcTimestamp

if TYPE_CHECKING:
    from sender.circuit_breaker import CircuitBreaker
    from sender.command_log import CommandLog
    from sender.vectorcare.api import VectorCareApi

ENDS_AT = utc_timestamp.later(NOW, minutes=1)
DONE = CallResult(Verdict.DONE, status=200)
LATER = CallResult(Verdict.LATER, "http_401", 401, retry_after=7, is_outage=True)
LOST = CallResult(Verdict.LOST, "http_504", 504, is_outage=True)
REFUSED = CallResult(Verdict.REFUSED, "api:not_found", 404)
FIELDS: dict[Kind, dict[str, Any]] = {
    Kind.STATE_UPDATE: {"name": "en_route", "timestamp": NOW},
    Kind.LOCATION_UPDATE: {"locations": [{"lat": 1, "lng": 2, "alt": 3, "timestamp": 4}]},
    Kind.BEST_TIME: {"proposed_agreed_dt": NOW},
    Kind.CHANGE_REQUEST: {"agreed_dt": NOW, "change_reason": "x"},
    Kind.CREATE_REQUEST: {"service_id": "s-1", "request": {}},
}


@dataclass
class World:
    """Command log, VectorCare and circuit breaker of one invocation, and what each was called with."""

    answer: Callable[[ApiCall], CallResult | Exception] = lambda _call: DONE
    known: dict[str, CommandResult | Exception | bool] = field(default_factory=dict)
    """What the command log answers to a claim; a bool says whether the command may have been sent."""
    authorizes: Callable[[], None] = lambda: None
    """Gets a token; it may raise."""
    refuses: tuple[str, ...] = ()
    admits_calls: int = 1000
    claims: list[tuple[str, str, str, str]] = field(default_factory=list)
    recorded: list[tuple[str, CommandResult, str]] = field(default_factory=list)
    given_up: list[tuple[str, bool, str]] = field(default_factory=list)
    calls: list[ApiCall] = field(default_factory=list)
    obstacles: list[Callable[[], CallResult | None]] = field(default_factory=list)
    """What VectorCare's API asks before it makes a call once more."""
    taken_in: list[CallResult] = field(default_factory=list)

    def claim(
        self, command: Command, *, holder: str, now: UtcTimestamp, lease_until: UtcTimestamp
    ) -> Claim | CommandResult:
        known = self.known.get(command.command_id, False)
        if isinstance(known, Exception):
            raise known
        self.claims.append((command.command_id, holder, now, lease_until))
        return known if isinstance(known, CommandResult) else Claim(command, holder, known)

    def release(self, claim: Claim, *, may_have_been_sent: bool, now: UtcTimestamp) -> None:
        self._refuse("release")
        self.given_up.append((claim.command.command_id, may_have_been_sent, now))

    def record(self, claim: Claim, ending: CommandResult, *, now: UtcTimestamp) -> None:
        self._refuse("record")
        self.recorded.append((claim.command.command_id, ending, now))

    def authorize(self) -> None:
        self.authorizes()

    def send(self, call: ApiCall, *, obstacle: Callable[[], CallResult | None]) -> CallResult:
        self.calls.append(call)
        self.obstacles.append(obstacle)
        answer = self.answer(call)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def allows_call(self) -> bool:
        return len(self.taken_in) < self.admits_calls

    def note(self, answer: CallResult) -> None:
        self.taken_in.append(answer)

    def _refuse(self, operation: str) -> None:
        if operation in self.refuses:
            raise RuntimeError(operation)


def delivery(kind: Kind = Kind.STATE_UPDATE, command_id: str = "c-1", **fields: Any) -> ReceivedCommand:
    """Deliver a command of such a kind for the third time, ten seconds after it came."""
    message = ReceivedMessage(
        message_id=f"m of {command_id}",
        first_id="first",
        redriven="0",
        receipt_handle="r",
        receives=3,
        sent_at=utc_timestamp.later(NOW, minutes=-10 / 60),
        body="",
    )
    trip = None if kind is Kind.CREATE_REQUEST else "VC-1"
    return ReceivedCommand(message, Command(kind, command_id, trip, FIELDS.get(kind, {}) | fields))


def positions(command_id: str, *timestamps: int) -> ReceivedCommand:
    locations = [{"lat": 1, "lng": 2, "alt": 3, "timestamp": timestamp} for timestamp in timestamps]
    return delivery(Kind.LOCATION_UPDATE, command_id, locations=locations)


def attempts(world: World, *, ends_at: UtcTimestamp = ENDS_AT) -> Attempts:
    return Attempts(
        cast("VectorCareApi", world),
        cast("CommandLog", world),
        cast("CircuitBreaker", world),
        Invocation("i-1", ends_at),
        executor=InlineExecutor(),
    )


def ending(
    outcome: Outcome,
    reason: str | None = None,
    *,
    kind: Kind = Kind.STATE_UPDATE,
    command_id: str = "c-1",
    service_request_id: str | None = "VC-1",
) -> CommandResult:
    """Make the end of a command that was delivered by `delivery`."""
    return CommandResult(outcome, command_id, str(kind), service_request_id, reason, attempts=3, lag_seconds=10)


def trip_of(kind: Kind) -> str | None:
    return None if kind is Kind.CREATE_REQUEST else "VC-1"
