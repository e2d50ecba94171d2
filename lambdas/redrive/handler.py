"""Run by an operator from the Lambda console, with `{}` or a filter as test event."""

import os
from dataclasses import asdict
from typing import Any

from redrive import request
from redrive.redrive import RESERVE_SECONDS, THREADS, Redrive
from vectorcare_bridge import aws, observability
from vectorcare_bridge.queue import Queue
from vectorcare_bridge.settings import RedriveSettings

_settings = RedriveSettings.from_environment(os.environ)
_sqs = aws.client("sqs", connect_timeout=1, read_timeout=5, attempts=2, connections=THREADS)
_queue = Queue(_sqs, _settings.queue_url)
_dead_letters = Queue(_sqs, _settings.dead_letter_queue_url)
_executor = aws.executor(THREADS)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Move dead letters back to the queue; answer with the run's `Report` and how many letters remain.

    Raises
    ------
    RequestError
        The event does not say what to do; the console shows why.
    """
    observability.begin(context)
    try:
        asked = request.read(event)
        deadline = aws.monotonic() + context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
        report = Redrive(_dead_letters, _queue, executor=_executor, deadline=deadline).run(asked)
        return {"dry_run": asked.dry_run, **asdict(report), "remaining": _dead_letters.count()}
    finally:
        observability.flush()
