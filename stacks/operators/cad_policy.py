"""What the customer's dispatch system (CAD) may do: one policy, to attach to its role."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.context import StackContext
from stacks.parts import Parts


class CadPolicy(Construct):
    """A managed policy for this stack's resources only, which creates, changes and deletes none of them.

    Receiving change events needs nothing here: the rule on the bus is created together with the CAD's own queue.
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
