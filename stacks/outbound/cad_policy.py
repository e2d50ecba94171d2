"""What the customer's dispatch system (CAD) may do: one policy, to attach to the role that it runs under."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.common.encryption import Encryption
from stacks.outbound.commands import Commands
from stacks.reading.reading_api import ReadingApi


class CadPolicy(Construct):
    """A managed policy over this stack's resources alone, that makes, changes and deletes none of them.

    To hear of changes it needs nothing here: a rule on the bus is made where the CAD's own queue is made.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, encryption: Encryption, commands: Commands, reading: ReadingApi
    ) -> None:
        super().__init__(scope, construct_id)
        self._encryption = encryption
        self._commands = commands
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description=f"{cdk.Stack.of(self).stack_name}: what the dispatch system (CAD) needs",
            statements=[*self._send_commands(), reading.invoke_statement()],
        )
        reading.acknowledge_ids(self.policy)

    def _send_commands(self) -> list[iam.PolicyStatement]:
        return [
            iam.PolicyStatement(
                sid="SendCommands",
                actions=["sqs:SendMessage", "sqs:GetQueueUrl"],
                resources=[self._commands.queues.queue.queue_arn],
            ),
            self._encryption.use_for_queues("GenerateDataKey", "Decrypt"),
        ]
