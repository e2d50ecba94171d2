"""The way back from the dead-letter queues of both directions, and from the queue of unpublished events."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.common.queues import receive_from, send_to
from stacks.context import StackContext
from stacks.functions.function import BridgeFunction
from stacks.inbound.inbound import Inbound
from stacks.outbound.change_events import ChangeEvents
from stacks.outbound.commands import Commands

# Lambda's maximum.
REDRIVE_TIMEOUT_SECONDS = 900


def build_redrive(
    scope: Construct,
    construct_id: str,
    context: StackContext,
    *,
    inbound: Inbound,
    change_events: ChangeEvents,
    commands: Commands,
) -> BridgeFunction:
    """Build the function that an operator calls."""
    events = context.storage.events
    return BridgeFunction(
        scope,
        construct_id,
        context,
        service="redrive",
        purpose='Moves dead letters back to where they came from. {"dry_run": true} only looks and says why they died; '
        "{} moves all webhooks back, which is safe at any time.",
        timeout_seconds=REDRIVE_TIMEOUT_SECONDS,
        environment={
            "QUEUE_URL": inbound.queues.queue.queue_url,
            "DEAD_LETTER_QUEUE_URL": inbound.queues.dead_letters.queue_url,
            "UNPUBLISHED_QUEUE_URL": change_events.unpublished.queue_url,
            "EVENT_BUS": change_events.bus.event_bus_name,
            "OUTBOUND_QUEUE_URL": commands.queues.queue.queue_url,
            "OUTBOUND_DEAD_LETTER_QUEUE_URL": commands.queues.dead_letters.queue_url,
            "EVENTS_TABLE": events.table_name,
        },
        statements=[
            receive_from(inbound.queues.dead_letters, commands.queues.dead_letters, change_events.unpublished),
            send_to(inbound.queues.queue, commands.queues.queue),
            iam.PolicyStatement(actions=["events:PutEvents"], resources=[change_events.bus.event_bus_arn]),
            # Why a webhook died is in the journal.
            iam.PolicyStatement(actions=["dynamodb:GetItem"], resources=[events.table_arn]),
            context.encryption.use_for_queues("GenerateDataKey", "Decrypt"),
            context.encryption.use_for_tables(),
        ],
        no_dead_letters="An operator calls the function and waits for its answer; what an interrupted run has not "
        "sent is still in its queue.",
    )
