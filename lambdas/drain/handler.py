"""Every minute: spooled webhooks onto the queue."""

from typing import Any

from drain import drain
from drain.settings import DrainSettings
from vectorcare_bridge.edge import runtime, settings
from vectorcare_bridge.edge.lambda_handler import deadline, lambda_handler
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.webhooks.spool import Spool

_settings = settings.load(DrainSettings)
_spool = Spool(
    runtime.client("s3", connect_timeout=1, read_timeout=3, attempts=2, connections=drain.THREADS),
    _settings.spool_bucket,
)
_queue = Queue(
    runtime.client("sqs", connect_timeout=1, read_timeout=3, attempts=2, connections=drain.THREADS), _settings.queue_url
)
_executor = runtime.executor(drain.THREADS)


@lambda_handler()
def handler(_event: object, context: Any) -> dict[str, int | str]:
    """Move spooled webhooks while time allows; return how many moved and failed, and why it stopped."""
    end = deadline(context, reserve_seconds=drain.RESERVE_SECONDS)
    return drain.drain(_spool, _queue, executor=_executor, deadline=end)
