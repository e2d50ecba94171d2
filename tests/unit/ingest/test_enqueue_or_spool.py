"""A queue or a spool that hangs is given up, so that VectorCare gets its answer and tries again."""

import threading
from collections.abc import Iterator
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
    """A queue, and perhaps a spool, that hangs until the test is over."""

    def __init__(self, *, spool_hangs: bool) -> None:
        self.is_over = threading.Event()
        self._spool_hangs = spool_hangs

    def send(self, _message: object) -> str:
        self.is_over.wait(FAR_TOO_LONG)
        return "sent"

    def store(self, _webhook: Webhook) -> str:
        if self._spool_hangs:
            self.is_over.wait(FAR_TOO_LONG)
        return "stored"

    def take(self) -> str | None:
        with ThreadPoolExecutor(2) as executor:
            try:
                return enqueue_or_spool.enqueue_or_spool(
                    WEBHOOK, queue=cast("Queue", self), spool=cast("Spool", self), executor=executor
                )
            finally:
                self.is_over.set()


@pytest.fixture(autouse=True)
def _impatient() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enqueue_or_spool, "QUEUE_SECONDS", 0.01)
        yield


def test_if_the_queue_hangs_the_spool_takes_the_webhook() -> None:
    assert Hanging(spool_hangs=False).take() is None


def test_if_both_hang_the_webhook_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enqueue_or_spool, "SPOOL_SECONDS", 0.01)
    with pytest.raises(enqueue_or_spool.NotKeptError) as raised:
        Hanging(spool_hangs=True).take()
    # And the error says nothing of what was sent
    assert raised.value.__suppress_context__
