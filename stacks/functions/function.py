"""A Lambda function with a role, a log group and an alias of its own, and the artifact that all share."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.common.acknowledgments import acknowledge
from stacks.common.log_group import build_log_group
from stacks.config import release
from stacks.config.environment import common, of_file
from stacks.context import StackContext

MEMORY_MB = 512


class BridgeFunction(Construct):
    """A function that may do what its statements say, write its own log and trace, and nothing else.

    `service` is the folder of its handler, and its name in logs and metrics. `purpose` is a sentence for whoever finds
    it in the Lambda console. `no_dead_letters` says, for the auditor, why none of its events can be lost without a
    dead-letter queue of its own.

    Attributes
    ----------
    function : lambda_.Function
        Its name, role, log and metrics: what all its versions have in common.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        context: StackContext,
        *,
        service: str,
        purpose: str,
        timeout_seconds: int,
        environment: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
        no_dead_letters: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._purpose = purpose
        self._environment = {
            **common(service, context.organization.name),
            **environment,
            **of_file(context.organization, service),
        }
        log_group = build_log_group(self, "Logs", key=context.encryption.key)
        role = self._build_role(log_group, statements)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=context.artifact.runtime,
            architecture=context.artifact.architecture,
            code=context.artifact.code(),
            handler=f"{service}.handler.handler",
            timeout=cdk.Duration.seconds(timeout_seconds),
            memory_size=MEMORY_MB,
            environment=self._environment,
            description=purpose,
            # The role is written by hand: CDK's own grants must not widen it.
            role=role.without_policy_updates(),
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
            # Old versions stay, to roll back to; that of an update which failed goes with it.
            current_version_options=lambda_.VersionOptions(removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE),
        )
        self._acknowledge(role, no_dead_letters)

    @cached_property
    def live(self) -> lambda_.Alias:
        """What everything calls. It moves, in one step, to a version with code and configuration of one deployment."""
        return lambda_.Alias(self, "Live", alias_name=release.ALIAS, version=self.function.current_version)

    @property
    def callable_name(self) -> str:
        """The name by which people and programs call it: ``NAME:live``."""
        return f"{self.function.function_name}:{release.ALIAS}"

    @property
    def configuration(self) -> dict[str, Any]:
        """What a version of the function is made of beside the artifact, as the template says it."""
        resource = self._resource
        configuration: dict[str, Any] = cdk.Stack.of(self).resolve(
            {
                "purpose": self._purpose,
                "handler": resource.handler,
                "timeout": resource.timeout,
                "memory_size": resource.memory_size,
                "environment": self._environment,
            }
        )
        return configuration

    def describe(self, *, version: str, release_id: str) -> None:
        """Name the release in the description: with it, each version differs from that of the release before."""
        self._resource.description = release.describe(self._purpose, version=version, release=release_id)

    @property
    def _resource(self) -> lambda_.CfnFunction:
        return cast("lambda_.CfnFunction", self.function.node.default_child)

    def read_queue(
        self,
        queue: sqs.IQueue,
        *,
        batch_size: int,
        max_concurrency: int,
        window: cdk.Duration | None = None,
        is_enabled: bool | None = None,
    ) -> None:
        """Let Lambda call the function with batches of a queue.

        `window` is how long it waits to fill one. An event source that may be disabled has to say so either way:
        CloudFormation leaves one as it is that says nothing.
        """
        event_source = lambda_.EventSourceMapping(
            self,
            "EventSource",
            target=self.live,
            event_source_arn=queue.queue_arn,
            batch_size=batch_size,
            max_batching_window=window,
            max_concurrency=max_concurrency,
            report_batch_item_failures=True,
            enabled=is_enabled,
        )
        acknowledge(
            event_source,
            {
                "Serverless-LambdaEventSourceMappingDestination": "Lambda takes no on-failure destination for an SQS "
                "event source; the queue's redrive policy is that destination."
            },
        )

    def _build_role(self, log_group: logs.ILogGroup, statements: Sequence[iam.PolicyStatement]) -> iam.Role:
        own_log = iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
        )
        traces = iam.PolicyStatement(
            # There is no narrower resource (Service Authorization Reference, "AWS X-Ray").
            actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
            resources=["*"],
        )
        return iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"Function": iam.PolicyDocument(statements=[own_log, traces, *statements])},
        )

    def _acknowledge(self, role: iam.Role, no_dead_letters: str) -> None:
        traces = (
            "xray:PutTraceSegments, xray:PutTelemetryRecords and, of the publisher, dynamodb:ListStreams exist on no "
            "narrower resource; every other statement names its own."
        )
        runtime = (
            "The runtime is the supported Python with which the artifact was built and tested; its bytecode fits no "
            "other, and building with a newer Python moves the runtime along."
        )
        acknowledge(
            role,
            {
                "AwsSolutions-IAM5[Resource::*]": traces,
                "Serverless-LambdaStarPermissions": traces,
                "HIPAA.Security-IAMNoInlinePolicy": "The policy belongs to the only role of one function, and is "
                "created and deleted with it; a managed policy could be attached to others.",
            },
        )
        acknowledge(
            self.function,
            {
                "AwsSolutions-L1": runtime,
                "Serverless-LambdaLatestVersion": runtime,
                "HIPAA.Security-LambdaDLQ": no_dead_letters,
                "Serverless-LambdaDLQ": no_dead_letters,
                "HIPAA.Security-LambdaInsideVPC": "The function calls AWS services under IAM and, the sender, "
                "VectorCare's public API, all over TLS, and nothing can connect to it; a network around it would "
                "protect nothing.",
                "HIPAA.Security-LambdaConcurrency": "A reserve is a limit too: webhooks beyond it would be refused, "
                "and VectorCare sends each three times and never again. Their event sources bound processor and "
                "sender, the stream's shards the publisher, and its stage's throttle the reader.",
            },
        )
