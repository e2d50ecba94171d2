"""Apply a batch: first write all of it to the journal, then move each service request's state forward."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.edge import observability, runtime
from vectorcare_bridge.edge.metric import Metric
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import envelope, failure, fold
from vectorcare_bridge.webhooks.envelope import Event
from vectorcare_bridge.webhooks.failure import FailureReason, PermanentError
from vectorcare_bridge.webhooks.fold import Fold, Rule
from vectorcare_bridge.webhooks.journal import Journal, JournalEntry
from vectorcare_bridge.webhooks.message import Webhook
from vectorcare_bridge.webhooks.state import Moved, State
from vectorcare_bridge.webhooks.vocabulary import ACTIONS, STATUSES, WebhookOutcome

THREADS = 10


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    """A message as the queue delivered it; `receives` includes this delivery."""

    message_id: str
    receipt_handle: str
    receives: int
    webhook: Webhook


_METRIC_OF_OUTCOME = {
    WebhookOutcome.APPLIED: Metric.APPLIED,
    WebhookOutcome.DUPLICATE: Metric.DUPLICATE,
    WebhookOutcome.STALE: Metric.STALE,
    WebhookOutcome.EXPIRED: Metric.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class _Journaled:
    delivery: ReceivedWebhook
    entry: JournalEntry


@dataclass(frozen=True, slots=True)
class _Failed:
    """`reason` is None if the message is tried again; `event` is None if it could not be read."""

    delivery: ReceivedWebhook
    error: Exception
    reason: FailureReason | None = None
    event: Event | None = None


class Processor:
    """Applies batches of messages; the executor runs the calls of a batch in parallel."""

    def __init__(self, journal: Journal, state: State, queue: Queue, *, rule: Rule, executor: Executor) -> None:
        self._journal = journal
        self._state = state
        self._queue = queue
        self._rule = rule
        self._executor = executor

    def process(self, deliveries: Sequence[ReceivedWebhook]) -> list[str]:
        """Apply a batch.

        All journal answers come before the fold, because the journal decides which time an event has. The deliveries
        may have any order, and several may be of one service request or of one event.

        The result is the ids of the messages that failed. SQS keeps them; after thirty receives they are dead letters.
        """
        answers = list(self._executor.map(self._append, deliveries))
        failed = [answer for answer in answers if isinstance(answer, _Failed)]
        groups: defaultdict[str, list[_Journaled]] = defaultdict(list)
        for answer in answers:
            if isinstance(answer, _Journaled):
                groups[answer.entry.event.service_request_id].append(answer)
        for failed_together in self._executor.map(self._move_forward, groups.values()):
            failed += failed_together
        list(self._executor.map(self._return_to_queue, failed))
        return [one.delivery.message_id for one in failed]

    def _append(self, delivery: ReceivedWebhook) -> _Journaled | _Failed:
        event = None
        try:
            event = envelope.read(delivery.webhook.body)
            envelope.refuse_future(event, now=runtime.now())
            return _Journaled(delivery, self._journal.append(event, delivery.webhook))
        except PermanentError as error:
            return self._append_unreadable(delivery, error, event)
        except Exception as error:  # noqa: BLE001 after any error the message is tried again
            return _Failed(delivery, error, event=event)

    def _append_unreadable(self, delivery: ReceivedWebhook, why: PermanentError, event: Event | None) -> _Failed:
        try:
            self._journal.append_unreadable(delivery.webhook, why.reason)
        except PermanentError:
            pass  # sent by hand and larger than an item may be: it can only become a dead letter
        except Exception as error:  # noqa: BLE001 it is not in the journal yet, so it must not die yet
            return _Failed(delivery, error, event=event)
        return _Failed(delivery, why, why.reason, event)

    def _move_forward(self, group: Sequence[_Journaled]) -> list[_Failed]:
        now = runtime.now()
        try:
            folded, moved = self._offer([one.entry for one in group], now=now)
        except Exception as error:  # noqa: BLE001 after any error the messages are tried again
            # Another message of the group may be at fault. After the back-off they come back singly, which shows it.
            if isinstance(error, PermanentError) and len(group) == 1:
                return [self._append_unreadable(group[0].delivery, error, group[0].entry.event)]
            return [_Failed(one.delivery, error, event=one.entry.event) for one in group]
        _report(group, folded, moved, now=now)
        return []

    def _offer(self, entries: Sequence[JournalEntry], *, now: UtcTimestamp) -> tuple[Fold | None, Moved | None]:
        """Offer a service request's events to its state; return the fold that was offered last, and what moved.

        Recent events can move an item, and most can begin one, without a look at the journal. Otherwise the journal is
        folded. Nothing moves if there is no item and nothing begins the request, or if the request is over.
        """
        if all(fold.is_recent(entry, self._rule, now=now) for entry in entries):
            folded = fold.fold(entries, self._rule)
            may_begin = folded and fold.may_begin(folded, self._rule, now=now)
            moved = folded and self._state.move_forward(folded, may_begin=bool(may_begin), now=now)
            if moved:
                return folded, moved
        folded = fold.fold(self._journal.entries(entries[0].event.service_request_id), self._rule)
        if folded is None:
            return None, None
        may_begin = not fold.is_over(folded, self._rule, now=now)
        return folded, self._state.move_forward(folded, may_begin=may_begin, now=now)

    def _return_to_queue(self, failed: _Failed) -> None:
        delivery, reason = failed.delivery, failed.reason
        dies = delivery.receives >= failure.MAX_RECEIVES
        if dies and not reason:
            # The journal has no reason for it, so it is computed, as `dead_letter.reason` does.
            reason = envelope.reason_for_death(delivery.webhook.body, now=delivery.webhook.received_at)
        is_transient = reason in {None, FailureReason.EXHAUSTED}
        seconds = failure.backoff_seconds(delivery.receives, runtime.uniform) if is_transient else 0
        observability.log(
            "processing.failed",
            message_id=delivery.message_id,
            service_request_id=failed.event.service_request_id if failed.event else None,
            event_id=failed.event.event_id if failed.event else None,
            attempt=delivery.receives,
            reason=reason,
            retry_in_seconds=seconds,
            error=failed.error,
        )
        if dies and reason:
            observability.count_by(Metric.FAILED, reason=reason)
        elif not reason:
            observability.count(Metric.RETRIED)
        try:
            self._queue.change_visibility(delivery.receipt_handle, seconds=seconds)
        except Exception as error:  # noqa: BLE001 without this call it comes back when its visibility time-out ends
            observability.log("queue.refused", message_id=delivery.message_id, error=error)


def _report(group: Sequence[_Journaled], folded: Fold | None, moved: Moved | None, *, now: UtcTimestamp) -> None:
    """Log and count how each message of one service request ended."""
    movers = set()
    if folded and moved and moved.status:
        movers.add(folded.newest.event.event_id)
    if folded and moved and moved.data and folded.newest_data:
        movers.add(folded.newest_data.event_id)
    if moved and moved.against_id_order:
        observability.count(Metric.AGAINST_ID_ORDER)
    # If one event was delivered twice, its first delivery moved the register.
    for one in sorted(group, key=lambda one: not one.entry.is_new):
        event = one.entry.event
        expired = moved is None or folded is None or not folded.counts(event)
        outcome = _outcome(one.entry, is_mover=event.event_id in movers, expired=expired)
        movers.discard(event.event_id)
        observability.log(
            "processing.completed",
            message_id=one.delivery.message_id,
            service_request_id=event.service_request_id,
            event_id=event.event_id,
            outcome=outcome,
        )
        observability.count(_METRIC_OF_OUTCOME[outcome])
        observability.count_by(Metric.WEBHOOKS_BY_ACTION, action=observability.documented(event.action, ACTIONS))
        if outcome is WebhookOutcome.APPLIED:
            observability.count(Metric.FRESHNESS_SECONDS, utc_timestamp.seconds_between(event.last_updated, now))
            observability.count_by(
                Metric.APPLIED_BY_STATUS, status=observability.documented(event.request_status, STATUSES)
            )
        if one.entry.has_other_bytes:
            observability.count(Metric.CONFLICTING_BYTES)
        if one.entry.is_restamped:
            observability.count(Metric.RESTAMPED)


def _outcome(entry: JournalEntry, *, is_mover: bool, expired: bool) -> WebhookOutcome:
    if is_mover:
        return WebhookOutcome.APPLIED
    if not entry.is_new:
        return WebhookOutcome.DUPLICATE
    return WebhookOutcome.EXPIRED if expired else WebhookOutcome.STALE
