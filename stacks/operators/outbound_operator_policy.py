"""The permissions that ``./bridge`` needs for change events and commands, and no more."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.common.log_group import arns_of
from stacks.context import StackContext
from stacks.parts import Parts


class OutboundOperatorPolicy(Construct):
    """A managed policy of its own: IAM's length limit leaves no room for it in the operator's policy.

    It also has its own meaning: people with it may send commands to VectorCare.
    """

    def __init__(self, scope: Construct, construct_id: str, context: StackContext, parts: Parts) -> None:
        super().__init__(scope, construct_id)
        functions = [parts.functions[name].function for name in ("publisher", "sender", "reader")]
        queues = parts.commands.queues
        waiting = [queues.dead_letters.queue_arn, parts.change_events.unpublished.queue_arn]
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description=f"{cdk.Stack.of(self).stack_name}: what ./bridge needs for change events and commands",
            statements=[
                iam.PolicyStatement(
                    sid="SeeFunctions",
                    actions=["lambda:GetFunctionConfiguration"],
                    resources=[function.function_arn for function in functions],
                ),
                iam.PolicyStatement(
                    sid="ReadLogs",
                    actions=["logs:FilterLogEvents"],
                    resources=[arn for function in functions for arn in arns_of(function.log_group)],
                ),
                iam.PolicyStatement(
                    sid="CountMessages",
                    actions=["sqs:GetQueueAttributes"],
                    resources=[queues.queue.queue_arn, *waiting],
                ),
                iam.PolicyStatement(
                    sid="ReadWhatWasSetAside",
                    # To look, and to return messages to the queue. Deleting is not allowed: redrive moves messages.
                    actions=["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"],
                    resources=waiting,
                ),
                iam.PolicyStatement(
                    sid="ReadCommands", actions=["dynamodb:GetItem"], resources=[context.storage.commands.table_arn]
                ),
                iam.PolicyStatement(
                    sid="SendCommands", actions=["sqs:SendMessage"], resources=[queues.queue.queue_arn]
                ),
                context.encryption.use_for_queues("GenerateDataKey", "Decrypt"),
                context.encryption.use_for_tables(),
            ],
        )
