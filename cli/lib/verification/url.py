"""The webhook's URL before a request is made: its name, its certificate, and what it refuses to speak."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from cli.lib.verification import tls_probe
from cli.lib.verification.finding import Finding, failed, not_checked, ok, warning
from cli.lib.verification.subject import Subject, addresses
from cli.lib.verification.tls_probe import PROTOCOL_VERSION, TLS_1_1, TLS_1_2, Answer

_SECONDS = 10.0
_DAYS_LEFT = 30  # Certificate Manager renews 60 days before the end ("Managed certificate renewal", ACM user guide)
_HTTP = 80
_LOCAL = "The local environment has no name and no certificate of its own."
_MOVING = (
    "Point the domain's CNAME at the stack's output DomainTarget, and paste the new URL only when this check is ok: "
    "docs/moving.md."
)
_DNS = "Compare the domain's CNAME with the stack's output DomainTarget. A new record takes a while to be seen."
_OFFLINE = (
    "Is this machine's network up? A new URL of API Gateway may take some minutes to be known. Until it "
    "is, nothing else is tried from outside."
)


def name(subject: Subject) -> Iterator[Finding]:
    """Look the host up; if it is the organization's own domain, it leads to the API."""
    check = "DNS name of the webhook URL"
    if subject.is_local:
        yield not_checked(check, _LOCAL)
        return
    if subject.is_moving and subject.has_address:
        own = urlsplit(subject.stack.outputs["WebhookUrl"]).hostname
        yield warning(check, f"{own} does not lead to the API yet. API Gateway's own URL works meanwhile.", _MOVING)
        return
    host = subject.webhook_url.hostname or ""
    found, target = addresses(host), subject.stack.outputs.get("DomainTarget")
    if not found:
        yield failed(check, f"{host} has no address.", _DNS if target and not subject.is_moving else _OFFLINE)
        return
    if target and not found & addresses(target):
        yield failed(check, f"{host} leads elsewhere than to {target}.", _DNS)
        return
    yield ok(check, f"{host} leads to {', '.join(sorted(found))}")


def certificate(subject: Subject) -> Iterator[Finding]:
    """Make a handshake as a careful client does: the certificate is trusted, valid, and for this name."""
    check = "certificate of the webhook URL"
    if subject.is_local:
        yield not_checked(check, _LOCAL)
        return
    host, port = _address(subject)
    try:
        with (
            socket.create_connection((host, port), timeout=_SECONDS) as connection,
            ssl.create_default_context().wrap_socket(connection, server_hostname=host) as tls,
        ):
            version, shown = tls.version(), tls.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        yield failed(
            check,
            f"It is not valid for {host}: {error.verify_message}.",
            "Look at certificate_arn in the organization's file. VectorCare's calls fail until it is right.",
        )
        return
    except OSError as error:
        yield _no_answer(check, host, error)
        return
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
    left = (end - datetime.now(UTC)).days
    seen = f"It is valid for {host} until {end:%Y-%m-%d}, {left} more days. The handshake was {version}."
    if left < _DAYS_LEFT:
        yield warning(
            check,
            seen,
            "Certificate Manager has not renewed it. Look for the certificate's validation record in the domain's DNS.",
        )
    else:
        yield ok(check, seen)


def old_tls(subject: Subject) -> Iterator[Finding]:
    """Offer TLS 1.1, and see it refused because of its version."""
    check = "a TLS 1.1 handshake is refused"
    if subject.is_local:
        yield not_checked(check, _LOCAL)
        return
    host, port = _address(subject)
    try:
        answered = tls_probe.offer(host, port, version=TLS_1_1)
        if answered.answer is Answer.ACCEPTED:
            yield failed(
                check,
                f"{host} accepted it.",
                "Choose a tls_policy in the organization's file that begins with TLS 1.2, and deploy.",
            )
        elif answered.alert == PROTOCOL_VERSION:
            yield ok(check, f"{host} refused it with the alert protocol_version.")
        # Another refusal could be about something else in the message: then the same message with 1.2 is refused too.
        elif tls_probe.offer(host, port, version=TLS_1_2).answer is Answer.ACCEPTED:
            yield ok(check, f"{host} refused it, and answers the same message if it says TLS 1.2.")
        else:
            yield not_checked(
                check,
                f"{host} refuses this message whatever its version, so nothing is known about TLS 1.1.",
                "Look at the API's security policy in the API Gateway console.",
            )
    except OSError as error:
        yield _no_answer(check, host, error)


def plain_http(subject: Subject) -> Iterator[Finding]:
    """Ask for the health route without TLS."""
    check = "plain HTTP is refused"
    if subject.is_local:
        yield not_checked(check, _LOCAL)
        return
    host, _ = _address(subject)
    connection = http.client.HTTPConnection(host, _HTTP, timeout=_SECONDS)
    try:
        connection.request("GET", f"{subject.webhook_url.path.removesuffix('/webhook')}/health")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        yield ok(check, f"{host} does not answer on port {_HTTP}.")
        return
    finally:
        connection.close()
    if status < HTTPStatus.MULTIPLE_CHOICES:  # neither a redirect nor a refusal
        yield failed(
            check,
            f"{host} answered {status} without TLS.",
            "Something stands before the API that takes plain HTTP. Find it.",
        )
    else:
        yield ok(check, f"{host} answered {status} without TLS: nothing is taken.")


def _address(subject: Subject) -> tuple[str, int]:
    return subject.webhook_url.hostname or "", subject.webhook_url.port or 443


def _no_answer(check: str, host: str, error: OSError) -> Finding:
    return failed(
        check,
        f"{host} does not answer ({error.strerror or type(error).__name__}).",
        "Is this machine's network up? A new domain of API Gateway may take a quarter of an hour.",
    )
