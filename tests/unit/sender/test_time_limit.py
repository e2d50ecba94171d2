"""An invocation is over before its time-out, whatever hangs, and what is left is given back by then."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from sender.send import THREADS
from simulator.http_types import Request, Response
from tests.support import sender
from tests.support.sender import Outbound

# A tenth of a second until an invocation of 60 s gives up.
SOON: dict[str, Any] = {
    "CALL_RESERVE_SECONDS": 59.9,
    "PUBLISH_RESERVE_SECONDS": 59.0,
    "ORDER_RESERVE_SECONDS": 0,
    "RETURN_RESERVE_SECONDS": 0,
}


@contextmanager
def hanging(outbound: Outbound) -> Iterator[threading.Event]:
    """Let VectorCare answer no call to its API before the event is set, or the test is over."""
    right_answer = outbound.vectorcare.answer
    goes_on = threading.Event()

    def answer(request: Request) -> Response:
        if "/state/" in request.path:
            goes_on.wait()
        return right_answer(request)

    with mock.patch.object(outbound.vectorcare, "answer", answer), mock.patch.multiple("sender.send", **SOON):
        try:
            yield goes_on
        finally:
            goes_on.set()


def test_calls_that_hang_are_not_waited_for_and_what_has_not_begun_is_not_sent() -> None:
    with sender.running(inline=False) as outbound:
        # Given a container with its token, and more trips than threads
        outbound.put()
        outbound.run()
        trips = [f"VC-{number:03}" for number in range(THREADS + 5)]
        outbound.vectorcare.rules.requests |= dict.fromkeys(trips, "ASSIGNED")
        ids = [outbound.put(service_request_id=trip, command_id=trip) for trip in trips]
        # When VectorCare does not answer
        with hanging(outbound):
            kept = outbound.run()
        # Then all were given back, for less than the queue's own time-out
        assert kept == ids
        assert max(outbound.invisible_for()) < sender.VISIBILITY_SECONDS
        # And nothing is known of those that no thread has come to
        assert len([name for name in outbound.command_log() if name in trips]) <= THREADS
        # And once VectorCare answers and the invocation is over for certain, each is done
        outbound.clock.seconds += sender.FUNCTION_SECONDS
        outbound.run_until_empty()
        assert [end for end, _reason in outbound.ends()] == ["succeeded"] * (1 + len(trips))


def test_a_bus_that_hangs_is_not_waited_for_and_the_ends_are_told_later() -> None:
    with sender.running(inline=False) as outbound:
        outbound.put(command_id="c-1")
        goes_on = threading.Event()

        def publish(_bus: Any, entries: list[Any]) -> list[Any]:
            goes_on.wait()
            return entries

        # When the bus does not answer
        with (
            mock.patch("vectorcare_bridge.edge.bus.Bus.publish", publish),
            mock.patch.multiple(
                "sender.send",
                CALL_RESERVE_SECONDS=0,
                PUBLISH_RESERVE_SECONDS=59.9,
                ORDER_RESERVE_SECONDS=0,
                RETURN_RESERVE_SECONDS=0,
            ),
        ):
            kept = outbound.run()
            goes_on.set()
        # Then the command is given back, and its end told when it comes again
        assert len(kept) == 1
        assert max(outbound.invisible_for()) < sender.VISIBILITY_SECONDS
        outbound.run_until_empty()
        assert outbound.ends() == [("succeeded", None)]
        assert len(outbound.vectorcare.calls) == 1
