"""Trips are sent side by side, and an invocation ends before its timeout, whatever hangs."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from sender.send import THREADS
from simulator.http_types import Request, Response
from tests.support import sender
from tests.support.sender import Outbound
from tests.support.wait import PATIENCE


def answering(outbound: Outbound, wait: Callable[[], object]) -> AbstractContextManager[object]:
    """Let VectorCare wait before it answers the call of a state."""
    right_answer = outbound.vectorcare.answer

    def answer(request: Request) -> Response:
        if "/state/" in request.path:
            wait()
        return right_answer(request)

    return mock.patch.object(outbound.vectorcare, "answer", answer)


def giving_up_soon(*, calls: float = 0, bus: float = 0) -> AbstractContextManager[object]:
    """Let an invocation of 60 s give up calls or the bus so many seconds before its end."""
    reserves: dict[str, Any] = {"CALL_RESERVE_SECONDS": calls, "PUBLISH_RESERVE_SECONDS": bus}
    patch: AbstractContextManager[object] = mock.patch.multiple(
        "sender.send", **reserves, ORDER_RESERVE_SECONDS=0, RETURN_RESERVE_SECONDS=0
    )
    return patch


def put_for_trips(outbound: Outbound, count: int) -> list[str]:
    trips = [f"VC-{number:03}" for number in range(count)]
    outbound.vectorcare.rules.requests |= dict.fromkeys(trips, "ASSIGNED")
    return [outbound.put(service_request_id=trip, command_id=trip) for trip in trips]


def test_as_many_calls_run_side_by_side_as_there_are_threads() -> None:
    with sender.running(inline=False) as outbound:
        put_for_trips(outbound, 2 * THREADS)
        with answering(outbound, threading.Barrier(THREADS, timeout=PATIENCE).wait):
            assert outbound.run() == []
        # All used one token.
        assert len(outbound.vectorcare.token_calls) == 1


def test_calls_that_hang_are_given_up_and_what_has_not_begun_is_not_sent() -> None:
    with sender.running(inline=False) as outbound:
        # Given a container with its token, and more trips than threads
        outbound.token()
        ids = put_for_trips(outbound, THREADS + 5)
        goes_on = threading.Event()
        # When VectorCare does not answer
        with answering(outbound, goes_on.wait), giving_up_soon(calls=59.9, bus=59):
            kept = outbound.run()
            goes_on.set()
        # Then all returned to the queue, for less than its visibility timeout
        assert kept == ids
        assert max(outbound.invisible_for()) < sender.VISIBILITY_SECONDS
        # And those that no thread has come to were not claimed
        assert len([name for name in outbound.command_log() if name.startswith("VC-")]) <= THREADS
        # And once VectorCare answers and the invocation is over for certain, each is done
        outbound.clock.seconds += sender.FUNCTION_SECONDS
        outbound.run_until_empty()
        assert outbound.ends() == [("succeeded", None)] * len(ids)


def test_a_bus_that_hangs_is_given_up_and_the_results_are_published_later() -> None:
    with sender.running(inline=False) as outbound:
        outbound.put()
        goes_on = threading.Event()

        def publish(_bus: Any, entries: list[Any]) -> list[Any]:
            goes_on.wait()
            return entries

        # When the bus does not answer
        with mock.patch("vectorcare_bridge.edge.bus.Bus.publish", publish), giving_up_soon(bus=59.9):
            kept = outbound.run()
            goes_on.set()
        # Then the command returns to the queue, and its result is published when it comes again
        assert len(kept) == 1
        assert max(outbound.invisible_for()) < sender.VISIBILITY_SECONDS
        outbound.run_until_empty()
        assert outbound.ends() == [("succeeded", None)]
        assert len(outbound.vectorcare.calls) == 1
