"""The path of a webhook to the tables: ingest, queue, processor; and from the spool: drain."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.common.acknowledgments import acknowledge
from stacks.common.queues import Queues, receive_from, send_to
from stacks.context import StackContext
from stacks.functions.function import BridgeFunction
from stacks.inbound.spool import Spool

# Inside VectorCare's 10 seconds, after which it counts an attempt as failed.
INGEST_TIMEOUT_SECONDS = 9
PROCESSOR_TIMEOUT_SECONDS = 60
# Six times the function's time-out, so that no batch is delivered a second time while Lambda retries a throttled call
# (Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping"); there is no batching window.
VISIBILITY_TIMEOUT_SECONDS = 6 * PROCESSOR_TIMEOUT_SECONDS
# With the processor's waits, everything is applied after an hour without DynamoDB.
MAX_RECEIVE_COUNT = 30
DRAIN_TIMEOUT_SECONDS = 60
BATCH_SIZE = 10


class Inbound(Construct):
    """Queues, spool, and the three functions that move webhooks between them."""

    def __init__(self, scope: Construct, construct_id: str, context: StackContext) -> None:
        super().__init__(scope, construct_id)
        self._context = context
        self.queues = Queues(
            self,
            "Queues",
            direction="inbound",
            key=context.encryption.key,
            visibility_timeout=cdk.Duration.seconds(VISIBILITY_TIMEOUT_SECONDS),
            max_receive_count=MAX_RECEIVE_COUNT,
        )
        self.spool = Spool(self, "Spool")
        self.ingest = self._build_ingest()
        self.processor = self._build_processor()
        self.processor.read_queue(
            self.queues.queue, batch_size=BATCH_SIZE, max_concurrency=context.organization.max_concurrency
        )
        self.drain = self._build_drain()
        self._schedule_drain()

    def _build_ingest(self) -> BridgeFunction:
        ingest = BridgeFunction(
            self,
            "Ingest",
            self._context,
            service="ingest",
            purpose="Checks each webhook's signature and puts it on the queue, or into the spool.",
            timeout_seconds=INGEST_TIMEOUT_SECONDS,
            environment={"QUEUE_URL": self.queues.queue.queue_url, "SPOOL_BUCKET": self.spool.bucket.bucket_name},
            statements=[
                *self._send_to_queue(),
                iam.PolicyStatement(actions=["s3:PutObject"], resources=[self.spool.bucket.arn_for_objects("*")]),
            ],
            no_dead_letters="API Gateway calls the function and waits for its answer: an error is a 5xx to VectorCare, "
            "which sends the webhook again.",
        )
        self.spool.acknowledge_objects(ingest)
        return ingest

    def _build_processor(self) -> BridgeFunction:
        return BridgeFunction(
            self,
            "Processor",
            self._context,
            service="processor",
            purpose="Writes each webhook to the journal, and the state of its service request.",
            timeout_seconds=PROCESSOR_TIMEOUT_SECONDS,
            environment={
                "QUEUE_URL": self.queues.queue.queue_url,
                "EVENTS_TABLE": self._context.storage.events.table_name,
                "SERVICE_REQUESTS_TABLE": self._context.storage.service_requests.table_name,
            },
            statements=[
                receive_from(self.queues.queue),
                iam.PolicyStatement(
                    actions=["dynamodb:PutItem", "dynamodb:Query"], resources=[self._context.storage.events.table_arn]
                ),
                iam.PolicyStatement(
                    actions=["dynamodb:UpdateItem"], resources=[self._context.storage.service_requests.table_arn]
                ),
                self._context.encryption.use_for_tables(),
                self._context.encryption.use_for_queues("Decrypt"),
            ],
            no_dead_letters="The queue's event source calls the function: what it does not process stays in the queue, "
            "which has a dead-letter queue.",
        )

    def _build_drain(self) -> BridgeFunction:
        drain = BridgeFunction(
            self,
            "Drain",
            self._context,
            service="drain",
            purpose="Moves webhooks from the spool to the queue, every minute.",
            timeout_seconds=DRAIN_TIMEOUT_SECONDS,
            environment={"QUEUE_URL": self.queues.queue.queue_url, "SPOOL_BUCKET": self.spool.bucket.bucket_name},
            statements=[
                iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.spool.bucket.bucket_arn]),
                iam.PolicyStatement(
                    actions=["s3:GetObject", "s3:DeleteObject"], resources=[self.spool.bucket.arn_for_objects("*")]
                ),
                *self._send_to_queue(),
            ],
            no_dead_letters="A schedule calls the function: the next run, a minute later, finds what a failed run has "
            "left in the spool, and an alarm is raised if runs fail.",
        )
        self.spool.acknowledge_objects(drain)
        return drain

    def _schedule_drain(self) -> None:
        rule = events.Rule(
            self.drain,
            "EveryMinute",
            schedule=events.Schedule.rate(cdk.Duration.minutes(1)),
            # A late call is useless: the next one comes within a minute.
            targets=[targets.LambdaFunction(self.drain.live, retry_attempts=0, max_event_age=cdk.Duration.minutes(1))],
        )
        acknowledge(
            rule,
            {
                "Serverless-EventBusDLQ": "The event has no content; the next one replaces a lost one, and an alarm is "
                "raised if none comes."
            },
        )

    def _send_to_queue(self) -> list[iam.PolicyStatement]:
        return [send_to(self.queues.queue), self._context.encryption.use_for_queues("GenerateDataKey", "Decrypt")]
