"""Store a webhook durably before it is answered: on the queue, or else in the spool."""

from concurrent.futures import Executor

from vectorcare_bridge.edge import observability
from vectorcare_bridge.edge.metric import Metric
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.message import Webhook
from vectorcare_bridge.webhooks.spool import Spool

QUEUE_SECONDS = 5.9
SPOOL_SECONDS = 2.0


class NotKeptError(Exception):
    """Neither the queue nor the spool took the webhook."""


def enqueue_or_spool(webhook: Webhook, *, queue: Queue, spool: Spool, executor: Executor) -> str | None:
    """Put a webhook on the queue, or into the spool if the queue refuses it or is slow.

    VectorCare gives up after 10 s, so both calls together have 8. The clients' time-outs apply to each address and each
    read, but not to the name look-up. So a thread enforces the deadline from outside. A call that was given up may
    still take effect: then the webhook is stored twice, which does no harm.

    Returns
    -------
    str or None
        SQS's message id, or None if the webhook is in the spool.

    Raises
    ------
    NotKeptError
        Both failed. VectorCare has to try again.
    """
    try:
        return executor.submit(lambda: queue.send(message.encode(webhook))).result(timeout=QUEUE_SECONDS)
    except Exception as error:  # noqa: BLE001 after any error the spool is next
        observability.log("queue.refused", error=error)
    try:
        key = executor.submit(lambda: spool.store(webhook)).result(timeout=SPOOL_SECONDS)
    except Exception as error:  # noqa: BLE001 after any error VectorCare has to try again
        observability.log("spool.refused", error=error)
        raise NotKeptError from None
    observability.log("spool.stored", spool_key=key)
    observability.count(Metric.SPOOLED)
    return None
