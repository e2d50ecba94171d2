"""How VectorCare is spoken to: over one verified connection that is kept, by bounded threads, through one door."""

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from socket import create_server, socket
from unittest import mock

import pytest

from sender.send import THREADS
from simulator import server
from simulator.http_types import Request, Response
from tests.support import sender, tls
from tests.support.sender import Outbound
from tests.support.wait import PATIENCE
from tests.unit.conftest import Output


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    with sender.running() as outbound:
        yield outbound


@pytest.fixture
def connections() -> Iterator[mock.Mock]:
    """Count the connections that VectorCare gets."""
    original = server._Server.process_request
    with mock.patch.object(server._Server, "process_request", autospec=True, side_effect=original) as connections:
        yield connections


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[str]:
    """Serve TLS with a certificate that nobody vouches for; gives its URL."""
    context = tls.server_context(tls.certificate(tmp_path / "certificate.pem"))
    listener = create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_shake_hands, args=(listener, context), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def _shake_hands(listener: socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            connection.close()


def test_who_cannot_prove_to_be_vectorcare_gets_neither_credentials_nor_commands(
    outbound: Outbound, impostor: str, output: Output
) -> None:
    # Given somebody else at VectorCare's address
    outbound.start(impostor)
    outbound.put(command="create_request", service_request_id=..., service_id="s", request={})
    # When a command is sent, Then it waits
    assert len(outbound.run()) == 1
    assert '"reason":"certificate"' in output.text().replace(" ", "")
    assert outbound.ends() == []


def test_an_address_where_nobody_is_costs_no_command(outbound: Outbound) -> None:
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    outbound.start(f"https://127.0.0.1:{port}")
    outbound.put(command="create_request", service_request_id=..., service_id="s", request={})
    assert len(outbound.run()) == 1
    assert outbound.ends() == []


def test_a_connection_is_kept_from_call_to_call(outbound: Outbound, connections: mock.Mock) -> None:
    for _batch in range(3):
        outbound.put()
        outbound.run()
    assert len(outbound.vectorcare.calls) == 3
    assert connections.call_count == 1


def test_a_connection_that_was_idle_for_long_is_not_trusted(outbound: Outbound, connections: mock.Mock) -> None:
    outbound.put()
    outbound.run()
    with mock.patch("vectorcare_bridge.edge.runtime.monotonic", return_value=float("1e12")):
        outbound.put()
        outbound.run()
    assert connections.call_count == 2


def test_nothing_on_the_machine_replaces_the_token(
    outbound: Outbound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a .netrc that knows VectorCare's host
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    # When a command is sent, Then it carries the token
    outbound.put()
    outbound.run()
    assert [call.headers["authorization"] for call in outbound.vectorcare.calls] == ["Bearer invented-token-1"]


def test_calls_run_side_by_side_and_no_more_than_the_threads() -> None:
    # Given many trips, and VectorCare taking its time
    with sender.running(inline=False) as outbound:
        trips = [f"VC-{number}" for number in range(3 * THREADS)]
        outbound.vectorcare.rules.requests |= dict.fromkeys(trips, "ASSIGNED")
        for trip in trips:
            outbound.put(service_request_id=trip)
        right_answer = outbound.vectorcare.answer
        together = threading.Barrier(THREADS, timeout=PATIENCE)
        under_way, most = [0], [0]
        lock = threading.Lock()

        def answer(request: Request) -> Response:
            if "/state/" not in request.path:
                return right_answer(request)
            with lock:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
            together.wait()
            with lock:
                under_way[0] -= 1
            return right_answer(request)

        # When one batch is sent
        with mock.patch.object(outbound.vectorcare, "answer", answer):
            assert outbound.run() == []
        # Then ten at a time were under way
        assert most == [THREADS]


def test_an_error_that_nobody_foresaw_loses_nothing_and_says_nothing(outbound: Outbound, output: Output) -> None:
    message_id = outbound.put()
    with mock.patch("sender.send.report.report", side_effect=ValueError("Zebulon")):
        assert outbound.handle(outbound.receive()) == [message_id]
    assert "Zebulon" not in output.text()
