"""What the customer's dispatch system (CAD) may do: one policy, to attach to the role that it runs under."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.context import StackContext
from stacks.parts import Parts


class CadPolicy(Construct):
    """A managed policy over this stack's resources alone, that makes, changes and deletes none of them.

    To hear of changes it needs nothing here: a rule on the bus is made where the CAD's own queue is made.
    """

    def __init__(self, scope: Construct, construct_id: str, context: StackContext, parts: Parts) -> None:
        super().__init__(scope, construct_id)
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description=f"{cdk.Stack.of(self).stack_name}: what the dispatch system (CAD) needs",
            statements=[
                iam.PolicyStatement(
                    sid="SendCommands",
                    actions=["sqs:SendMessage", "sqs:GetQueueUrl"],
                    resources=[parts.commands.queues.queue.queue_arn],
                ),
                context.encryption.use_for_queues("GenerateDataKey", "Decrypt"),
                parts.reading_api.invoke_statement(),
            ],
        )
        parts.reading_api.acknowledge_ids(self.policy)
