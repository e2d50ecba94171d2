"""Calls the simulator's admin API; and sends a forged webhook."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests
from cryptography.hazmat.primitives.asymmetric import rsa

import simulator
from local import patience

HISTORY_SHOWN = 60
HISTORY_COMPARED = 5000


class NotPossibleError(Exception):
    """The simulator has refused; the message says why."""


class Requester:
    """Calls the simulator's admin API at `url`, the `vectorcare_url` of stand.json."""

    def __init__(self, url: str) -> None:
        self._url = url

    def act(self, *path: str, body: Mapping[str, Any]) -> Any:
        """Broadcast, update, complete, cancel or answer; docs/simulator.md has the paths and bodies."""
        return self._call("POST", "/".join(["requester", *(quote(part, safe="") for part in path)]), body)

    def request(self, service_request_id: str) -> Any:
        """Return a service request as its requester sees it; None if it was not broadcast here."""
        try:
            return self._call("GET", f"requester/{quote(service_request_id, safe='')}")
        except NotPossibleError:
            return None

    def history(self, limit: int) -> Any:
        """Return the Webhook Call History, its counts, and what is on its way."""
        return self._call("GET", f"webhooks/history?limit={limit}")

    def redeliver(self, call_id: int) -> Any:
        return self._call("POST", f"webhooks/history/{call_id}/redeliver", {})

    def settings(self) -> Any:
        return self._call("GET", "settings")

    def change_settings(self, body: Mapping[str, Any]) -> Any:
        return self._call("PUT", "settings", body)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        with requests.Session() as session:
            session.trust_env = False  # loopback needs no proxy
            answer = session.request(
                method, f"{self._url}/{path}", json=None if body is None else dict(body), timeout=patience.SECONDS
            )
        content = answer.json()
        if not answer.ok:
            raise NotPossibleError(str(content.get("message", answer.status_code)))
        return content


def forge(webhook_url: str, *, service_request_id: str | None) -> int:
    """Send a cancellation signed with another key than VectorCare's; return the HTTP status."""
    webhook = simulator.sample_webhook(
        at=datetime.now(UTC),
        request_status="UNAVAILABLE",
        action="BROADCAST_CANCELED",
        service_request_id=service_request_id,
    )
    forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sender = simulator.VectorCare(webhook_url=webhook_url, private_key=forger, gives_up_after=patience.SECONDS)
    return sender.send(webhook.body).status
