"""The simulator as a whole: the API, the trips behind it, and the webhooks that follow."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from simulator.clock import Clock
from simulator.delivery import Delivery
from simulator.fake_api import FakeApi
from simulator.trip_lifecycle import Marketplace

if TYPE_CHECKING:
    from pathlib import Path

_TICK_SECONDS = 0.1


class Simulator:
    """Both sides of the marketplace for one receiver; hold `api.lock` to use the requesters' side, `marketplace`.

    No private key makes a new one. The seed decides on the sample data and on chaos. Retries and expiry come `speed`
    times as fast as real time.
    """

    def __init__(self, *, private_key: rsa.RSAPrivateKey | None = None, seed: int = 1, speed: float = 1.0) -> None:
        self.clock = Clock(speed)
        self.api = FakeApi()
        self.delivery = Delivery(private_key=private_key or _new_key(), clock=self.clock, random=Random(seed))  # noqa: S311 keeps no secret
        self.marketplace = Marketplace(
            rules=self.api.rules,
            publish=self.delivery.publish,
            clock=self.clock,
            random=Random(seed),  # noqa: S311 keeps no secret
        )
        self.public_key_file: Path | None = None  # kept up to date with the key

    @property
    def public_key(self) -> str:
        """The key that verifies webhooks, in PEM form, as VectorCare's settings show it."""
        public_key = self.delivery.private_key.public_key()
        return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def rotate_key(self) -> str:
        """Sign with a new key from now on; returns its public key."""
        self.delivery.private_key = _new_key()
        self.write_public_key()
        return self.public_key

    def write_public_key(self) -> None:
        """Write the current public key to the file, if there is one."""
        if self.public_key_file is not None:
            self.public_key_file.write_text(self.public_key, encoding="ascii")

    def add_credentials(self) -> tuple[str, str]:
        """Make further client credentials; returns client id and secret."""
        client_id, client_secret = f"invented-client-{secrets.token_hex(4)}", f"invented-secret-{secrets.token_hex(16)}"
        self.api.rules.clients[client_id] = client_secret
        return client_id, client_secret

    def set_speed(self, speed: float) -> None:
        """Let time pass this many times as fast as real time."""
        self.clock.speed = speed
        self.delivery.on_clock_change()

    def unfinished(self) -> list[str]:
        """Say in words which webhooks are still on their way."""
        return [
            f"{shipment['event_id']} {shipment['service_request_id']} {shipment['action']} to {shipment['url']}: "
            f"attempts made: {shipment['attempts_made']}, the next in {shipment['due_in_seconds']:.0f} s"
            for shipment in self.delivery.pending()
        ]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let broadcasts expire while the block lasts, and begin no call after it."""
        ended = threading.Event()
        thread = threading.Thread(target=self._expire_until, args=(ended,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.delivery.close()

    def _expire_until(self, ended: threading.Event) -> None:
        while not ended.wait(_TICK_SECONDS):
            with self.api.lock:
                self.marketplace.expire()


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
