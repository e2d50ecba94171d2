"""A queue and a spool that hang are given up, so that VectorCare gets its answer and tries again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import pytest

from ingest import enqueue_or_spool
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks.message import Webhook

if TYPE_CHECKING:
    from vectorcare_bridge.edge.queue import Queue
    from vectorcare_bridge.webhooks.spool import Spool

WEBHOOK = Webhook(b"{}", "c2ln", UtcTimestamp("2026-03-01T12:00:00.000000Z"))
FAR_TOO_LONG = 60


class Hanging:
    """A queue, or a spool, that answers when it is let, and far too late otherwise."""

    def __init__(self) -> None:
        self.is_let = threading.Event()

    def send(self, _message: object) -> str:
        self.is_let.wait(FAR_TOO_LONG)
        return "sent"

    def store(self, _webhook: Webhook) -> str:
        self.is_let.wait(FAR_TOO_LONG)
        return "stored"


def test_where_both_hang_the_webhook_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a queue and a spool that hang
    monkeypatch.setattr(enqueue_or_spool, "QUEUE_SECONDS", 0.01)
    monkeypatch.setattr(enqueue_or_spool, "SPOOL_SECONDS", 0.01)
    hanging = Hanging()
    with ThreadPoolExecutor(2) as executor:
        # When a webhook comes, Then it is said at once that nobody has it
        try:
            with pytest.raises(enqueue_or_spool.NotKeptError) as raised:
                enqueue_or_spool.enqueue_or_spool(
                    WEBHOOK, queue=cast("Queue", hanging), spool=cast("Spool", hanging), executor=executor
                )
        finally:
            hanging.is_let.set()
    # And the error says nothing of what was sent
    assert raised.value.__suppress_context__
