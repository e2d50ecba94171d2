"""However slowly AWS answers, a function ends its own calls before Lambda ends the function."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest

from drain import drain
from ingest import enqueue_or_spool
from tests.stacks.templates import Template, functions
from tests.support.cloud import fresh_handler
from tests.unit.edge.test_cold_start import environment_of
from vectorcare_bridge.edge import runtime

VECTORCARE_WAITS = 10
SERVICES = ("ingest", "processor", "drain", "publisher", "reconcile", "redrive", "sender", "reader")


@dataclass(frozen=True)
class Client:
    """What a function asks of a client."""

    service: str
    connect_timeout: float
    read_timeout: float
    attempts: int
    connections: int = 10
    region: str | None = None

    @property
    def longest_call(self) -> float:
        """Seconds until a call is given up, with the longest waits between its attempts.

        Source: "Retry behavior", AWS SDKs and Tools reference guide: up to 1 s, 2 s, 4 s in mode "standard".
        """
        waits = sum(2.0**attempt for attempt in range(self.attempts - 1))
        return self.attempts * (self.connect_timeout + self.read_timeout) + waits


@dataclass(frozen=True)
class Started:
    """A function's clients, and the most threads that it calls them by."""

    clients: dict[str, Client]
    threads: int


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def started(service: str) -> Iterator[Started]:
    """Start a function as Lambda does, and see what it asks for."""
    with (
        mock.patch.dict("os.environ", environment_of(service)),
        mock.patch.multiple(runtime, client=mock.DEFAULT, executor=mock.DEFAULT),
    ):
        fresh_handler(service)
        clients = [Client(*call.args, **call.kwargs) for call in runtime.client.call_args_list]  # type: ignore[attr-defined]  # a mock
        asked: list[Any] = runtime.executor.call_args_list  # type: ignore[attr-defined]  # a mock
        threads = [call.kwargs.get("threads", *call.args) for call in asked]
        yield Started(
            {f"{each.service} {each.region or ''}".strip(): each for each in clients}, max(threads, default=1)
        )


def time_out(templates: dict[str, Template], service: str) -> float:
    return float(functions(templates["everything"])[service]["Properties"]["Timeout"])


def test_no_call_outlasts_its_function(templates: dict[str, Template], service: str, started: Started) -> None:
    assert started.clients
    for client in started.clients.values():
        assert client.longest_call < time_out(templates, service), client


def test_ingest_answers_before_it_is_ended_and_before_vectorcare_gives_up(templates: dict[str, Template]) -> None:
    assert time_out(templates, "ingest") - 1 > enqueue_or_spool.QUEUE_SECONDS + enqueue_or_spool.SPOOL_SECONDS
    assert time_out(templates, "ingest") < VECTORCARE_WAITS


@pytest.mark.parametrize("service", ["drain"], indirect=True)
def test_what_the_drain_has_begun_is_over_before_its_end(started: Started) -> None:
    # Given webhooks that are read, sent and deleted, then the next page, and the spool counted
    s3, sqs = started.clients["s3"], started.clients["sqs"]
    # Then all that, at its slowest, fits into what is kept back for it
    assert 4 * s3.longest_call + sqs.longest_call <= drain.RESERVE_SECONDS


@pytest.mark.parametrize("service", ["drain"], indirect=True)
def test_the_drain_has_time_left_for_what_it_is_there_for(templates: dict[str, Template], started: Started) -> None:
    assert time_out(templates, "drain") * 0.8 > drain.RESERVE_SECONDS
    assert {client.connections for client in started.clients.values()} == {started.threads} == {drain.THREADS}
