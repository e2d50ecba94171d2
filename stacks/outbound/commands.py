"""The path of a command from the customer's dispatch system to VectorCare: queue, sender, command log."""

import json
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.common.acknowledgments import acknowledge
from stacks.common.queues import Queues, receive_from, send_to
from stacks.context import StackContext
from stacks.functions.function import BridgeFunction

SENDER_TIMEOUT_SECONDS = 60
BATCHING_WINDOW_SECONDS = 2
# Six times the function's time-out and the window (Lambda Developer Guide, "Creating and configuring an Amazon SQS
# event source mapping").
VISIBILITY_TIMEOUT_SECONDS = 6 * SENDER_TIMEOUT_SECONDS + BATCHING_WINDOW_SECONDS
# Far more than the attempts before a command expires: only its expiry ends the retries.
MAX_RECEIVE_COUNT = 300
# Many positions of one trip become one call. A call takes a fraction of a second, ten run in parallel, and none is
# started in the last 45 of the function's 60 seconds.
BATCH_SIZE = 500
# Lambda's minimum. Each batch makes up to ten calls in parallel: VectorCare limits calls, and does not document the
# limit. In a new account, which runs ten functions at once, ingest keeps its share (test_concurrency_template).
MAX_CONCURRENCY = 2


class Commands(Construct):
    """Queues, secret, and the function that sends commands."""

    def __init__(self, scope: Construct, construct_id: str, context: StackContext, *, bus: events.IEventBus) -> None:
        super().__init__(scope, construct_id)
        self._context = context
        self._bus = bus
        self.queues = Queues(
            self,
            "Queues",
            direction="outbound",
            key=context.encryption.key,
            visibility_timeout=cdk.Duration.seconds(VISIBILITY_TIMEOUT_SECONDS),
            max_receive_count=MAX_RECEIVE_COUNT,
        )
        self.secret_arn = self._build_secret()
        self.sender = self._build_sender()
        self.sender.read_queue(
            self.queues.queue,
            batch_size=BATCH_SIZE,
            max_concurrency=MAX_CONCURRENCY,
            window=cdk.Duration.seconds(BATCHING_WINDOW_SECONDS),
            # Of two regions one sends: each remembers only its own commands, so a command could be sent twice.
            is_enabled=context.organization.sends_commands,
        )
        if not context.organization.token_url:
            cdk.Annotations.of(self).add_warning_v2(
                "vectorcare-bridge:no-token-url",
                f"no command is sent to VectorCare: {context.organization.name}.toml has no vectorcare_token_url, and "
                "VectorCare does not document UAT's; everything else works",
            )

    def _build_secret(self) -> str:
        """Build the secret for the credentials that VectorCare shows a person; until then its client_id is empty."""
        secret = secretsmanager.Secret(
            self,
            "Credentials",
            description=f"{cdk.Stack.of(self).stack_name}: VectorCare's client_id and client_secret",
            encryption_key=self._context.encryption.key,
            # Never change this: CloudFormation would overwrite the credentials with a new placeholder.
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({"client_id": ""}), generate_string_key="client_secret"
            ),
        )
        reason = (
            "VectorCare creates these credentials on a page of its own, for a person only; the function uses what a "
            "person puts into the secret without a deployment."
        )
        acknowledge(secret, {"AwsSolutions-SMG4": reason, "HIPAA.Security-SecretsManagerRotationEnabled": reason})
        # The ARN. CDK's own `Ref` is the ARN too, but the local emulator returns the name for it.
        return cast("secretsmanager.CfnSecret", secret.node.default_child).attr_id

    def _build_sender(self) -> BridgeFunction:
        return BridgeFunction(
            self,
            "Sender",
            self._context,
            service="sender",
            purpose="Sends the dispatch system's commands to VectorCare.",
            timeout_seconds=SENDER_TIMEOUT_SECONDS,
            environment={
                "OUTBOUND_QUEUE_URL": self.queues.queue.queue_url,
                "OUTBOUND_DEAD_LETTER_QUEUE_URL": self.queues.dead_letters.queue_url,
                "COMMANDS_TABLE": self._context.storage.commands.table_name,
                "EVENT_BUS": self._bus.event_bus_name,
                "CREDENTIALS_SECRET": self.secret_arn,
            },
            statements=[
                receive_from(self.queues.queue),
                # Messages that cannot be read.
                send_to(self.queues.dead_letters),
                iam.PolicyStatement(
                    actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
                    resources=[self._context.storage.commands.table_arn],
                ),
                iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[self.secret_arn]),
                iam.PolicyStatement(actions=["events:PutEvents"], resources=[self._bus.event_bus_arn]),
                self._context.encryption.use_for_tables(),
                self._context.encryption.use_for_queues("GenerateDataKey", "Decrypt"),
                self._context.encryption.use_for_secrets(),
            ],
            no_dead_letters="The queue's event source calls the function: what it does not send stays in the queue, "
            "which has a dead-letter queue.",
        )
