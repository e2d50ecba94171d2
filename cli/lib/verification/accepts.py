"""What the URL answers to requests that nobody has signed."""

import hashlib
import secrets
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

import requests

from cli.lib.verification.finding import Finding, failed, not_allowed, ok, warning
from cli.lib.verification.subject import Subject
from stacks.config.resource_policy import STAGE
from vectorcare_bridge.webhooks.signature import HEADER

EVERY_BYTE = bytes(range(256))

_SECONDS = 30.0  # longer than API Gateway waits for the function
_LOCAL_SECONDS = 600.0  # a busy machine may be slow to start the function
_REDEPLOY = "Read the ingest function's log, and deploy again:"
_SILENT = "Is this machine's network up, and does GET /health answer? See that check first."
# What API Gateway itself answers to a route that it does not have: with a resource policy 403, else 404 or 403.
_REFUSED = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


def health(subject: Subject) -> Iterator[Finding]:
    """Ask for /health as a monitor does."""
    for method in ("GET", "HEAD"):
        check, answer = f"{method} /health", _ask(subject, method, "/health")
        if isinstance(answer, str):
            yield failed(check, answer, "Nothing can reach ingest. VectorCare's webhooks are lost after 72 seconds.")
        elif answer.status_code == HTTPStatus.OK:
            yield ok(check, f"It answered 200 in {answer.elapsed.total_seconds() * 1000:.0f} ms.")
        else:
            yield failed(check, f"It answered {answer.status_code}.", f"{_REDEPLOY} {subject.deploy}")


def binary_body(subject: Subject) -> Iterator[Finding]:
    """Post each byte once, unsigned: ingest names the signature, and the digest of what it has received."""
    check = "an unsigned POST of bytes 0 to 255"
    answer = _ask(subject, "POST", "/webhook", query=subject.webhook_url.query, body=EVERY_BYTE)
    if isinstance(answer, str):
        yield failed(check, answer, _SILENT)
        return
    if answer.status_code == HTTPStatus.FORBIDDEN and subject.organization and subject.organization.allowed_source_ips:
        yield not_allowed(
            check,
            "It answered 403: allowed_source_ips does not list this machine's address.",
            "Nothing. Only VectorCare's own addresses get further: ask for a test webhook.",
        )
        return
    error = _error_of(answer)
    if answer.status_code != HTTPStatus.UNAUTHORIZED or not error.startswith(HEADER):
        yield failed(
            check,
            f"It answered {answer.status_code}{f' ({error})' if error else ''} and not 401 about the signature.",
            f"Is the customer_id of the URL the deployed one, and is the function well? {_REDEPLOY} {subject.deploy}",
        )
        return
    yield ok(check, f"It answered 401: {error}")
    yield _intact(subject, answer)


def other_customer(subject: Subject) -> Iterator[Finding]:
    """Post for a customer that does not exist."""
    check = "a wrong customer_id"
    answer = _ask(subject, "POST", "/webhook", query=f"customer_id={secrets.token_urlsafe(24)}", body=b"{}")
    if isinstance(answer, str):
        yield failed(check, answer, _SILENT)
    elif answer.status_code == HTTPStatus.UNAUTHORIZED and "customer_id" in _error_of(answer):
        yield ok(check, f"It answered 401: {_error_of(answer)}")
    elif (
        answer.status_code == HTTPStatus.FORBIDDEN and subject.organization and subject.organization.allowed_source_ips
    ):
        yield not_allowed(
            check, "It answered 403: allowed_source_ips does not list this machine's address.", "Nothing."
        )
    else:
        yield failed(
            check,
            f"It answered {answer.status_code} and not 401.",
            f"Another customer's webhooks may come in. {_REDEPLOY} {subject.deploy}",
        )


def other_requests(subject: Subject) -> Iterator[Finding]:
    """Ask for what the API does not have."""
    for check, method, path in (("another path", "GET", "/verify"), ("another method", "DELETE", "/webhook")):
        answer = _ask(subject, method, path)
        if isinstance(answer, str):
            yield failed(check, answer, _SILENT)
        elif answer.status_code in _REFUSED:
            yield ok(check, f"{method} {path} was refused with {answer.status_code}.")
        else:
            yield failed(
                check,
                f"{method} {path} was answered with {answer.status_code}.",
                "The API has a route that the template does not. Look at it in the API Gateway console.",
            )


def default_url(subject: Subject) -> Iterator[Finding]:
    """See that API Gateway's own URL beside a domain works or is off, as the last deployment wanted it."""
    check, outputs = "API Gateway's own URL", subject.stack.outputs
    if "DomainTarget" not in outputs:
        return  # it is the webhook URL
    (api,) = (each for each in subject.of_type("AWS::ApiGateway::RestApi") if each.logical_id.startswith("Api"))
    base = urlsplit(f"https://{api.physical_id}.execute-api.{subject.region}.amazonaws.com/{STAGE}/webhook")
    answer = _ask(subject, "GET", "/health", base=base)
    status = answer if isinstance(answer, str) else f"It answered {answer.status_code}."
    is_on, is_kept = not isinstance(answer, str) and answer.status_code == HTTPStatus.OK, "DefaultWebhookUrl" in outputs
    if is_on is is_kept:
        yield ok(check, "It works beside the domain." if is_on else f"It is off. {status}")
    elif is_kept:
        to_do = _SILENT if isinstance(answer, str) else f"{_REDEPLOY} {subject.deploy}"
        yield failed(check, f"{status} VectorCare may still call it.", to_do)
    else:
        yield warning(
            check, "It answers, and keep_default_url = false was deployed.", f"Deploy again: {subject.deploy}"
        )


def _intact(subject: Subject, answer: requests.Response) -> Finding:
    check = "binary bodies arrive intact"
    received = _content(answer).get("body_sha256")
    if received is None:
        return warning(
            check,
            "The answer does not say which bytes arrived.",
            f"An earlier version does not. Deploy again: {subject.deploy}",
        )
    if received != hashlib.sha256(EVERY_BYTE).hexdigest():
        return failed(
            check,
            "Ingest received other bytes than were sent, so no signature can be right.",
            "Something on the way changes bodies. Has somebody changed the API's binary media types?",
        )
    return ok(check, "Ingest received exactly the bytes that were sent: their SHA-256 is the same.")


def _error_of(answer: requests.Response) -> str:
    """Give the error that the bridge names; empty if the answer is not the bridge's."""
    return str(_content(answer).get("error", ""))


def _content(answer: requests.Response) -> dict[str, object]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _ask(
    subject: Subject,
    method: str,
    path: str,
    *,
    query: str = "",
    body: bytes | None = None,
    base: SplitResult | None = None,
) -> requests.Response | str:
    """Make a request; text if there is no answer. An error's own text would hold the URL with the customer_id."""
    base = base or subject.webhook_url
    url = base._replace(path=base.path.removesuffix("/webhook") + path, query=query).geturl()
    with requests.Session() as session:
        session.trust_env = False  # no proxy, no .netrc: VectorCare has neither
        try:
            return session.request(
                method,
                url,
                data=body,
                headers={"Content-Type": "application/json"} if body is not None else {},
                timeout=_LOCAL_SECONDS if subject.is_local else _SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return f"There is no answer ({type(error).__name__})."
