"""Whatever VectorCare's address answers, a request is made once, ends in time, and has a known result."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server, socket, socketpair
from typing import Any
from unittest import mock

import pytest
import requests

from local.certificate import write_certificate
from sender.vectorcare.call_result import CallResult, Verdict
from sender.vectorcare.http import MAX_ANSWER_BYTES, Http, HttpResponse
from tests.support import tls
from tests.support.sender import loopback, session
from tests.support.wait import wait_until
from vectorcare_bridge.edge import http_session

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
UNKNOWN = CallResult(Verdict.LOST, "no_answer", is_outage=True)
UNREACHABLE = CallResult(Verdict.LATER, "unreachable", is_outage=True)
LARGE = 64 * 1024 * 1024

Answering = Callable[[socket], None]


class Peer:
    """A server at VectorCare's address that counts connections and keeps requests."""

    def __init__(self, answer: Answering, *, certificate: Path | None) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self._answer = answer
        self._context = tls.server_context(certificate) if certificate else None
        self._listener = create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Peer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket) -> None:
        try:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
                while _request(connection, self.requests):
                    self._answer(connection)
            else:
                self._answer(connection)
        except OSError:
            """The other side had enough."""
        finally:
            connection.close()


def _request(connection: socket, requests: list[bytes]) -> bool:
    """Read a whole request, because closing with unread bytes resets the connection; False if there is none."""
    request = b""
    while not request.endswith(b"{}"):
        piece = connection.recv(65536)
        if not piece:
            return False
        request += piece
    requests.append(request)
    return True


def sending(*pieces: bytes) -> Answering:
    return lambda connection: connection.sendall(b"".join(pieces))


def trickling(head: bytes, drop: bytes, drops: int, tail: bytes) -> Answering:
    """Send drop by drop, and in the end a whole answer; TLS does not put two of them together."""

    def answer(connection: socket) -> None:
        connection.sendall(head)
        for _drop in range(drops):
            connection.sendall(drop)
        connection.sendall(tail)

    return answer


@contextmanager
def called(answer: Answering, *, is_tls: bool = True, certificate: Path | None = None) -> Iterator[tuple[Peer, Http]]:
    with Peer(answer, certificate=certificate or tls.trusted() if is_tls else None) as peer:
        yield peer, Http(session(connections=1))


