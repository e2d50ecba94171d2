"""The REST API that VectorCare calls, and the domain name before it."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.acknowledgments import acknowledge
from stacks.log_group import build_log_group
from stacks.organization import Organization

STAGE = "prod"
# TLS 1.3, or 1.2 with forward secrecy; and only for the host name that the certificate is for (API Gateway Developer
# Guide, "Supported security policies", table for Regional APIs; "Security policies for REST APIs", STRICT).
SECURITY_POLICY = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
ENDPOINT_ACCESS_MODE = "STRICT"

# Nothing here is written by the caller: no query string (it holds customer_id), no header, no body.
ACCESS_LOG_FORMAT = {
    "request_id": "$context.requestId",
    "request_time": "$context.requestTime",
    "source_ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "resource_path": "$context.resourcePath",
    "tls_version": "$context.tlsVersion",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "response_length": "$context.responseLength",
    "response_latency_ms": "$context.responseLatency",
    "integration_status": "$context.integration.status",
    "integration_latency_ms": "$context.integration.latency",
    "trace_id": "$context.xrayTraceId",
}

_PUSH_TO_LOGS = "AmazonAPIGatewayPushToCloudWatchLogs"


class Api(Construct):
    """``POST /webhook`` and ``GET /health``, both answered by the ingest function."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        organization: Organization,
        key: kms.IKey,
        ingest: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        self._organization = organization
        self.rest_api = self._build_rest_api(key)
        self._add_routes(ingest)
        self._harden_own_answers()
        self._keep_execution_log(key)
        self.domain = self._build_domain(organization.domain_name) if organization.domain_name else None

    @property
    def base_url(self) -> str:
        """Where the routes are; without a slash at the end."""
        if self._organization.domain_name:
            return f"https://{self._organization.domain_name}"
        return self.rest_api.url_for_path().removesuffix("/")

    def _build_rest_api(self, key: kms.IKey) -> apigateway.RestApi:
        rest_api = apigateway.RestApi(
            self,
            "RestApi",
            rest_api_name=cdk.Stack.of(self).stack_name,
            endpoint_configuration=apigateway.EndpointConfiguration(
                types=[apigateway.EndpointType.REGIONAL], ip_address_type=self._ip_address_type()
            ),
            disable_execute_api_endpoint=self._organization.domain_name is not None,
            # Bodies come byte for byte: decoded and encoded again, some would no longer be what was signed.
            binary_media_types=["*/*"],
            policy=self._build_policy(),
            # One role per account and region, by which every API writes its logs. A new account has none; and it has
            # to stay when this stack goes, because the other stacks write by it too.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                tracing_enabled=True,
                access_log_destination=apigateway.LogGroupLogDestination(build_log_group(self, "AccessLog", key=key)),
                access_log_format=apigateway.AccessLogFormat.custom(
                    cdk.Stack.of(self).to_json_string(ACCESS_LOG_FORMAT)
                ),
                # Errors alone, and never the data: at INFO a line holds the query string, with data the body.
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,
            ),
        )
        # An output of CDK's own, beside WebhookUrl and HealthUrl, would be one URL too many to paste.
        rest_api.node.try_remove_child("Endpoint")
        resource = cast("apigateway.CfnRestApi", rest_api.node.default_child)
        resource.security_policy = SECURITY_POLICY
        resource.endpoint_access_mode = ENDPOINT_ACCESS_MODE
        _acknowledge(rest_api)
        return rest_api

    def _ip_address_type(self) -> apigateway.IpAddressType:
        """Answer IPv6 only where IPv6 networks are allowed: else a caller that prefers it would be locked out."""
        ipv6 = any(":" in network for network in self._organization.allowed_source_ips)
        return apigateway.IpAddressType.DUAL_STACK if ipv6 else apigateway.IpAddressType.IPV4

    def _build_policy(self) -> iam.PolicyDocument:
        """Allow each route by method and path: a denial by address alone would deny the health check too."""
        webhook = _allow("POST/webhook")
        if self._organization.allowed_source_ips:
            webhook.add_condition("IpAddress", {"aws:SourceIp": list(self._organization.allowed_source_ips)})
        return iam.PolicyDocument(statements=[webhook, _allow("GET/health")])

    def _add_routes(self, ingest: lambda_.IFunction) -> None:
        integration = apigateway.LambdaIntegration(ingest, allow_test_invoke=False)
        self.rest_api.root.add_resource("webhook").add_method("POST", integration)
        self.rest_api.root.add_resource("health").add_method("GET", integration)

    def _harden_own_answers(self) -> None:
        """Give what API Gateway answers by itself the headers of what ingest answers."""
        for kind in (apigateway.ResponseType.DEFAULT_4_XX, apigateway.ResponseType.DEFAULT_5_XX):
            self.rest_api.add_gateway_response(
                kind.response_type,
                type=kind,
                response_headers={
                    "Cache-Control": "'no-store'",
                    "Strict-Transport-Security": "'max-age=63072000'",
                    "X-Content-Type-Options": "'nosniff'",
                },
            )

    def _keep_execution_log(self, key: kms.IKey) -> None:
        """Make the stage's execution log beforehand: API Gateway would, with neither key nor retention."""
        log_group = build_log_group(
            self,
            "ExecutionLog",
            key=key,
            name=f"API-Gateway-Execution-Logs_{self.rest_api.rest_api_id}/{STAGE}",
        )
        self.rest_api.deployment_stage.node.add_dependency(log_group)

    def _build_domain(self, domain_name: str) -> apigateway.CfnDomainName:
        domain = apigateway.CfnDomainName(
            self,
            "Domain",
            domain_name=domain_name,
            regional_certificate_arn=self._organization.certificate_arn,
            security_policy=SECURITY_POLICY,
            endpoint_access_mode=ENDPOINT_ACCESS_MODE,
            endpoint_configuration=apigateway.CfnDomainName.EndpointConfigurationProperty(
                types=["REGIONAL"],
                ip_address_type={
                    apigateway.IpAddressType.IPV4: "ipv4",
                    apigateway.IpAddressType.DUAL_STACK: "dualstack",
                }[self._ip_address_type()],
            ),
        )
        apigateway.CfnBasePathMapping(
            self,
            "DomainMapping",
            domain_name=domain.ref,
            rest_api_id=self.rest_api.rest_api_id,
            stage=self.rest_api.deployment_stage.stage_name,
        )
        return domain


