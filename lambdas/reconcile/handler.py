"""Scheduled, in each of two regions: fetch what the other one has and this one has missed."""

from typing import Any

from reconcile import other_region, reconcile
from reconcile.settings import ReconcileSettings
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge import runtime, settings
from vectorcare_bridge.edge.lambda_handler import deadline, lambda_handler
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.reconciliation.comparison import THREADS, Comparison, Journal
from vectorcare_bridge.webhooks import signature

_settings = settings.load(ReconcileSettings)
_keys = signature.load_keys(_settings.public_keys)
_executor = runtime.executor(THREADS)
_dynamodb = runtime.client("dynamodb", connect_timeout=1, read_timeout=5, attempts=3, connections=THREADS)
_queue = Queue(
    runtime.client("sqs", connect_timeout=1, read_timeout=3, attempts=2, connections=THREADS), _settings.queue_url
)
_stacks_there = runtime.client(
    "cloudformation", connect_timeout=3, read_timeout=10, attempts=3, region=_settings.other_region
)
_dynamodb_there = runtime.client(
    "dynamodb", connect_timeout=3, read_timeout=10, attempts=3, connections=THREADS, region=_settings.other_region
)
_here = Journal(_dynamodb, _settings.events_table, retention_days=_settings.journal_retention_days)


@lambda_handler()
def handler(_event: object, context: Any) -> dict[str, int | str]:
    """Compare while time allows; return what was found and done."""
    end = deadline(context, reserve_seconds=reconcile.RESERVE_SECONDS)
    tables = other_region.find_tables(_stacks_there, _settings.stack_name)
    there = Journal(_dynamodb_there, tables.events, retention_days=_settings.journal_retention_days)
    since = utc_timestamp.later(runtime.now(), minutes=-60 * reconcile.LOOK_BACK_HOURS)
    return reconcile.reconcile(
        other_region.moved_since(_dynamodb_there, tables.service_requests, since),
        there,
        Comparison(there, _here, keys=_keys, executor=_executor),
        _queue,
        executor=_executor,
        deadline=end,
    )
