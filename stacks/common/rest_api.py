"""What the stack's REST APIs share: stage, logs, API Gateway's own answers, TLS."""

import re
from collections.abc import Mapping
from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.common.log_group import build_log_group
from stacks.config.organization import Organization
from stacks.config.resource_policy import STAGE

# API Gateway answers HEAD only if HEAD is a method of its own.
READ_METHODS = ("GET", "HEAD")

# Nothing here is text of the caller: no query string, no header but the host name, which is one of the API's own, no
# body, and only the pattern of the path.
ACCESS_LOG_FORMAT = {
    "request_id": "$context.requestId",
    "request_time": "$context.requestTime",
    "source_ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "resource_path": "$context.resourcePath",
    "domain": "$context.domainName",
    "tls_version": "$context.tlsVersion",
    "tls_cipher": "$context.cipherSuite",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "response_length": "$context.responseLength",
    "response_latency_ms": "$context.responseLatency",
    "integration_status": "$context.integration.status",
    "integration_latency_ms": "$context.integration.latency",
    "trace_id": "$context.xrayTraceId",
}


def build_stage_options(
    scope: Construct,
    *,
    key: kms.IKey,
    access_log_format: Mapping[str, str],
    requests_per_second: int | None = None,
    burst: int | None = None,
) -> apigateway.StageOptions:
    """Build the options of an API's stage, and the log group of its access log.

    Parameters
    ----------
    access_log_format : mapping of str to str
        The fields of a line in the access log.
    requests_per_second, burst : int or None
        Above these API Gateway answers 429; None if only the account's own limit applies.
    """
    return apigateway.StageOptions(
        stage_name=STAGE,
        tracing_enabled=True,
        access_log_destination=apigateway.LogGroupLogDestination(build_log_group(scope, "AccessLog", key=key)),
        access_log_format=apigateway.AccessLogFormat.custom(
            cdk.Stack.of(scope).to_json_string(dict(access_log_format))
        ),
        # Only errors, and never data: at INFO a line holds the query string, and with data the body.
        logging_level=apigateway.MethodLoggingLevel.ERROR,
        data_trace_enabled=False,
        throttling_rate_limit=requests_per_second,
        throttling_burst_limit=burst,
    )


def add_read_methods(
    resource: apigateway.IResource, integration: apigateway.Integration, **options: Any
) -> list[apigateway.Method]:
    """Let a function answer GET and HEAD; `options` are those of `add_method`."""
    return [resource.add_method(method, integration, **options) for method in READ_METHODS]


def _permit_before_deployment(rest_api: apigateway.RestApi) -> None:
    """Let API Gateway invoke the functions before a deployment of the API calls them.

    CDK's permissions name the stage, so they would be made after it: a method that calls another function than before
    would be refused in between, and its callers would get 500. The stage's name is known beforehand.
    """
    for permission in rest_api.node.find_all():
        if isinstance(permission, lambda_.CfnPermission):
            method = cast("apigateway.Method", permission.node.scope)
            path = re.sub(r"{[^}]*}", "*", method.resource.path)
            permission.source_arn = rest_api.arn_for_execute_api(method.http_method, path, STAGE)
            cast("apigateway.Deployment", rest_api.latest_deployment).node.add_dependency(permission)


def harden(scope: Construct, rest_api: apigateway.RestApi, *, organization: Organization, key: kms.IKey) -> None:
    """Set what the properties of `RestApi` cannot set."""
    _permit_before_deployment(rest_api)
    # CDK's own output would be a second URL that looks like the one to paste.
    rest_api.node.try_remove_child("Endpoint")
    resource = cast("apigateway.CfnRestApi", rest_api.node.default_child)
    # It holds for calls through a domain too (API Gateway Developer Guide, "Security policies for REST APIs").
    resource.security_policy = organization.tls_policy
    resource.endpoint_access_mode = organization.endpoint_access_mode
    _add_headers_to_own_answers(rest_api)
    _build_execution_log(scope, rest_api, key)


def _add_headers_to_own_answers(rest_api: apigateway.RestApi) -> None:
    """Give API Gateway's own answers the headers of the functions' answers."""
    for kind in (apigateway.ResponseType.DEFAULT_4_XX, apigateway.ResponseType.DEFAULT_5_XX):
        rest_api.add_gateway_response(
            kind.response_type,
            type=kind,
            response_headers={
                "Cache-Control": "'no-store'",
                "Strict-Transport-Security": "'max-age=63072000'",
                "X-Content-Type-Options": "'nosniff'",
            },
        )


def _build_execution_log(scope: Construct, rest_api: apigateway.RestApi, key: kms.IKey) -> None:
    """Make the stage's execution log before API Gateway makes it without key and retention."""
    log_group = build_log_group(
        scope, "ExecutionLog", key=key, name=f"API-Gateway-Execution-Logs_{rest_api.rest_api_id}/{STAGE}"
    )
    rest_api.deployment_stage.node.add_dependency(log_group)
