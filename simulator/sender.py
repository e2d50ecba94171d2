"""One delivery of a webhook over HTTP."""

import time
from dataclasses import dataclass
from pathlib import Path

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from simulator.webhook import SIGNATURE_HEADER, sign

GIVES_UP_AFTER = 10.0  # seconds


@dataclass(frozen=True, kw_only=True)
class DeliveryAnswer:
    """What the receiver answered: HTTP status, body, and after how many seconds."""

    status: int
    text: str
    seconds: float


class VectorCare:
    """Sends webhooks to one URL, signed with one private key; waits `gives_up_after` seconds for each answer.

    The certificate file is what to trust if the URL's certificate is self-signed.
    """

    def __init__(
        self,
        *,
        webhook_url: str,
        private_key: RSAPrivateKey,
        certificate_file: Path | None = None,
        gives_up_after: float = GIVES_UP_AFTER,
    ) -> None:
        self._webhook_url = webhook_url
        self._private_key = private_key
        self._verify = str(certificate_file) if certificate_file else True
        self._gives_up_after = gives_up_after

    def send(self, body: bytes, *, signature: str | None = None) -> DeliveryAnswer:
        """Deliver a webhook once, byte for byte; `signature` replaces the right one."""
        with requests.Session() as session:
            session.trust_env = False  # no proxy, no .netrc
            begin = time.monotonic()
            response = session.post(
                self._webhook_url,
                data=body,
                headers={
                    "Content-Type": "application/json",
                    SIGNATURE_HEADER: signature if signature is not None else sign(body, self._private_key),
                },
                timeout=self._gives_up_after,
                allow_redirects=False,
                verify=self._verify,
            )
        return DeliveryAnswer(status=response.status_code, text=response.text, seconds=time.monotonic() - begin)
