"""Run by an operator from the Lambda console, with `{}` or a filter as test event."""

import os
from dataclasses import asdict
from functools import partial
from typing import Any

from redrive import request, ways
from redrive.redrive import RESERVE_SECONDS, THREADS, Redrive, Send
from vectorcare_bridge import aws, observability
from vectorcare_bridge.bus import Bus
from vectorcare_bridge.dead_letter import Source
from vectorcare_bridge.queue import Queue
from vectorcare_bridge.settings import RedriveSettings

_settings = RedriveSettings.from_environment(os.environ)
_sqs = aws.client("sqs", connect_timeout=1, read_timeout=5, attempts=2, connections=THREADS)
_executor = aws.executor(THREADS)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Move dead letters back; answer with the run's `Report` and how many letters remain.

    Raises
    ------
    RequestError
        The event does not say what to do; the console shows why.
    """
    observability.begin(context)
    try:
        asked = request.read(event)
        deadline = aws.monotonic() + context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
        dead_letters, send = _from_and_to(asked.queue, deadline=deadline)
        report = Redrive(dead_letters, send, executor=_executor, deadline=deadline).run(asked)
        return {"dry_run": asked.dry_run, **asdict(report), "remaining": dead_letters.count()}
    finally:
        observability.flush()


def _from_and_to(source: Source, *, deadline: float) -> tuple[Queue, Send]:
    match source:
        case Source.INBOUND:
            return Queue(_sqs, _settings.dead_letter_queue_url), partial(ways.webhook, Queue(_sqs, _settings.queue_url))
        case Source.OUTBOUND:
            sender_queue = Queue(_sqs, _settings.outbound_queue_url)
            return Queue(_sqs, _settings.outbound_dead_letter_queue_url), partial(ways.command, sender_queue)
        case Source.UNPUBLISHED:
            # Only now: a client more would make every cold start half as long again.
            client = aws.client("events", connect_timeout=1, read_timeout=5, attempts=1, connections=THREADS)
            bus = Bus(client, _settings.event_bus)
            bus.deadline = deadline
            return Queue(_sqs, _settings.unpublished_queue_url), partial(ways.event, bus)
