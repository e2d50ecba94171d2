"""A queue that feeds a function, and its dead-letter queue: one pair for each direction."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.common.acknowledgments import acknowledge

# SQS's maximum. A dead letter's days count from when the message was first sent.
RETENTION = cdk.Duration.days(14)
# A body of 256 KiB in base64, with its attributes, is more than 256 KiB.
MAX_MESSAGE_BYTES = 1024 * 1024


class Queues(Construct):
    """Messages wait in one queue; SQS moves those that were received too often to the other."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        direction: str,
        key: kms.IKey,
        visibility_timeout: cdk.Duration,
        max_receive_count: int,
    ) -> None:
        super().__init__(scope, construct_id)
        # The queue refers to its dead-letter queue, which refers to the queue by name: only a fixed name breaks that
        # circle. Its price: SQS frees the name of a deleted queue only after 60 seconds, so a deleted stack can be
        # created again after a minute at the earliest.
        name = f"{cdk.Stack.of(self).stack_name}-{direction}"
        self.dead_letters = self._build_dead_letters(key, source_name=name)
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=name,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            max_message_size_bytes=MAX_MESSAGE_BYTES,
            retention_period=RETENTION,
            visibility_timeout=visibility_timeout,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=max_receive_count),
        )

    def _build_dead_letters(self, key: kms.IKey, *, source_name: str) -> sqs.Queue:
        source_arn = cdk.Stack.of(self).format_arn(service="sqs", resource=source_name)
        dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            max_message_size_bytes=MAX_MESSAGE_BYTES,
            retention_period=RETENTION,
            redrive_allow_policy=sqs.RedriveAllowPolicy(
                redrive_permission=sqs.RedrivePermission.BY_QUEUE,
                source_queues=[sqs.Queue.from_queue_arn(self, "Source", source_arn)],
            ),
        )
        acknowledge(
            dead_letters,
            {
                "Serverless-SQSRedrivePolicy": "It is itself a dead-letter queue: dead letters leave it only by "
                "redrive, after a person has looked, and an alarm notifies that person."
            },
        )
        return dead_letters


def send_to(*queues: sqs.IQueue) -> iam.PolicyStatement:
    """Let a role send to queues; it needs the key as well."""
    return iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[queue.queue_arn for queue in queues])


def receive_from(*queues: sqs.IQueue) -> iam.PolicyStatement:
    """Let a role, or the event source that uses it, take messages off queues; it needs the key as well."""
    return iam.PolicyStatement(
        actions=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"],
        resources=[queue.queue_arn for queue in queues],
    )
