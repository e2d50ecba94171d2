"""The permissions that ``./bridge`` needs, and no more: one policy for people on call, one for a restore.

A third one, for the outbound direction, is in ``outbound_operator_policy.py``.
"""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.common.acknowledgments import acknowledge
from stacks.common.log_group import arns_of
from stacks.common.storage import STATUS_INDEX
from stacks.context import StackContext
from stacks.parts import Parts

RESTORED = "-restored-*"
"""The end of the name that ``bridge restore`` gives the restored table: the time comes last."""


class OperatorPolicy(Construct):
    """Managed policies for this stack's resources only. They delete none of them, and read patients' data.

    There are two, because only a restore writes to the journal, and few people need that.
    """

    def __init__(self, scope: Construct, construct_id: str, context: StackContext, parts: Parts) -> None:
        super().__init__(scope, construct_id)
        self._encryption = context.encryption
        self._storage = context.storage
        self._inbound = parts.inbound
        self._redrive = parts.redrive
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description=f"{cdk.Stack.of(self).stack_name}: all that the operator's command ./bridge needs",
            statements=[
                *self._view_stack(),
                *self._count_messages(),
                *self._handle_dead_letters(),
                *self._read_and_replay_tables(),
            ],
        )
        self.restore_policy = iam.ManagedPolicy(
            self,
            "Restore",
            description=f"{cdk.Stack.of(self).stack_name}: what ./bridge restore needs beside the operator's policy",
            statements=self._restore_tables(),
        )
        self._acknowledge()

    def _view_stack(self) -> list[iam.PolicyStatement]:
        return [
            iam.PolicyStatement(
                sid="FindStacksAndAlarms",
                # Two of them have no narrower resource; DescribeAlarms with a prefix needs all alarms.
                actions=["cloudformation:ListStacks", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"],
                resources=["*"],
            ),
            iam.PolicyStatement(
                sid="SeeStack", actions=["cloudformation:DescribeStacks"], resources=[self._stack_arn()]
            ),
            iam.PolicyStatement(
                sid="SeeFunctions",
                # Their log groups; and their public keys and order rule, for audit and replay.
                actions=["lambda:GetFunctionConfiguration"],
                resources=[function.function_arn for function in self._functions()],
            ),
            iam.PolicyStatement(
                sid="ReadLogs",
                actions=["logs:FilterLogEvents"],
                resources=[arn for function in self._functions() for arn in arns_of(function.log_group)],
            ),
        ]

    def _count_messages(self) -> list[iam.PolicyStatement]:
        queues = self._inbound.queues
        return [
            iam.PolicyStatement(
                sid="CountMessages",
                actions=["sqs:GetQueueAttributes"],
                resources=[queues.queue.queue_arn, queues.dead_letters.queue_arn],
            ),
            iam.PolicyStatement(
                sid="CountSpool", actions=["s3:ListBucket"], resources=[self._inbound.spool.bucket.bucket_arn]
            ),
        ]

    def _handle_dead_letters(self) -> list[iam.PolicyStatement]:
        return [
            iam.PolicyStatement(
                sid="ReadDeadLetters",
                # To look, and to return messages to the queue. Deleting is not allowed: redrive moves messages.
                actions=["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"],
                resources=[self._inbound.queues.dead_letters.queue_arn],
            ),
            self._encryption.use_for_queues("Decrypt"),
            iam.PolicyStatement(
                sid="Redrive", actions=["lambda:InvokeFunction"], resources=[self._redrive.function.function_arn]
            ),
        ]

    def _read_and_replay_tables(self) -> list[iam.PolicyStatement]:
        events, service_requests = self._storage.events, self._storage.service_requests
        return [
            iam.PolicyStatement(
                sid="ReadTables",
                actions=["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:DescribeTable"],
                resources=[events.table_arn, service_requests.table_arn, self._index()],
            ),
            iam.PolicyStatement(sid="Replay", actions=["dynamodb:PutItem"], resources=[service_requests.table_arn]),
            self._encryption.use_for_tables(),
        ]

    def _restore_tables(self) -> list[iam.PolicyStatement]:
        """Allow restoring to a new table, and reading and filling that table.

        Sources: DynamoDB Developer Guide, "Using IAM with DynamoDB backup and restore", and
        "DynamoDB encryption at rest: usage notes" for the grant on the key.
        """
        tables = (self._storage.events, self._storage.service_requests)
        return [
            iam.PolicyStatement(
                sid="RestoreFrom",
                actions=["dynamodb:DescribeContinuousBackups", "dynamodb:RestoreTableToPointInTime"],
                resources=[table.table_arn for table in tables],
            ),
            iam.PolicyStatement(
                sid="PutBack",
                # Entries that the journal has lost: written only if there is none with that key.
                actions=["dynamodb:BatchGetItem", "dynamodb:PutItem"],
                resources=[self._storage.events.table_arn],
            ),
            iam.PolicyStatement(
                sid="RestoreTo",
                actions=[
                    f"dynamodb:{action}"
                    for action in (
                        "RestoreTableToPointInTime",
                        "DescribeTable",
                        "GetItem",
                        "Query",
                        "Scan",
                        "PutItem",
                        "UpdateItem",
                        "DeleteItem",
                        "BatchWriteItem",
                    )
                ],
                resources=[self._restored(table) for table in tables],
            ),
            self._encryption.use_for_tables(),
            iam.PolicyStatement(
                sid="KeyOfRestored",
                actions=["kms:CreateGrant"],
                resources=[self._encryption.key.key_arn],
                conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
            ),
        ]

    def _functions(self) -> list[lambda_.Function]:
        inbound = self._inbound
        return [each.function for each in (inbound.ingest, inbound.processor, inbound.drain, self._redrive)]

    def _stack_arn(self) -> str:
        stack = cdk.Stack.of(self)
        return stack.format_arn(service="cloudformation", resource="stack", resource_name=f"{stack.stack_name}/*")

    def _index(self) -> str:
        return f"{self._storage.service_requests.table_arn}/index/{STATUS_INDEX}"

    def _restored(self, table: dynamodb.ITable) -> str:
        return cdk.Stack.of(self).format_arn(
            service="dynamodb", resource="table", resource_name=f"{table.table_name}{RESTORED}"
        )

    def _acknowledge(self) -> None:
        acknowledge(
            self.restore_policy,
            {
                f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:dynamodb:<AWS::Region>:<AWS::AccountId>:table/"
                f"<{_logical_id(table)}>{RESTORED}]": "The time of the restore follows the table's name."
                for table in (self._storage.events, self._storage.service_requests)
            },
        )
        acknowledge(
            self.policy,
            {
                "AwsSolutions-IAM5[Resource::*]": "cloudformation:ListStacks, cloudwatch:GetMetricData and a search of "
                "alarms by prefix exist on no narrower resource; every other statement names its own.",
                f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:cloudformation:<AWS::Region>:<AWS::AccountId>:stack/"
                f"{cdk.Stack.of(self).stack_name}/*]": "The end of a stack's ARN is generated at run time.",
            },
        )


def _logical_id(table: dynamodb.Table) -> str:
    return cdk.Stack.of(table).get_logical_id(cast("cdk.CfnElement", table.node.default_child))