def _allow(route: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        principals=[iam.AnyPrincipal()],
        actions=["execute-api:Invoke"],
        resources=[f"execute-api:/{STAGE}/{route}"],
    )


def _acknowledge(rest_api: apigateway.RestApi) -> None:
    signed = (
        "VectorCare presents no credentials; it signs the body. The function verifies that signature over the raw "
        "bytes, and the customer's identifier, before anything else; /health gives nothing away."
    )
    acknowledge(
        rest_api,
        {
            "AwsSolutions-APIG2": "A webhook is checked by its signature over the raw bytes and kept whatever it says; "
            "a model would refuse signed webhooks, which VectorCare does not send a fourth time.",
            "AwsSolutions-APIG4": signed,
            "AwsSolutions-COG4": signed,
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/{_PUSH_TO_LOGS}]": "API "
            "Gateway accepts no account role that lacks an action of this policy, which AWS keeps for that purpose.",
        },
    )
    acknowledge(
        rest_api.deployment_stage,
        {
            "AwsSolutions-APIG3": "Nothing is parsed before its RSA signature is verified, and the resource policy "
            "lets in VectorCare's addresses alone where they are configured; a web ACL could only lose webhooks.",
            "HIPAA.Security-APIGWCacheEnabledAndEncrypted": "The stage has no cache, so nothing lies in one.",
            "HIPAA.Security-APIGWSSLEnabled": "A client certificate tells an HTTP backend who calls; this backend is a "
            "Lambda function, whose policy lets this API's two routes alone invoke it.",
            "Serverless-APIGWDefaultThrottling": "VectorCare asks not to be rate limited, and after three refusals a "
            "webhook is gone: the account's own limit is the only one that is wanted.",
        },
    )
