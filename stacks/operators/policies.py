"""What people with ``./bridge`` and the dispatch system (CAD) may do: managed policies, to attach to roles."""

from collections.abc import Sequence
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct, IConstruct

from stacks.common.acknowledgments import acknowledge
from stacks.common.log_group import arns_of
from stacks.common.storage import STATUS_INDEX
from stacks.context import StackContext
from stacks.functions.function import BridgeFunction
from stacks.parts import Parts

RESTORED = "-restored-*"
"""The end of the name that ``bridge restore`` gives the restored table: the time comes last."""
READ_ITEMS = ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan")
DESCRIBE_TABLE = "dynamodb:DescribeTable"
# To look, and to return messages to the queue. Deleting is not allowed: redrive moves messages.
LOOK_AT_MESSAGES = ("sqs:ReceiveMessage", "sqs:ChangeMessageVisibility")


class Policies:
    """Policies for this stack's resources only: they delete none of them, and the operators' read patients' data.

    One exception: SQS's own redrive demands of whoever starts it that he may delete dead letters.

    Only a restore writes to the journal, and few people need that. People with the outbound operator's policy may send
    commands to VectorCare; IAM's length limit leaves no room for its statements in the operator's policy.
    """

    def __init__(self, stack: cdk.Stack, context: StackContext, parts: Parts, *, topic: sns.ITopic) -> None:
        self._stack = stack
        self._encryption = context.encryption
        self._storage = context.storage
        operator = Construct(stack, "Operator")
        self.operator = self._build(
            operator, "Policy", "all that the operator's command ./bridge needs", self._operate(parts)
        )
        self.restore = self._build(
            operator, "Restore", "what ./bridge restore needs beside the operator's policy", self._restore_tables()
        )
        self.outbound_operator = self._build(
            Construct(stack, "OutboundOperator"),
            "Policy",
            "what ./bridge needs for change events and commands",
            self._operate_outbound(parts),
        )
        self.rollback = self._build(
            operator, "Rollback", "what ./bridge rollback needs beside the operator's policy", _roll_back(parts)
        )
        self.cad = self._build(
            Construct(stack, "Cad"), "Policy", "what the dispatch system (CAD) needs", self._send_and_read(parts)
        )
        self.console = self._build(
            Construct(stack, "Console"),
            "Policy",
            "what redriving from the consoles of SQS and Lambda needs",
            self._use_consoles(parts),
        )
        self.verify = self._build(
            Construct(stack, "Verify"), "Policy", "what ./bridge verify needs", self._verify(parts, topic)
        )
        self.reconcile = (
            self._build(
                operator,
                "Reconcile",
                "what ./bridge reconcile needs beside the operator's policy",
                self._carry_over(parts),
            )
            if context.organization.twin
            else None
        )
        parts.reading_api.acknowledge_ids(self.cad)
        self._acknowledge(parts)

    def _build(
        self, scope: Construct, construct_id: str, purpose: str, statements: Sequence[iam.PolicyStatement]
    ) -> iam.ManagedPolicy:
        description = f"{self._stack.stack_name}: {purpose}"
        return iam.ManagedPolicy(scope, construct_id, description=description, statements=statements)

    def _operate(self, parts: Parts) -> list[iam.PolicyStatement]:
        inbound, queues = parts.inbound, parts.inbound.queues
        events, service_requests = self._storage.events.table_arn, self._storage.service_requests.table_arn
        index = f"{service_requests}/index/{STATUS_INDEX}"
        stack = self._arn("cloudformation", "stack", f"{self._stack.stack_name}/*")
        return [
            # Two of them have no narrower resource; DescribeAlarms with a prefix needs all alarms.
            _allow(
                "FindStacksAndAlarms",
                ["cloudformation:ListStacks", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"],
                "*",
            ),
            _allow("SeeStack", ["cloudformation:DescribeStacks"], stack),
            *_see_functions(inbound.ingest, inbound.processor, inbound.drain, parts.redrive),
            _allow("CountMessages", ["sqs:GetQueueAttributes"], queues.queue.queue_arn, queues.dead_letters.queue_arn),
            _allow("CountSpool", ["s3:ListBucket"], inbound.spool.bucket.bucket_arn),
            _allow("ReadDeadLetters", LOOK_AT_MESSAGES, queues.dead_letters.queue_arn),
            self._encryption.use_for_queues("Decrypt"),
            _allow("Redrive", ["lambda:InvokeFunction"], parts.redrive.live.function_arn),
            _allow("ReadTables", [*READ_ITEMS, DESCRIBE_TABLE], events, service_requests, index),
            _allow("Replay", ["dynamodb:PutItem"], service_requests),
            self._encryption.use_for_tables(),
        ]

    def _restore_tables(self) -> list[iam.PolicyStatement]:
        """Allow restoring to a new table, and reading and filling that table.

        Sources: DynamoDB Developer Guide, "Using IAM with DynamoDB backup and restore", and
        "DynamoDB encryption at rest: usage notes" for the grant on the key.
        """
        tables = (self._storage.events, self._storage.service_requests)
        write = [f"dynamodb:{action}" for action in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")]
        restore = "dynamodb:RestoreTableToPointInTime"
        key_of_restored = _allow("KeyOfRestored", ["kms:CreateGrant"], self._encryption.key.key_arn)
        key_of_restored.add_condition("Bool", {"kms:GrantIsForAWSResource": "true"})
        return [
            _allow(
                "RestoreFrom", ["dynamodb:DescribeContinuousBackups", restore], *(table.table_arn for table in tables)
            ),
            # Entries that the journal has lost: written only if there is none with that key.
            _allow("PutBack", ["dynamodb:BatchGetItem", "dynamodb:PutItem"], self._storage.events.table_arn),
            _allow(
                "RestoreTo",
                [restore, DESCRIBE_TABLE, *READ_ITEMS, *write],
                *(self._arn("dynamodb", "table", f"{table.table_name}{RESTORED}") for table in tables),
            ),
            self._encryption.use_for_tables(),
            key_of_restored,
        ]

    def _carry_over(self, parts: Parts) -> list[iam.PolicyStatement]:
        """Allow putting webhooks on the queue that this region has missed: ingest's checks do not apply there."""
        return [
            _allow("ReadBodies", ["dynamodb:BatchGetItem"], self._storage.events.table_arn),
            _allow("SendMissed", ["sqs:SendMessage"], parts.inbound.queues.queue.queue_arn),
            self._encryption.use_for_queues("GenerateDataKey", "Decrypt"),
            self._encryption.use_for_tables(),
        ]

    def _operate_outbound(self, parts: Parts) -> list[iam.PolicyStatement]:
        queues = parts.commands.queues
        waiting = [queues.dead_letters.queue_arn, parts.change_events.unpublished.queue_arn]
        return [
            *_see_functions(parts.change_events.publisher, parts.commands.sender, parts.reading_api.reader),
            _allow("CountMessages", ["sqs:GetQueueAttributes"], queues.queue.queue_arn, *waiting),
            _allow("ReadWhatWasSetAside", LOOK_AT_MESSAGES, *waiting),
            _allow("ReadCommands", ["dynamodb:GetItem"], self._storage.commands.table_arn),
            _allow("SendCommands", ["sqs:SendMessage"], queues.queue.queue_arn),
            self._encryption.use_for_queues("GenerateDataKey", "Decrypt"),
            self._encryption.use_for_tables(),
        ]

    def _use_consoles(self, parts: Parts) -> list[iam.PolicyStatement]:
        """Allow what the pages of both consoles ask for on the way to a redrive.

        Sources: SQS Developer Guide, "Amazon SQS API permissions" (what a redrive needs beside its own action) and "Key
        management"; Lambda Developer Guide, "Identity-based policies: using the console"; Service Authorization
        Reference, for which actions have no narrower resource.
        """
        inbound, redrive = parts.inbound, parts.redrive
        dead_letters = inbound.queues.dead_letters.queue_arn
        others = [parts.commands.queues.dead_letters.queue_arn, parts.change_events.unpublished.queue_arn]
        queues = [dead_letters, inbound.queues.queue.queue_arn, *others, parts.commands.queues.queue.queue_arn]
        functions = [inbound.ingest, inbound.processor, inbound.drain, redrive]
        return [
            _allow(
                "Lists",
                [
                    *("sqs:ListQueues", "lambda:ListFunctions", "lambda:GetAccountSettings"),
                    *("lambda:ListEventSourceMappings", "cloudformation:ListStacks", "logs:DescribeLogGroups"),
                    *("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:ListDashboards"),
                ],
                "*",
            ),
            _allow(
                "SeeStack",
                ["cloudformation:DescribeStacks", "cloudformation:ListStackResources"],
                self._arn("cloudformation", "stack", f"{self._stack.stack_name}/*"),
            ),
            _allow(
                "SeeDashboards",
                ["cloudwatch:GetDashboard"],
                # Dashboards are of no region.
                self._stack.format_arn(
                    service="cloudwatch", region="", resource="dashboard", resource_name=f"{self._stack.stack_name}-*"
                ),
            ),
            _allow(
                "SeeQueues",
                [
                    *("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"),
                    *("sqs:ListDeadLetterSourceQueues", "sqs:ListMessageMoveTasks"),
                ],
                *queues,
            ),
            _allow("LookAtMessages", LOOK_AT_MESSAGES, dead_letters, *others),
            # Only webhooks: redriven by SQS, a command would lose its name and age.
            _allow(
                "RedriveBySqs",
                ["sqs:StartMessageMoveTask", "sqs:CancelMessageMoveTask", "sqs:DeleteMessage"],
                dead_letters,
            ),
            _allow("RedriveTo", ["sqs:SendMessage"], inbound.queues.queue.queue_arn),
            self._encryption.use_for_queues("GenerateDataKey", "Decrypt"),
            _allow(
                "SeeFunctions",
                [
                    *("lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:GetAlias", "lambda:GetPolicy"),
                    *("lambda:ListAliases", "lambda:ListVersionsByFunction", "lambda:ListTags"),
                    *("lambda:GetFunctionConcurrency", "lambda:GetFunctionEventInvokeConfig"),
                    *("lambda:GetFunctionUrlConfig", "lambda:GetRuntimeManagementConfig"),
                    *("lambda:GetFunctionRecursionConfig", "lambda:GetFunctionCodeSigningConfig"),
                ],
                *(arn for each in functions for arn in (each.function.function_arn, each.live.function_arn)),
            ),
            _allow("RedriveByLambda", ["lambda:InvokeFunction"], redrive.live.function_arn),
            _allow(
                "ReadLogs",
                ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"],
                *(arn for each in functions for arn in arns_of(each.function.log_group)),
            ),
        ]

    def _verify(self, parts: Parts, topic: sns.ITopic) -> list[iam.PolicyStatement]:
        """Allow looking at how each part is set up; it reads neither data nor logs, and changes nothing."""
        commands, inbound = parts.commands.queues, parts.inbound.queues
        queues = (inbound.queue, inbound.dead_letters, commands.queue, commands.dead_letters)
        functions = [each.function.function_arn for each in parts.functions.values()]
        tables = (self._storage.events, self._storage.service_requests, self._storage.commands)
        name = self._stack.stack_name
        return [
            _allow(
                "FindStacksAndAlarms",
                ["cloudformation:ListStacks", "cloudwatch:DescribeAlarms", "lambda:GetAccountSettings"],
                "*",
            ),
            _allow(
                "SeeStack",
                ["cloudformation:DescribeStacks", "cloudformation:ListStackResources"],
                self._arn("cloudformation", "stack", f"{name}/*"),
            ),
            _allow(
                "SeeFunctions",
                ["lambda:GetAlias", "lambda:GetFunctionConfiguration"],
                *functions,
                *(f"{arn}:*" for arn in functions),
            ),
            _allow("SeeEventSources", ["lambda:GetEventSourceMapping"], self._event_sources()),
            _allow("SeeSchedules", ["events:DescribeRule"], self._arn("events", "rule", f"{name}-*")),
            _allow("SeeBusyHours", ["scheduler:GetSchedule"], self._arn("scheduler", "schedule", f"default/{name}-*")),
            _allow(
                "SeeTables",
                [DESCRIBE_TABLE, "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTimeToLive"],
                *(table.table_arn for table in tables),
            ),
            _allow("SeeQueues", ["sqs:GetQueueAttributes"], *(queue.queue_arn for queue in queues)),
            _allow("SeeSubscriptions", ["sns:ListSubscriptionsByTopic"], topic.topic_arn),
            _allow("SeeSecret", ["secretsmanager:DescribeSecret"], parts.commands.secret_arn),
            _allow("SeeThrottle", ["apigateway:GET"], f"arn:{cdk.Aws.PARTITION}:apigateway:{cdk.Aws.REGION}::/account"),
        ]

    def _event_sources(self) -> str:
        return self._stack.format_arn(
            service="lambda",
            resource="event-source-mapping",
            resource_name="*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )

    def _send_and_read(self, parts: Parts) -> list[iam.PolicyStatement]:
        """Allow what the dispatch system does; it receives change events by a rule and a queue of its own."""
        return [
            _allow("SendCommands", ["sqs:SendMessage", "sqs:GetQueueUrl"], parts.commands.queues.queue.queue_arn),
            self._encryption.use_for_queues("GenerateDataKey", "Decrypt"),
            parts.reading_api.invoke_statement(),
        ]

    def _arn(self, service: str, resource: str, name: str) -> str:
        return self._stack.format_arn(service=service, resource=resource, resource_name=name)

    def _acknowledge(self, parts: Parts) -> None:
        wildcard = "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:"
        acknowledge(
            self.restore,
            {
                f"{wildcard}dynamodb:<AWS::Region>:<AWS::AccountId>:table/"
                f"<{_logical_id(table)}>{RESTORED}]": "The time of the restore follows the table's name."
                for table in (self._storage.events, self._storage.service_requests)
            },
        )
        stack = {
            f"{wildcard}cloudformation:<AWS::Region>:<AWS::AccountId>:stack/"
            f"{self._stack.stack_name}/*]": "The end of a stack's ARN is generated at run time."
        }
        acknowledge(
            self.operator,
            {
                "AwsSolutions-IAM5[Resource::*]": "cloudformation:ListStacks, cloudwatch:GetMetricData and a search of "
                "alarms by prefix exist on no narrower resource; every other statement names its own."
            }
            | stack,
        )
        here, name = ":<AWS::Region>:<AWS::AccountId>:", self._stack.stack_name
        versions = (_logical_id(each.function) for each in parts.functions.values())
        acknowledge(
            self.verify,
            {
                "AwsSolutions-IAM5[Resource::*]": "cloudformation:ListStacks, lambda:GetAccountSettings and a "
                "search of alarms exist on no narrower resource; every other statement names its own.",
                f"{wildcard}lambda{here}event-source-mapping:*]": "The id of an event source is made at run time.",
                f"{wildcard}events{here}rule/{name}-*]": "The end of a rule's name is made at run time.",
                f"{wildcard}scheduler{here}schedule/default/{name}-*]": "So is that of a schedule's name.",
            }
            | {
                f"AwsSolutions-IAM5[Resource::<{version}.Arn>:*]": "Each deployment makes another version."
                for version in versions
            }
            | stack,
        )
        acknowledge(
            self.console,
            {
                "AwsSolutions-IAM5[Resource::*]": "The pages of the consoles begin with lists, which exist on no "
                "narrower resource; every other statement names its own.",
                f"{wildcard}cloudwatch::<AWS::AccountId>:dashboard/{self._stack.stack_name}-*]": "The dashboards of "
                "the stack, which are named after it.",
            }
            | stack,
        )


def _allow(sid: str, actions: Sequence[str], *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=list(actions), resources=list(resources))


def _roll_back(parts: Parts) -> list[iam.PolicyStatement]:
    """Allow moving the functions between versions that deployments have published, and no more of a deployment."""
    arns = [each.function.function_arn for each in parts.functions.values()]
    return [
        _allow("SeeReleases", ["lambda:ListVersionsByFunction", "lambda:GetAlias"], *arns),
        _allow("MoveToRelease", ["lambda:UpdateAlias"], *arns),
    ]


def _see_functions(*functions: BridgeFunction) -> list[iam.PolicyStatement]:
    """Allow reading logs, and configurations: log groups, and for audit and replay public keys and order rule."""
    arns = [each.live.function_arn for each in functions]
    logs = [arn for each in functions for arn in arns_of(each.function.log_group)]
    return [
        _allow("SeeFunctions", ["lambda:GetFunctionConfiguration"], *arns),
        _allow("ReadLogs", ["logs:FilterLogEvents"], *logs),
    ]


def _logical_id(resource: IConstruct) -> str:
    return cdk.Stack.of(resource).get_logical_id(cast("cdk.CfnElement", resource.node.default_child))
