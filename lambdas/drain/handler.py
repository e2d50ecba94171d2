"""Every minute: spooled webhooks onto the queue."""

import os
from typing import Any

from drain import drain
from vectorcare_bridge import aws, observability
from vectorcare_bridge.queue import Queue
from vectorcare_bridge.settings import DrainSettings
from vectorcare_bridge.spool import Spool

_settings = DrainSettings.from_environment(os.environ)
_spool = Spool(
    aws.client("s3", connect_timeout=1, read_timeout=3, attempts=2, connections=drain.THREADS), _settings.spool_bucket
)
_queue = Queue(
    aws.client("sqs", connect_timeout=1, read_timeout=3, attempts=2, connections=drain.THREADS), _settings.queue_url
)
_executor = aws.executor(drain.THREADS)


def handler(_event: object, context: Any) -> dict[str, int | str]:
    """Move what is spooled while time allows; answer how many moved and failed, and why it stopped."""
    observability.begin(context)
    try:
        deadline = aws.monotonic() + context.get_remaining_time_in_millis() / 1000 - drain.RESERVE_SECONDS
        return drain.drain(_spool, _queue, executor=_executor, deadline=deadline)
    finally:
        observability.flush()
