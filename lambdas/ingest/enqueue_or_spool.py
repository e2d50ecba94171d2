"""Durably kept before it is answered: on the queue, else in the spool."""

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


def keep(webhook: Webhook, *, queue: Queue, spool: Spool, executor: Executor) -> str | None:
    """Put a webhook on the queue; where the queue refuses or is slow, into the spool.

    VectorCare gives up after 10 s, so both together have 8. The clients' own time-outs count for each address and
    each read and not for the look-up of the name at all, so the deadline is kept from outside, by another thread. A
    call given up may still take effect later: then the webhook is there twice, which does no harm.

    Parameters
    ----------
    webhook : Webhook
        To be kept.
    queue : Queue
        The first choice.
    spool : Spool
        The second.
    executor : Executor
        Runs the calls.

    Returns
    -------
    str or None
        SQS's message id; None where the spool took it.

    Raises
    ------
    NotKeptError
        Both failed; VectorCare has to try again.
    """
    try:
        return executor.submit(lambda: queue.send(message.encode(webhook))).result(timeout=QUEUE_SECONDS)
    except Exception as error:  # noqa: BLE001 whatever keeps it from the queue, the spool is next
        observability.log("queue.refused", error=error)
    try:
        key = executor.submit(lambda: spool.store(webhook)).result(timeout=SPOOL_SECONDS)
    except Exception as error:  # noqa: BLE001 whatever it is, VectorCare has to try again
        observability.log("spool.refused", error=error)
        raise NotKeptError from None
    observability.log("spool.stored", spool_key=key)
    observability.count(Metric.SPOOLED)
    return None
