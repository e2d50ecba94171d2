"""A dead-letter queue, read without taking anything out of it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from cli.lib.aws_error import explain
from cli.lib.stack import Stack
from cli.terminal.output import stderr
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands import redriven_command
from vectorcare_bridge.dead_letters import dead_letter
from vectorcare_bridge.dead_letters.dead_letter import DeadLetterQueue, Recorded
from vectorcare_bridge.edge import runtime
from vectorcare_bridge.edge.queue import MAX_BATCH
from vectorcare_bridge.webhooks import message, store

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN_SECONDS = 300
"""How long a letter that is being looked at stays invisible, should nobody give it back."""

_SECONDS_IN_A_DAY = 86_400
_GIVING_BACK_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, or an event that the bus did not take.

    Attributes
    ----------
    message_id : str
        SQS's.
    reason : str
        Why it is there; see `vectorcare_bridge.dead_letters.dead_letter`.
    if_redriven : str
        What would happen if it were redriven now, in words.
    service_request_id : str or None
        None where it names none.
    received_at : str
        27-character instant at which the webhook, command or event came in.
    sent_at : str
        27-character instant at which it was put on the queue: at first, or by its last redrive.
    expires : str
        27-character instant at which SQS deletes it.
    redriven : int
        How often it was taken back out before.
    body : bytes
        A webhook's is exactly what was signed. PHI.
    message : MessageTypeDef
        As SQS gave it. PHI.
    """

    message_id: str
    reason: str
    if_redriven: str
    service_request_id: str | None
    received_at: str
    sent_at: str
    expires: str
    redriven: int
    body: bytes
    message: "MessageTypeDef"

    def told(self) -> dict[str, Any]:
        """Write it for `--json`, without anything of its content but the service request's id."""
        return {
            "message_id": self.message_id,
            "reason": self.reason,
            "if_redriven": self.if_redriven,
            "service_request_id": self.service_request_id,
            "received_at": self.received_at,
            "expires": self.expires,
            "redriven": self.redriven,
        }


@dataclass(frozen=True, slots=True)
class Box:
    """The queue that letters lie in, and the one that they came from.

    Attributes
    ----------
    source : Source
        Which of the three.
    url : str
        Where the letters are.
    home_url : str or None
        Where they go back to; None where that is the bus.
    """

    source: DeadLetterQueue
    url: str
    home_url: str | None


_OUTPUTS = {
    DeadLetterQueue.INBOUND: ("DeadLetterQueueUrl", "QueueUrl"),
    DeadLetterQueue.OUTBOUND: ("OutboundDeadLetterQueueUrl", "OutboundQueueUrl"),
    DeadLetterQueue.UNPUBLISHED: ("UnpublishedQueueUrl", None),
}


def box(stack: Stack, source: DeadLetterQueue) -> Box:
    """Find one of a stack's queues.

    Raises
    ------
    click.ClickException
        The stack was deployed before there was such a queue.
    """
    name, home = _OUTPUTS[source]
    if name not in stack.outputs:
        raise click.ClickException(
            f"The stack of {stack.organization} has no queue {source}. Deploy it anew: make deploy "
            f"ORGANIZATION={stack.organization}"
        )
    return Box(source, stack.outputs[name], stack.outputs[home] if home else None)


@contextmanager
def reading(stack: Stack, place: Box, *, progress: Callable[[int], None]) -> Iterator[Iterator[Letter]]:
    """Look at all messages, for as long as the block lasts; at its end, however it ends, they are all visible again.

    SQS shows a message only by handing it out, so whatever is being looked at is invisible to others meanwhile.

    Parameters
    ----------
    stack, place : Stack, Box
        The queue, and whose.
    progress : callable
        Is told how many were seen so far.
    """
    client, handles = stack.client("sqs"), dict[str, str]()
    try:
        yield _letters(client, place, handles, progress, recorded=_journal(stack))
    finally:
        _give_back(client, place.url, list(handles.values()))


