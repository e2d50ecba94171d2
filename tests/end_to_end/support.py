"""What the end-to-end tests do to a local environment, and look at."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

import simulator
from local.environment import LocalEnvironment
from local.live_function import variables_set
from simulator import VectorCare, Webhook
from tests.support.wait import PATIENCE


@dataclass(frozen=True)
class Kept:
    dead: int
    spooled: int
    journaled: int
    service_requests: int


def kept(local: LocalEnvironment) -> Kept:
    """Count everything, once all that was accepted has come to rest."""
    local.stack.settle()
    return Kept(
        dead=local.stack.dead(),
        spooled=local.stack.spooled(),
        journaled=len([*local.stack.everything("EventsTable")]),
        service_requests=len([*local.stack.everything("ServiceRequestsTable")]),
    )


def vectorcare_of(local: LocalEnvironment, private_key: RSAPrivateKey, *, customer_id: str | None = None) -> VectorCare:
    """Make a VectorCare that sends to a local environment, by its URL or with another id, and waits for its answer."""
    url, _, query = local.deployment.webhook_url.partition("?")
    return VectorCare(
        webhook_url=f"{url}?{f'customer_id={customer_id}' if customer_id else query}",
        private_key=private_key,
        certificate_file=local.emulator.certificate_file,
        gives_up_after=PATIENCE,
    )


def webhook(*, minutes_ago: float = 0, service_request_id: str | None = None, **changes: Any) -> Webhook:
    """Make a webhook of a new service request, or of a given one."""
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    return replace(simulator.sample_webhook(at=at, service_request_id=service_request_id), **changes)


@contextmanager
def function_variables(local: LocalEnvironment, function_output: str, **changes: str) -> Iterator[None]:
    """Change environment variables of a function for as long as the block lasts."""
    with variables_set(local.emulator.aws.functions, local.deployment.outputs[function_output], changes):
        yield


def reading_session(local: LocalEnvironment) -> requests.Session:
    """Make a session that waits where the reading API says that there are too many requests."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(local.emulator.certificate_file or True)
    patient = Retry(
        total=int(PATIENCE), backoff_factor=0.2, backoff_max=1, status_forcelist=(429,), allowed_methods=None
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=patient))
    return session


@contextmanager
def black_hole() -> Iterator[str]:
    """Give the address of a service that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def closed_port() -> Iterator[str]:
    """Give the address of a service that is not there."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: calls are refused, and no other process takes it
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"
