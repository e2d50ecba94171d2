"""A dead-letter queue, read without taking anything out of it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.lib.aws_error import explain
from cli.lib.errors import BridgeError
from cli.lib.stack import Stack
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands import redriven_command
from vectorcare_bridge.dead_letters import dead_letter
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue, Recorded
from vectorcare_bridge.edge import queue, runtime
from vectorcare_bridge.edge.queue import MAX_BATCH
from vectorcare_bridge.webhooks import message
from vectorcare_bridge.webhooks.journal import recorded_reason

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

VISIBILITY_TIMEOUT = 300  # seconds; if a reader dies, its messages are visible again after that

_SECONDS_IN_A_DAY = 86_400
_SUMMARY = ("message_id", "reason", "if_redriven", "service_request_id", "received_at", "expires", "redriven")
_BATCHES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in a dead-letter queue, or an event that the event bus did not take.

    The reason and what a redrive would do come from `vectorcare_bridge.dead_letters.dead_letter`. `body`, which is what
    was signed of a webhook, and `message`, as SQS gave it, hold PHI.
    """

    message_id: str
    reason: str
    if_redriven: str
    service_request_id: str | None
    received_at: str
    sent_at: str  # at first, or by its last redrive
    expires: str
    redriven: int
    body: bytes
    message: "MessageTypeDef"

    def summary(self) -> dict[str, Any]:
        """Write it for `--json`, without any of its content but the service request's id."""
        return {name: getattr(self, name) for name in _SUMMARY}


@dataclass(frozen=True, slots=True)
class Queues:
    """A dead-letter queue, and the queue that a redrive sends to: None if it sends to the event bus."""

    name: DeadLetterQueue
    url: str
    source_url: str | None


_OUTPUTS = {
    DeadLetterQueue.INBOUND: ("DeadLetterQueueUrl", "QueueUrl"),
    DeadLetterQueue.OUTBOUND: ("OutboundDeadLetterQueueUrl", "OutboundQueueUrl"),
    DeadLetterQueue.UNPUBLISHED: ("UnpublishedQueueUrl", None),
}


def queues(stack: Stack, name: DeadLetterQueue) -> Queues:
    """Find a dead-letter queue of a stack."""
    url, source = _OUTPUTS[name]
    return Queues(name, stack.outputs[url], stack.outputs[source] if source else None)


@contextmanager
def reading(
    stack: Stack, found: Queues, *, progress: Callable[[int], None], warn: Callable[[str], None]
) -> Iterator[Iterator[DeadLetter]]:
    """Read all messages; when the block ends, for whatever reason, they are all visible again.

    SQS shows a message only by receiving it. So while a message is read, it is invisible to others. `progress` gets the
    number of messages read so far, and `warn` a text about what failed and does not end the reading.

    Raises
    ------
    BridgeError
        There are too many messages.
    """
    client, handles = stack.client("sqs"), dict[str, str]()
    try:
        yield _read_all(client, found, handles, progress, recorded=_journal(stack, warn))
    finally:
        _return_to_the_queue(client, found.url, list(handles.values()), warn)


def _read_all(
    client: "SQSClient", found: Queues, handles: dict[str, str], progress: Callable[[int], None], *, recorded: Recorded
) -> Iterator[DeadLetter]:
    attributes = client.get_queue_attributes(QueueUrl=found.url, AttributeNames=["MessageRetentionPeriod"])[
        "Attributes"
    ]
    retention_days = int(attributes["MessageRetentionPeriod"]) / _SECONDS_IN_A_DAY
    until = time.monotonic() + VISIBILITY_TIMEOUT - 30
    while True:
        received = _receive(client, found.url)
        new = [one for one in received if one["MessageId"] not in handles]
        # Before anything else, so that no message stays invisible.
        handles.update({one["MessageId"]: one["ReceiptHandle"] for one in received})
        if not new:
            return
        if time.monotonic() > until:
            raise BridgeError(
                f"{len(handles)} messages were read in {VISIBILITY_TIMEOUT // 60} minutes, and there are more. The "
                "first would become visible before the last are read. Redrive some first: ./bridge dlq redrive --limit"
            )
        with ThreadPoolExecutor(MAX_BATCH) as threads:
            read = partial(_read, source=found.name, retention_days=retention_days, recorded=recorded)
            yield from threads.map(read, new)
        progress(len(handles))


def _journal(stack: Stack, warn: Callable[[str], None]) -> Recorded:
    """Make the look-up of recorded reasons; without the journal's answer, the rules give the reason."""
    client, table, warned = stack.client("dynamodb"), stack.outputs["EventsTable"], set[str]()

    def recorded(body: bytes) -> str | None:
        try:
            return recorded_reason(client, table, body)
        except (BotoCoreError, ClientError) as error:
            warning = explain(error)
            if warning not in warned:
                warned.add(warning)
                warn(f"The journal cannot be read, so the reasons are computed. {warning}")
            return None

    return recorded


def _receive(client: "SQSClient", url: str) -> "list[MessageTypeDef]":
    try:
        return client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=MAX_BATCH,
            # A long poll asks all of SQS's servers; a short one may find nothing although there are messages.
            WaitTimeSeconds=queue.LONG_POLL_SECONDS,
            VisibilityTimeout=VISIBILITY_TIMEOUT,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])
    except client.exceptions.OverLimit:
        raise BridgeError(
            "SQS lets 120,000 messages be in flight, and there are more dead letters than that. "
            "Redrive some first: ./bridge dlq redrive --limit"
        ) from None


def _read(
    received: "MessageTypeDef", *, source: DeadLetterQueue, retention_days: float, recorded: Recorded
) -> DeadLetter:
    text, values = received["Body"], message.values(received.get("MessageAttributes", {}))
    # A dead letter keeps the time at which it was first sent, and its retention counts from then.
    sent_at = redriven_command.sent_at_of(received["Attributes"]["SentTimestamp"])
    webhook = message.decode(text, values, sent_at=sent_at)
    is_webhook = source is DeadLetterQueue.INBOUND
    reason = dead_letter.reason(source, text, values, sent_at=sent_at, recorded=recorded)
    return DeadLetter(
        message_id=received["MessageId"],
        reason=reason,
        if_redriven=dead_letter.if_redriven(source, text, values, reason=reason, now=runtime.now()),
        service_request_id=dead_letter.service_request_id(source, text, values),
        received_at=webhook.received_at if is_webhook else redriven_command.first_sent_at(values, sent_at),
        sent_at=sent_at,
        expires=utc_timestamp.later(sent_at, days=retention_days),
        redriven=webhook.redriven,
        body=webhook.body if is_webhook else text.encode(),
        message=received,
    )


def _return_to_the_queue(client: "SQSClient", url: str, handles: list[str], warn: Callable[[str], None]) -> None:
    batches = [handles[first : first + MAX_BATCH] for first in range(0, len(handles), MAX_BATCH)]

    def make_visible(batch: list[str]) -> None:
        client.change_message_visibility_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(batch)
            ],
        )

    try:
        with ThreadPoolExecutor(_BATCHES_AT_ONCE) as threads:
            list(threads.map(make_visible, batches))
    except (BotoCoreError, ClientError) as error:  # what was read is reported all the same
        warn(f"Some messages stay invisible for {VISIBILITY_TIMEOUT // 60} minutes at most. {explain(error)}")
