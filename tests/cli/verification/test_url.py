"""What `bridge verify` says about a name, a certificate, and old protocols; the servers are real ones."""

import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest

from cli.lib.stack import Stack
from cli.lib.verification import accepts, tls_probe, url
from cli.lib.verification.finding import Finding, Verdict
from cli.lib.verification.subject import Subject
from cli.lib.verification.verify import CHECKS, look
from tests.support import tls
from tests.support.wait import PATIENCE

NOWHERE = {"DefaultWebhookUrl": "https://nothing.invalid/webhook", "DomainTarget": "nothing.invalid"}
AT_THE_URL = (url.__name__, accepts.__name__)

Serve = Callable[[Callable[[socket.socket], None]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Give what answers each connection in a thread of its own, and names its port."""
    listeners = []

    def serve(answer: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.settimeout(PATIENCE)
                with closing(connection), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    with suppress(OSError):
                        answer(connection)

        threading.Thread(target=accept, daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def speaking(version: ssl.TLSVersion) -> Callable[[socket.socket], None]:
    """Make a handshake with this version or a newer one."""
    context = tls.server_context(tls.trusted())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the old versions are what is tested
        context.minimum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as protected:
            protected.recv(1)

    return answer


def hanging_up(connection: socket.socket) -> None:
    connection.recv(1)


def alert(number: int, *, newer: bytes = b"") -> Callable[[socket.socket], None]:
    """Refuse TLS 1.1 with an alert, and answer what offers more."""

    def answer(connection: socket.socket) -> None:
        hello = connection.recv(4096)
        is_old = hello[9:11] == tls_probe.TLS_1_1.to_bytes(2, "big")
        connection.sendall(bytes([21, 3, 3, 0, 2, 2, number]) if is_old or not newer else newer)

    return answer


SERVER_HELLO = bytes([22, 3, 3, 0, 6, 2, 0, 0, 2, 3, 3])


def subject(port: int, *, host: str = "127.0.0.1", **outputs: str) -> Subject:
    webhook_url = f"https://{host}:{port}/prod/webhook?customer_id=acme"
    return Subject(Stack("acme", {"WebhookUrl": webhook_url, **outputs}, lambda _: None), None)


def verdict(findings: Iterator[Finding]) -> Verdict:
    (finding,) = findings
    assert bool(finding.to_do) == (finding.verdict is not Verdict.OK), finding
    return finding.verdict


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (speaking(ssl.TLSVersion.TLSv1_1), Verdict.FAILED),
        (speaking(ssl.TLSVersion.TLSv1_2), Verdict.OK),
        (speaking(ssl.TLSVersion.TLSv1_3), Verdict.OK),
        # Only together with an answer to 1.2 does a refusal without a reason say something about 1.1.
        (alert(40, newer=SERVER_HELLO), Verdict.OK),
        (alert(40), Verdict.NOT_CHECKED),
        (hanging_up, Verdict.NOT_CHECKED),
    ],
    ids=["speaks 1.1", "1.2", "1.3 only", "refuses without a reason", "refuses all", "hangs up"],
)
def test_a_server_that_speaks_tls_1_1_is_found(
    serve: Serve, server: Callable[[socket.socket], None], expected: Verdict
) -> None:
    assert verdict(url.old_tls(subject(serve(server)))) is expected


def test_a_certificate_that_is_not_trusted_fails_and_one_that_soon_ends_warns(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a server with a certificate of its own, which ends tomorrow
    port = serve(speaking(ssl.TLSVersion.TLSv1_2))
    # When nobody trusts it, Then
    assert verdict(url.certificate(subject(port))) is Verdict.FAILED
    # When it is trusted, Then
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.trusted()))
    (finding,) = url.certificate(subject(port))
    assert finding.verdict is Verdict.WARNING
    assert "0 more days" in finding.seen
    assert "TLSv1.3" in finding.seen
    # And it is for this address alone
    assert verdict(url.certificate(subject(port, host="localhost"))) is Verdict.FAILED


def test_what_does_not_listen_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for check in (url.certificate, url.old_tls):
        assert verdict(check(subject(port))) is Verdict.FAILED


@pytest.mark.parametrize(
    ("status", "expected"), [("200 OK", Verdict.FAILED), ("301 Moved", Verdict.OK), ("403 Forbidden", Verdict.OK)]
)
def test_only_an_answer_to_plain_http_fails(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, status: str, expected: Verdict
) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    monkeypatch.setattr(url, "_HTTP", serve(answer))
    assert verdict(url.plain_http(subject(443))) is expected


def test_a_domain_has_to_lead_to_the_api() -> None:
    assert verdict(url.name(subject(443))) is Verdict.OK
    assert verdict(url.name(subject(443, DomainTarget="127.0.0.1"))) is Verdict.OK
    assert verdict(url.name(subject(443, DomainTarget="127.0.0.2"))) is Verdict.FAILED
    assert verdict(url.name(subject(443, host="nothing.invalid"))) is Verdict.FAILED


def test_of_a_url_without_an_address_one_check_says_so_and_the_others_do_not_guess() -> None:
    # Given
    offline = subject(443, host="nothing.invalid")
    # When
    found = {name: look(name, check, offline) for name, check in CHECKS.items() if check.__module__ in AT_THE_URL}
    # Then
    assert [name for name, findings in found.items() for each in findings if each.verdict is Verdict.FAILED] == ["name"]
    assert not [each for findings in found.values() for each in findings if each.verdict is Verdict.OK]


def test_a_new_domain_that_does_not_lead_to_the_api_yet_is_no_failure_and_the_old_url_is_looked_at() -> None:
    # Given a stack that has just got a domain
    both = {"DefaultWebhookUrl": "https://127.0.0.1/prod/webhook?customer_id=old", "DomainTarget": "127.0.0.1"}
    moving, moved = subject(443, host="nothing.invalid", **both), subject(443, **both)
    # When its name is looked up
    assert verdict(url.name(moving)) is Verdict.WARNING
    assert verdict(url.name(moved)) is Verdict.OK
    assert verdict(url.name(subject(443, host="nothing.invalid", **(both | NOWHERE)))) is Verdict.FAILED
    # Then everything else is asked of the URL that works
    assert moving.webhook_url.query == "customer_id=old"
    assert moved.webhook_url.query == "customer_id=acme"
