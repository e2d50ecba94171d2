"""A message in one of three dead-letter queues: whose it is, why it is there, and what a redrive would do with it.

A message in a queue cannot be changed, so the journal records why a webhook died. It records nothing if the journal
itself failed, or the state's table. Then the reason is what the processor's rule says about the webhook at its receipt:
it does not depend on when somebody looks, and the processor logs and counts the same. What would happen now is another
question: the same rule answers it as of now.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from vectorcare_bridge.commands import command
from vectorcare_bridge.dead_letters import unpublished
from vectorcare_bridge.utc_timestamp import UtcTimestamp
from vectorcare_bridge.webhooks import envelope, message
from vectorcare_bridge.webhooks.failure import FailureReason


class DeadLetterQueue(StrEnum):
    """The queues that wait for an operator."""

    INBOUND = "inbound"
    """Webhooks that could not be applied."""
    OUTBOUND = "outbound"
    """Commands that could not be read."""
    UNPUBLISHED = "unpublished"
    """Events that the bus did not take."""


REASONS: Mapping[DeadLetterQueue, Sequence[str]] = {
    DeadLetterQueue.INBOUND: tuple(FailureReason),
    DeadLetterQueue.OUTBOUND: (*command.Unreadable, FailureReason.EXHAUSTED),
    DeadLetterQueue.UNPUBLISHED: tuple(unpublished.UnpublishedReason),
}
"""Why a message may be in each queue."""

Recorded = Callable[[bytes], str | None]
"""Looks up in the journal why a webhook with these bytes died; None if it does not say."""


def reason(
    source: DeadLetterQueue, body: str, attributes: Mapping[str, str], *, sent_at: UtcTimestamp, recorded: Recorded
) -> str:
    """Say why a message is there.

    `sent_at` is when it was put on its first queue. `recorded` is called only for webhooks; what it raises is raised.
    """
    match source:
        case DeadLetterQueue.INBOUND:
            webhook = message.decode(body, attributes, sent_at=sent_at)
            return recorded(webhook.body) or envelope.reason_for_death(webhook.body, now=webhook.received_at)
        case DeadLetterQueue.OUTBOUND:
            return command.reason_for_death(body)
        case DeadLetterQueue.UNPUBLISHED:
            return unpublished.reason(body)


def if_redriven(
    source: DeadLetterQueue, body: str, attributes: Mapping[str, str], *, reason: str, now: UtcTimestamp
) -> str:
    """Say in words what would happen if a message, there for a reason, were redriven now."""
    match source:
        case DeadLetterQueue.INBOUND:
            again = envelope.reason_for_death(message.signed_bytes(body, attributes), now=now)
            if again is FailureReason.EXHAUSTED and reason == FailureReason.UNSTORABLE:
                return "may die again: DynamoDB refused it"
            return "would apply" if again is FailureReason.EXHAUSTED else f"would die again for {again}"
        case DeadLetterQueue.OUTBOUND:
            refused = command.reason_for_death(body)
            return "would be read" if refused is FailureReason.EXHAUSTED else f"would die again for {refused}"
        case DeadLetterQueue.UNPUBLISHED:
            return "would be published" if can_go_back(source, body) else "would stay: it is no event"


def can_go_back(source: DeadLetterQueue, body: str) -> bool:
    """Say whether a message can go back: each can, except one among the events that is not an event."""
    return (
        source is not DeadLetterQueue.UNPUBLISHED or unpublished.reason(body) is unpublished.UnpublishedReason.NOT_TAKEN
    )


def service_request_id(source: DeadLetterQueue, body: str, attributes: Mapping[str, str]) -> str | None:
    """Find the service request of a message, which may be unreadable otherwise; None if it names none."""
    match source:
        case DeadLetterQueue.INBOUND:
            return envelope.service_request_id(message.signed_bytes(body, attributes))
        case DeadLetterQueue.OUTBOUND:
            return command.service_request_id(body)
        case DeadLetterQueue.UNPUBLISHED:
            return unpublished.service_request_id(body)
