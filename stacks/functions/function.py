"""A Lambda function as this project runs one: its own role and log group, and the artifact of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.common.acknowledgments import acknowledge
from stacks.common.log_group import build_log_group
from stacks.functions.environment import common
from stacks.functions.packaging import Artifact

MEMORY_MB = 512


@dataclass(frozen=True, kw_only=True)
class FunctionDefaults:
    """What all functions of a stack have in common."""

    organization: str
    artifact: Artifact
    key: kms.IKey


class BridgeFunction(Construct):
    """A function that may do what its statements say, write its own log and trace, and nothing else.

    Parameters
    ----------
    service : str
        The folder of its handler, and what its logs and metrics call it.
    no_dead_letters : str
        Why no event of it can be lost without a dead-letter queue of its own: for the auditor.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: str,
        defaults: FunctionDefaults,
        timeout: cdk.Duration,
        environment: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
        no_dead_letters: str,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = build_log_group(self, "Logs", key=defaults.key)
        role = self._build_role(log_group, statements)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=defaults.artifact.runtime,
            architecture=defaults.artifact.architecture,
            code=defaults.artifact.code(),
            handler=f"{service}.handler.handler",
            timeout=timeout,
            memory_size=MEMORY_MB,
            environment={
                **common(service, defaults.organization),
                **environment,
            },
            # The role is written by hand: nothing that CDK grants on the way may widen it.
            role=role.without_policy_updates(),
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
        )
        self._acknowledge(role, no_dead_letters)

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
                "HIPAA.Security-IAMNoInlinePolicy": "The policy belongs to the one role of one function, and is made "
                "and removed with it; a managed policy could be attached to others.",
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