@pytest.fixture
def _a_second_at_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock show a second more at each look."""
    seconds = itertools.count()
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.monotonic", lambda: float(next(seconds)))


@pytest.fixture(autouse=True)
def _network() -> Iterator[None]:
    with loopback():
        yield


STATUS_ALONE = HttpResponse(200, None, None)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (trickling(b"HTTP/1.1 200 O", b"K", 500, b"\r\nContent-Length: 2\r\n\r\n{}"), UNKNOWN),
        (trickling(b"HTTP/1.1 200 OK\r\nX: ", b"x", 500, b"\r\nContent-Length: 2\r\n\r\n{}"), UNKNOWN),
        (trickling(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 500, OK), UNKNOWN),
        (trickling(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 500, OK), UNKNOWN),
        (trickling(b"HTTP/1.1 200 OK\r\nContent-Length: 501\r\n\r\n", b" ", 500, b"1"), STATUS_ALONE),
        (trickling(b"HTTP/1.1 200 OK\r\n\r\n", b" ", 500, b"1"), STATUS_ALONE),
        (
            trickling(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1F5\r\n", b" ", 500, b"1\r\n0\r\n\r\n"),
            STATUS_ALONE,
        ),
    ],
    ids=["status", "header", "103", "100", "body by length", "body to the end", "chunked body"],
)
@pytest.mark.usefixtures("_a_second_at_each_look")
def test_the_time_for_a_response_is_one_for_all_of_it(answer: Answering, expected: HttpResponse | CallResult) -> None:
    # Given a response that takes 500 seconds, and never long for the next byte
    with called(answer) as (peer, http):
        # When it is awaited, Then it is given up, and its status counts if it came
        assert http.request("POST", peer.url, body={}) == expected


def test_a_response_uses_up_no_time_of_the_next_request() -> None:
    # Given a connection that is kept, When some of an answer has come in
    ours, theirs = socketpair()
    with ours, theirs:
        ours.settimeout(60)
        theirs.sendall(b"x")
        assert http_session._Reader(ours).read(1) == b"x"
        # Then the next request has all its time
        assert ours.gettimeout() == 60


@pytest.mark.parametrize("status", [200, 302, 503])
def test_a_body_that_is_too_large_is_not_read_on(status: int) -> None:
    # Given far more than VectorCare ever answers, sent as fast as it is taken
    sent: list[int] = []

    def answer(connection: socket) -> None:
        connection.sendall(f"HTTP/1.1 {status} X\r\nLocation: /\r\nContent-Length: {LARGE}\r\n\r\n".encode())
        for _piece in range(LARGE // 65536):
            connection.sendall(b" " * 65536)
            sent.append(65536)

    # When it comes, Then its status is known, and the rest is not read
    with called(answer) as (peer, http):
        assert http.request("POST", peer.url, body={}) == HttpResponse(status, None, None)
    assert sum(sent) < LARGE


@pytest.mark.parametrize("interim", [100, 102, 103, 199])
def test_an_interim_response_is_not_the_response(interim: int) -> None:
    # Given hints that come before the answer, When two calls are made
    hint = f"HTTP/1.1 {interim} X\r\nLink: </x>\r\n\r\n".encode()
    with called(sending(hint, hint, OK)) as (peer, http):
        # Then each has its own response
        assert [http.request("POST", peer.url, body={}) for _call in range(2)] == [HttpResponse(200, b"{}", None)] * 2


def with_body(size: int) -> Answering:
    return sending(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode(), b" " * size)


def redirecting(status: int, location: bytes) -> Answering:
    head = f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\nLocation: ".encode()
    return sending(head, location, b"\r\n\r\n{}")


def breaking_off(*pieces: bytes) -> Answering:
    def answer(connection: socket) -> None:
        sending(*pieces)(connection)
        connection.close()

    return answer


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (with_body(MAX_ANSWER_BYTES), HttpResponse(200, b" " * MAX_ANSWER_BYTES, None)),
        (with_body(MAX_ANSWER_BYTES + 1), STATUS_ALONE),
        (redirecting(300, b""), HttpResponse(300, None, None)),
        (redirecting(301, b"https://127.0.0.1/"), HttpResponse(301, None, None)),
        (redirecting(302, b"http://["), HttpResponse(302, None, None)),
        (redirecting(303, b"\xff\xfe"), HttpResponse(303, None, None)),
        (redirecting(307, b"https://\xe2\x80\xae"), HttpResponse(307, None, None)),
        (redirecting(308, b"https://x:99999/"), HttpResponse(308, None, None)),
        (breaking_off(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}"), STATUS_ALONE),
        (breaking_off(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZebulon\r\n"), STATUS_ALONE),
        (breaking_off(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"), STATUS_ALONE),
        (sending(b"Zebulon\r\n\r\n"), UNKNOWN),
        (sending(b"HTTP/1.1 Zebulon\r\n\r\n"), UNKNOWN),
        (sending(b"HTTP/1.1 -200 OK\r\n\r\n"), UNKNOWN),
        (sending(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 70_000, b"\r\n\r\n"), UNKNOWN),
        (sending(b"HTTP/1.1 200 OK\r\n", b"X: x\r\n" * 200, b"\r\n"), UNKNOWN),
        (breaking_off(), UNKNOWN),
    ],
    ids=range(17),
)
def test_a_request_is_made_once_and_its_response_read_as_far_as_it_can_be(
    answer: Answering, expected: HttpResponse | CallResult
) -> None:
    with called(answer) as (peer, http):
        assert http.request("PUT", peer.url, body={}) == expected
        assert (peer.connections, len(peer.requests)) == (1, 1)


@pytest.mark.parametrize(
    "answer", [sending(b"Zebulon\r\n"), lambda connection: connection.close()], ids=["no TLS", "hung up"]
)
def test_without_tls_nothing_is_sent_and_one_attempt_made(answer: Answering) -> None:
    with called(answer, is_tls=False) as (peer, http):
        assert http.request("PUT", peer.url, body={}) == UNREACHABLE
        assert peer.connections == 1


def test_a_peer_that_is_silent_before_tls_is_unreachable() -> None:
    # Given a server that accepts a connection and says nothing
    is_over = threading.Event()

    def silent(_connection: socket) -> None:
        is_over.wait()

    with (
        called(silent, is_tls=False) as (peer, http),
        mock.patch("sender.vectorcare.http.CONNECT_SECONDS", 0.2),
    ):
        assert http.request("POST", peer.url, body={}) == UNREACHABLE
        assert wait_until(lambda: peer.connections, what="the server has accepted a connection") == 1
    is_over.set()


def test_a_server_without_a_trusted_certificate_gets_nothing(tmp_path: Path) -> None:
    stranger = write_certificate(tmp_path / "certificate.pem")
    with called(sending(OK), certificate=stranger) as (peer, http):
        assert http.request("POST", peer.url, body={}) == CallResult(Verdict.LATER, "certificate", is_outage=True)
        assert peer.requests == []


def test_an_address_without_a_server_is_unreachable() -> None:
    with create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert Http(session(connections=1)).request("POST", f"https://127.0.0.1:{port}/", body={}) == UNREACHABLE


def test_a_connection_is_kept_unless_it_was_idle_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [0.0]
    monkeypatch.setattr("vectorcare_bridge.edge.runtime.monotonic", lambda: seconds[0])
    with called(sending(OK)) as (peer, http):
        for now, connections in ((0, 1), (45, 1), (90.1, 2)):
            seconds[0] = now
            assert http.request("POST", peer.url, body={}) == HttpResponse(200, b"{}", None)
            assert peer.connections == connections


def test_no_cookie_is_sent_back_and_nothing_on_the_machine_replaces_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given cookies of every kind, and a .netrc that knows the host
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    cookies = (
        b"Set-Cookie: a=1\r\n",
        b"Set-Cookie: b=2; Path=/; Secure; HttpOnly; Max-Age=99\r\n",
        b"Set-Cookie: \xff\r\n",
    )
    with called(sending(b"HTTP/1.1 200 OK\r\n", *cookies, b"Content-Length: 2\r\n\r\n{}")) as (peer, http):
        # When two calls are made
        for _call in range(2):
            http.request("POST", peer.url, body={}, headers={"Authorization": "Bearer token"})
    # Then the second has the token and no cookie
    assert len(peer.requests) == 2
    assert b"\r\nauthorization: bearer token\r\n" in peer.requests[1].lower()
    assert b"cookie" not in peer.requests[1].lower()


@pytest.mark.parametrize(
    "url", ["", "vectorcare.invalid/", "ftp://vectorcare.invalid/", "https://", "https://[", "https://x:99999/"]
)
def test_a_wrong_url_costs_no_command(url: str) -> None:
    assert Http(session(connections=1)).request("POST", url, body={}) == CallResult(
        Verdict.LATER, "not_sent", is_outage=True
    )


@pytest.mark.parametrize("error", [ValueError("Zebulon"), KeyError(7), UnicodeError(), AssertionError(), OSError()])
def test_after_an_unforeseen_error_it_is_unknown_whether_the_call_was_made(error: Exception) -> None:
    broken: Any = mock.Mock(spec=requests.Session, request=mock.Mock(side_effect=error))
    assert Http(broken).request("POST", "https://vectorcare.invalid/", body={}) == UNKNOWN
