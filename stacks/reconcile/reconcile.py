"""The function that fetches what this region has missed from the other one, and its schedule."""

from datetime import timedelta
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.common.acknowledgments import acknowledge
from stacks.common.queues import send_to
from stacks.common.storage import STATUS_INDEX
from stacks.context import StackContext
from stacks.functions.function import BridgeFunction

# Lambda's maximum.
TIMEOUT_SECONDS = 900


class Reconcile(Construct):
    """Reads the other region's journal, and writes to nothing but this region's queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        context: StackContext,
        *,
        queue: sqs.IQueue,
        region: str,
        every: timedelta,
    ) -> None:
        super().__init__(scope, construct_id)
        self._context = context
        self._stack = cdk.Stack.of(self)
        self._region = region
        context.encryption.add_alias()
        self.function = self._build_function(queue)
        self._schedule(every)
        self._acknowledge()

    def _build_function(self, queue: sqs.IQueue) -> BridgeFunction:
        events_table = self._context.storage.events
        return BridgeFunction(
            self,
            "Reconcile",
            self._context,
            service="reconcile",
            purpose="Fetches webhooks that this region has missed from the other region.",
            timeout_seconds=TIMEOUT_SECONDS,
            environment={
                "QUEUE_URL": queue.queue_url,
                "EVENTS_TABLE": events_table.table_name,
                "STACK_NAME": self._stack.stack_name,
                "OTHER_REGION": self._region,
            },
            statements=[
                iam.PolicyStatement(
                    actions=["dynamodb:BatchGetItem", "dynamodb:Query"], resources=[events_table.table_arn]
                ),
                send_to(queue),
                iam.PolicyStatement(actions=["sqs:GetQueueAttributes"], resources=[queue.queue_arn]),
                self._context.encryption.use_for_tables(),
                self._context.encryption.use_for_queues("GenerateDataKey", "Decrypt"),
                *self._read_other_region(),
            ],
            no_dead_letters="A schedule calls the function: the next run finds what a failed run has not carried over, "
            "and an alarm is raised if runs fail.",
        )

    def _read_other_region(self) -> list[iam.PolicyStatement]:
        """Allow reading the same stack's journal, and which service requests moved, in the other region."""
        storage = self._context.storage
        index = f"{self._table_there(storage.service_requests)}/index/{STATUS_INDEX}"
        return [
            iam.PolicyStatement(
                actions=["cloudformation:DescribeStacks"],
                resources=[self._arn_there("cloudformation", f"stack/{self._stack.stack_name}/*")],
            ),
            iam.PolicyStatement(
                actions=["dynamodb:BatchGetItem", "dynamodb:Query"], resources=[self._table_there(storage.events)]
            ),
            iam.PolicyStatement(actions=["dynamodb:Query"], resources=[index]),
            self._context.encryption.use_for_tables_there(self._region),
        ]

    def _table_there(self, table: dynamodb.Table) -> str:
        """Write the ARN of a table whose name CloudFormation begins with the stack's name and the logical id."""
        logical_id = self._stack.get_logical_id(cast("cdk.CfnElement", table.node.default_child))
        return self._arn_there("dynamodb", f"table/{self._stack.stack_name}-{logical_id}-*")

    def _arn_there(self, service: str, resource: str) -> str:
        return self._stack.format_arn(
            service=service, region=self._region, resource=resource, arn_format=cdk.ArnFormat.NO_RESOURCE_NAME
        )

    def _schedule(self, every: timedelta) -> None:
        interval = cdk.Duration.minutes(every.total_seconds() / 60)
        rule = events.Rule(
            self,
            "Schedule",
            schedule=events.Schedule.rate(interval),
            # A late call is useless: the next one comes.
            targets=[targets.LambdaFunction(self.function.live, retry_attempts=0, max_event_age=interval)],
        )
        acknowledge(
            rule,
            {
                "Serverless-EventBusDLQ": "The event has no content; the next one replaces a lost one, and an alarm is "
                "raised if none comes."
            },
        )

    def _acknowledge(self) -> None:
        """Accept wildcards for what the other region's stack has made up itself."""
        storage, name = self._context.storage, self._stack.stack_name
        generated = "The end of this name is generated in the other region; its beginning is this stack's own."
        arn = f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:{{}}:{self._region}:<AWS::AccountId>:{{}}]"
        tables = {
            table: self._stack.get_logical_id(cast("cdk.CfnElement", table.node.default_child))
            for table in (storage.events, storage.service_requests)
        }
        acknowledge(
            self.function,
            {
                arn.format("cloudformation", f"stack/{name}/*"): generated,
                arn.format("dynamodb", f"table/{name}-{tables[storage.events]}-*"): generated,
                arn.format(
                    "dynamodb", f"table/{name}-{tables[storage.service_requests]}-*/index/{STATUS_INDEX}"
                ): generated,
                arn.format("kms", "key/*"): "The key's id is generated in the other region; its alias, which is this "
                "stack's name, is required.",
            },
        )
