"""Samples, and webhooks delivered as VectorCare does: the stand's own sender, which takes long to import."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from requests import RequestException

import simulator
from cli.lib.stack import Stack
from local import patience
from local.errors import LocalError
from local.organization import load_private_key
from simulator import DeliveryAnswer


def read_key(path: Path) -> RSAPrivateKey:
    """Read a private key.

    Raises
    ------
    click.ClickException
        The file is none.
    """
    try:
        return load_private_key(path)
    except LocalError as error:
        raise click.ClickException(str(error)) from None


def samples(action: str, request_status: str, count: int) -> Iterator[bytes]:
    """Make webhooks, each of a new service request; nobody in them exists."""
    for _ in range(count):
        now = datetime.now(UTC)
        service_request_id = simulator.new_service_request_id()
        trip = simulator.trip(service_request_id, pickup=now + timedelta(hours=2))
        yield simulator.Webhook(
            event_id=simulator.new_event_id(now),
            event_timestamp=now,
            service_request_id=service_request_id,
            request_status=request_status,
            action=action,
            data=None if request_status == "UNAVAILABLE" else trip,
        ).body


def deliver(bodies: Iterator[bytes], *, stack: Stack, key: RSAPrivateKey) -> Iterator[tuple[bytes, DeliveryAnswer]]:
    """Sign webhooks and send them, one after the other.

    Raises
    ------
    click.ClickException
        Nobody answers.
    """
    sender = simulator.VectorCare(
        webhook_url=stack.outputs["WebhookUrl"],
        private_key=key,
        gives_up_after=patience.SECONDS if stack.is_local else simulator.GIVES_UP_AFTER,
    )
    for body in bodies:
        try:
            yield body, sender.send(body)
        except RequestException as error:  # its own text holds the URL with the customer_id
            raise click.ClickException(
                f"The webhook's URL of {stack.organization} does not answer ({type(error).__name__})."
            ) from None
