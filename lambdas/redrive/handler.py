"""Run by an operator from the Lambda console; `docs/examples/redrive.json` has test events to copy."""

from dataclasses import asdict
from functools import partial
from typing import Any

from redrive import request, send_back
from redrive.redrive import DESCRIPTIONS, RESERVE_SECONDS, THREADS, Redrive, RedriveReport, Send
from redrive.request import RedriveRequest, RequestError
from redrive.settings import RedriveSettings
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue, Recorded
from vectorcare_bridge.edge import observability, runtime, settings
from vectorcare_bridge.edge.bus import Bus
from vectorcare_bridge.edge.lambda_handler import deadline, lambda_handler
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.webhooks.journal import recorded_reason

_settings = settings.load(RedriveSettings)
_sqs = runtime.client("sqs", connect_timeout=1, read_timeout=5, attempts=2, connections=THREADS)
_executor = runtime.executor(THREADS)


@lambda_handler()
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Move dead letters back; return the run's report and how many messages remain, None if that is unknown.

    Only a dry run's report has `reasons` and `first`.
    A wrong event is answered with an `error` and an empty report: if it were raised, Lambda would log what was typed.
    """
    try:
        asked = request.read(event)
        end = deadline(context, reserve_seconds=RESERVE_SECONDS)
        dead_letters, send = _from_and_to(asked.queue, deadline=end)
        redrive = Redrive(dead_letters, send, recorded=_recorded(asked), executor=_executor, deadline=end)
        report = _counts(redrive.run(asked), is_described=asked.dry_run)
        return {"dry_run": asked.dry_run, **report, "remaining": _remaining(dead_letters)}
    except RequestError as error:
        return {"error": str(error), **_counts(RedriveReport(stopped="error"), is_described=False)}


def _counts(report: RedriveReport, *, is_described: bool) -> dict[str, Any]:
    counts = asdict(report)
    return counts if is_described else {name: value for name, value in counts.items() if name not in DESCRIPTIONS}


def _remaining(dead_letters: Queue) -> int | None:
    try:
        return dead_letters.depth().total
    except Exception as error:  # noqa: BLE001 the report matters more
        observability.log("queue.refused", error=error)
        return None


def _recorded(asked: RedriveRequest) -> Recorded:
    if (asked.reason is None and not asked.dry_run) or asked.queue is not DeadLetterQueue.INBOUND:
        return lambda _body: None
    # Only now, as for the bus.
    client = runtime.client("dynamodb", connect_timeout=1, read_timeout=3, attempts=3, connections=THREADS)
    return partial(recorded_reason, client, _settings.events_table)


def _from_and_to(source: DeadLetterQueue, *, deadline: float) -> tuple[Queue, Send]:
    match source:
        case DeadLetterQueue.INBOUND:
            return Queue(_sqs, _settings.dead_letter_queue_url), partial(
                send_back.webhook, Queue(_sqs, _settings.queue_url)
            )
        case DeadLetterQueue.OUTBOUND:
            sender_queue = Queue(_sqs, _settings.outbound_queue_url)
            return Queue(_sqs, _settings.outbound_dead_letter_queue_url), partial(send_back.command, sender_queue)
        case DeadLetterQueue.UNPUBLISHED:
            # Only now: one more client would make every cold start 50 % longer.
            client = runtime.client("events", connect_timeout=1, read_timeout=5, attempts=1, connections=THREADS)
            bus = Bus(client, _settings.event_bus)
            bus.deadline = deadline
            return Queue(_sqs, _settings.unpublished_queue_url), partial(send_back.event, bus)
