"""The path of a change from the tables: stream, publisher, the organization's event bus."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.common.acknowledgments import acknowledge
from stacks.common.queues import MAX_MESSAGE_BYTES, RETENTION, send_to
from stacks.context import StackContext
from stacks.functions.function import BridgeFunction

# A batch of 100 is ten calls of the bus, each up to six seconds; they are retried until a minute before the end.
PUBLISHER_TIMEOUT_SECONDS = 180
BATCH_SIZE = 100


class ChangeEvents(Construct):
    """The bus for subscribers, the function that publishes to it, and the queue of events that it refused."""

    def __init__(self, scope: Construct, construct_id: str, context: StackContext) -> None:
        super().__init__(scope, construct_id)
        self._context = context
        self.bus = self._build_bus()
        self.unpublished = self._build_unpublished()
        self.publisher = self._build_publisher()
        self._connect_publisher()

    def _build_bus(self) -> events.EventBus:
        """Build the bus, encrypted by EventBridge's own key and not by the stack's.

        With a customer's key, EventBridge accepts an event first and encrypts it afterwards: if the key fails then, the
        event is lost, unless EventBridge may write it, with patient data, to one more queue (EventBridge User Guide,
        "Using dead-letter queues to capture encrypted event errors"). A bus keeps an event only until its subscribers
        have it, a day at most.
        """
        return events.EventBus(self, "Bus", event_bus_name=cdk.Stack.of(self).stack_name)

    def _build_unpublished(self) -> sqs.Queue:
        unpublished = sqs.Queue(
            self,
            "Unpublished",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._context.encryption.key,
            enforce_ssl=True,
            max_message_size_bytes=MAX_MESSAGE_BYTES,
            retention_period=RETENTION,
        )
        reason = "Failed events wait in it: they leave it only by redrive, after a person has looked."
        acknowledge(unpublished, {"AwsSolutions-SQS3": reason, "Serverless-SQSRedrivePolicy": reason})
        return unpublished

    def _build_publisher(self) -> BridgeFunction:
        return BridgeFunction(
            self,
            "Publisher",
            self._context,
            service="publisher",
            purpose="Puts each change of a service request on the event bus.",
            timeout_seconds=PUBLISHER_TIMEOUT_SECONDS,
            environment={"EVENT_BUS": self.bus.event_bus_name, "UNPUBLISHED_QUEUE_URL": self.unpublished.queue_url},
            statements=[
                iam.PolicyStatement(
                    actions=["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
                    resources=[self._stream_arn()],
                ),
                # There is no narrower resource (Service Authorization Reference, "Amazon DynamoDB").
                iam.PolicyStatement(actions=["dynamodb:ListStreams"], resources=["*"]),
                iam.PolicyStatement(actions=["events:PutEvents"], resources=[self.bus.event_bus_arn]),
                send_to(self.unpublished),
                self._context.encryption.use_for_tables(),
                self._context.encryption.use_for_queues("GenerateDataKey", "Decrypt"),
            ],
            no_dead_letters="The stream calls the function again until it has taken a batch; an event that the bus "
            "does not take waits in a queue of its own.",
        )

    def _connect_publisher(self) -> None:
        event_source = lambda_.EventSourceMapping(
            self.publisher,
            "EventSource",
            target=self.publisher.live,
            event_source_arn=self._stream_arn(),
            # What was written while the stack was being created is published too.
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=BATCH_SIZE,
            # The function fails only if neither bus nor queue accepts an event. It is then called again until one does,
            # or until the stream deletes the batch after a day: fewer attempts would lose events in a long outage.
            retry_attempts=-1,
            # A batch that runs out of time is split in two.
            bisect_batch_on_error=True,
        )
        acknowledge(
            event_source,
            {
                "Serverless-LambdaEventSourceMappingDestination": "An on-failure destination would hold only the "
                "position of a batch in the stream, which deletes it after a day; the function itself sends what the "
                "bus refuses to a queue."
            },
        )

    def _stream_arn(self) -> str:
        arn = self._context.storage.service_requests.table_stream_arn
        if arn is None:
            raise TypeError("the table has no stream")
        return arn
