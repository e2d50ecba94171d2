"""Sample webhooks, and their delivery as VectorCare delivers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from requests import RequestException

import simulator
from cli.lib.errors import BridgeError
from cli.lib.stack import Stack
from simulator import DeliveryAnswer

_LOCAL_TIMEOUT = 600.0  # seconds; a busy machine may be slow to start the function


def read_key(path: Path) -> RSAPrivateKey:
    """Read an unencrypted RSA private key in PEM form.

    Raises
    ------
    BridgeError
        The file is not that.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise BridgeError(f"{path} is not an unencrypted private key in PEM form ({type(error).__name__}).") from None
    if not isinstance(key, RSAPrivateKey):
        raise BridgeError(f"{path} is not an RSA key. VectorCare signs with RSA.")
    return key


def samples(action: str, request_status: str, count: int) -> Iterator[bytes]:
    """Make webhooks, each of a new service request. Their data is invented."""
    for _ in range(count):
        yield simulator.sample_webhook(at=datetime.now(UTC), request_status=request_status, action=action).body


def deliver(bodies: Iterator[bytes], *, stack: Stack, key: RSAPrivateKey) -> Iterator[tuple[bytes, DeliveryAnswer]]:
    """Sign and send webhooks, one after the other.

    Raises
    ------
    BridgeError
        There is no answer.
    """
    sender = simulator.VectorCare(
        webhook_url=stack.outputs["WebhookUrl"],
        private_key=key,
        gives_up_after=_LOCAL_TIMEOUT if stack.is_local else simulator.GIVES_UP_AFTER,
    )
    for body in bodies:
        try:
            yield body, sender.send(body)
        except RequestException as error:  # its own text holds the URL with the customer_id
            raise BridgeError(
                f"The webhook URL of {stack.organization} does not answer ({type(error).__name__})."
            ) from None
