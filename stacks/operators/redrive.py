"""The way back of what was set aside: dead letters of both directions, and events that the bus did not take."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.common.encryption import Encryption
from stacks.common.queues import receive_from, send_to
from stacks.common.storage import Storage
from stacks.functions.function import BridgeFunction, FunctionDefaults
from stacks.inbound.inbound import Inbound
from stacks.outbound.change_events import ChangeEvents
from stacks.outbound.commands import Commands

# The longest that Lambda gives.
REDRIVE_TIMEOUT_SECONDS = 900


class Redrive(BridgeFunction):
    """The function that an operator calls."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption: Encryption,
        inbound: Inbound,
        change_events: ChangeEvents,
        commands: Commands,
        storage: Storage,
        defaults: FunctionDefaults,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            service="redrive",
            defaults=defaults,
            timeout=cdk.Duration.seconds(REDRIVE_TIMEOUT_SECONDS),
            environment={
                "QUEUE_URL": inbound.queues.queue.queue_url,
                "DEAD_LETTER_QUEUE_URL": inbound.queues.dead_letters.queue_url,
                "UNPUBLISHED_QUEUE_URL": change_events.unpublished.queue_url,
                "EVENT_BUS": change_events.bus.event_bus_name,
                "OUTBOUND_QUEUE_URL": commands.queues.queue.queue_url,
                "OUTBOUND_DEAD_LETTER_QUEUE_URL": commands.queues.dead_letters.queue_url,
                "EVENTS_TABLE": storage.events.table_name,
            },
            statements=[
                receive_from(inbound.queues.dead_letters, commands.queues.dead_letters, change_events.unpublished),
                send_to(inbound.queues.queue, commands.queues.queue),
                iam.PolicyStatement(actions=["events:PutEvents"], resources=[change_events.bus.event_bus_arn]),
                # Why a webhook died is in the journal.
                iam.PolicyStatement(actions=["dynamodb:GetItem"], resources=[storage.events.table_arn]),
                encryption.use_for_queues("GenerateDataKey", "Decrypt"),
                encryption.use_for_tables(),
            ],
            no_dead_letters="An operator calls the function and waits for its answer; what an interrupted run has not "
            "sent is still in its queue.",
        )