def count(client: "SQSClient", url: str) -> int:
    """About how many messages a queue holds, hidden and delayed ones included."""
    names = ("", "NotVisible", "Delayed")
    attributes = client.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=[f"ApproximateNumberOfMessages{name}" for name in names],  # type: ignore[misc]  # made of parts
    )["Attributes"]
    return sum(int(value) for value in attributes.values())


def _letters(
    client: "SQSClient",
    place: Box,
    handles: dict[str, str],
    progress: Callable[[int], None],
    *,
    recorded: Recorded,
) -> Iterator[Letter]:
    attributes = client.get_queue_attributes(QueueUrl=place.url, AttributeNames=["MessageRetentionPeriod"])[
        "Attributes"
    ]
    retention_days = int(attributes["MessageRetentionPeriod"]) / _SECONDS_IN_A_DAY
    until = time.monotonic() + HIDDEN_SECONDS - 30
    while True:
        received = _receive(client, place.url)
        new = [one for one in received if one["MessageId"] not in handles]
        # Noted before anything else is done with them, so that nothing stays hidden.
        handles.update({one["MessageId"]: one["ReceiptHandle"] for one in received})
        if not new:
            return
        if time.monotonic() > until:
            raise click.ClickException(
                f"{len(handles)} letters were read in {HIDDEN_SECONDS // 60} minutes, and there are more. The first "
                "would become visible again before the last are read. Redrive some first: bridge dlq redrive --limit"
            )
        with ThreadPoolExecutor(MAX_BATCH) as threads:
            read = partial(_letter, source=place.source, retention_days=retention_days, recorded=recorded)
            yield from threads.map(read, new)
        progress(len(handles))


def _journal(stack: Stack) -> Recorded:
    """Make the look at the journal; if it does not answer, the rules have to do, as a list needs no more than SQS."""
    client, table, complaints = stack.client("dynamodb"), stack.outputs["EventsTable"], set[str]()

    def recorded(body: bytes) -> str | None:
        try:
            return store.recorded_reason(client, table, body)
        except (BotoCoreError, ClientError) as error:
            complaint = explain(error).message
            if complaint not in complaints:
                complaints.add(complaint)
                stderr().print(f"The journal does not say why they died, so the rules are asked. {complaint}")
            return None

    return recorded


def _receive(client: "SQSClient", url: str) -> "list[MessageTypeDef]":
    try:
        return client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=MAX_BATCH,
            # A long poll asks all of SQS's servers; a short one may see nothing where there is something.
            WaitTimeSeconds=1,
            VisibilityTimeout=HIDDEN_SECONDS,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])
    except client.exceptions.OverLimit:
        raise click.ClickException(
            "SQS hides no more than 120,000 messages at once, and there are more letters than that. "
            "Redrive some first: bridge dlq redrive --limit"
        ) from None


def _letter(
    received: "MessageTypeDef", *, source: DeadLetterQueue, retention_days: float, recorded: Recorded
) -> Letter:
    text, values = received["Body"], message.values(received.get("MessageAttributes", {}))
    # A dead letter keeps the time at which it was first sent, and its days count from then.
    sent_at = redriven_command.sent_at_of(received["Attributes"]["SentTimestamp"])
    webhook = message.decode(text, values, sent_at=sent_at)
    is_webhook = source is DeadLetterQueue.INBOUND
    reason = dead_letter.reason(source, text, values, sent_at=sent_at, recorded=recorded)
    return Letter(
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


def _give_back(client: "SQSClient", url: str, handles: list[str]) -> None:
    batches = [handles[first : first + MAX_BATCH] for first in range(0, len(handles), MAX_BATCH)]

    def give_back(batch: list[str]) -> None:
        client.change_message_visibility_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(batch)
            ],
        )

    try:
        with ThreadPoolExecutor(_GIVING_BACK_AT_ONCE) as threads:
            list(threads.map(give_back, batches))
    except (BotoCoreError, ClientError) as error:  # what was read counts all the same
        stderr().print(
            f"Some could not be given back, and are invisible for {HIDDEN_SECONDS // 60} minutes at most. "
            f"{explain(error).message}"
        )
