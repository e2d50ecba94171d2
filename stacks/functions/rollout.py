"""How a deployment changes over to its functions: all of one release, each started once before it is called."""

from collections.abc import Mapping
from itertools import pairwise
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.common.acknowledgments import acknowledge
from stacks.config import release
from stacks.context import StackContext
from stacks.functions.function import BridgeFunction

# Seven cold starts take seconds; what cannot be called yet is tried again for most of this.
CHECK_TIMEOUT_SECONDS = 240
# Without it CloudFormation would wait an hour for a check that does not answer.
SERVICE_TIMEOUT_SECONDS = CHECK_TIMEOUT_SECONDS + 60


def roll_out(scope: Construct, context: StackContext, functions: Mapping[str, BridgeFunction], *, version: str) -> None:
    """Give all functions one release, and the order of an update: new versions, a check that they start, the aliases.

    The aliases move downstream first: who reads a queue or a table knows what is new before anything new is written.
    """
    release_id = release.digest(
        {
            "version": version,
            "artifact": context.artifact.digest,
            "functions": {name: each.configuration for name, each in functions.items()},
        }
    )
    for each in functions.values():
        each.describe(version=version, release_id=release_id)
    start_check = _build_start_check(scope, context, functions)
    for each in functions.values():
        each.live.node.add_dependency(start_check)
    for upstream, downstream in pairwise(name for name in release.UPSTREAM_FIRST if name in functions):
        functions[upstream].live.node.add_dependency(functions[downstream].live)


def _build_start_check(
    scope: Construct, context: StackContext, functions: Mapping[str, BridgeFunction]
) -> cdk.CustomResource:
    checker = BridgeFunction(
        scope,
        "StartCheck",
        context,
        service="start_check",
        purpose="Runs each new version of the functions once, for CloudFormation, before anything calls it.",
        timeout_seconds=CHECK_TIMEOUT_SECONDS,
        environment={},
        statements=[
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"],
                # The number of a version is only known when it is published, too late for a role to take effect.
                resources=[f"{each.function.function_arn}:*" for each in functions.values()],
            )
        ],
        no_dead_letters="CloudFormation calls the function and waits for its answer: without one, the update fails and "
        "the stack rolls back.",
    )
    for each in functions.values():
        function = cdk.Stack.of(scope).get_logical_id(cast("cdk.CfnElement", each.function.node.default_child))
        acknowledge(
            checker,
            {
                f"AwsSolutions-IAM5[Resource::<{function}.Arn>:*]": "The versions of one function of this stack: their "
                "numbers are made when they are published."
            },
        )
    return cdk.CustomResource(
        checker,
        "Result",
        resource_type="Custom::StartCheck",
        service_token=checker.function.function_arn,
        service_timeout=cdk.Duration.seconds(SERVICE_TIMEOUT_SECONDS),
        properties={"Versions": [each.function.current_version.function_arn for each in functions.values()]},
    )
