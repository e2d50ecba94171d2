"""The REST API that VectorCare calls, and the domain name before it."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from stacks.common.acknowledgments import acknowledge
from stacks.common.rest_api import (
    ACCESS_LOG_FORMAT,
    add_read_methods,
    build_stage_options,
    harden,
)
from stacks.config import moves
from stacks.config.resource_policy import resource_policy
from stacks.context import StackContext
from stacks.functions.function import BridgeFunction

_PUSH_TO_LOGS = "AmazonAPIGatewayPushToCloudWatchLogs"


class WebhookApi(Construct):
    """``POST /webhook``, ``GET`` and ``HEAD /health``, all answered by the ingest function."""

    def __init__(self, scope: Construct, construct_id: str, context: StackContext, *, ingest: BridgeFunction) -> None:
        super().__init__(scope, construct_id)
        self._organization = context.organization
        self._key = context.encryption.key
        self.rest_api = self._build_rest_api()
        self._add_routes(ingest)
        harden(self, self.rest_api, organization=self._organization, key=self._key)
        self.domain = self._build_domain(self._organization.domain_name) if self._organization.domain_name else None
        for step, text in moves.unfinished(self._organization):
            cdk.Annotations.of(self).add_warning_v2(
                f"vectorcare-bridge:{step}", f"{self._organization.name}.toml: {text}"
            )

    @property
    def account(self) -> IConstruct:
        """The account's setting that lets every API write its logs."""
        return self.rest_api.node.find_child("Account")

    @property
    def may_be_refused(self) -> list[IConstruct]:
        """What AWS may refuse because of the organization's file: TLS policy, networks, domain and certificate."""
        return [cast("IConstruct", self.rest_api.node.default_child), *([self.domain] if self.domain else [])]

    @property
    def base_url(self) -> str:
        """The URL of the routes, without a slash at the end."""
        if self._organization.domain_name:
            return f"https://{self._organization.domain_name}"
        return self.default_url

    @property
    def default_url(self) -> str:
        """API Gateway's own URL of the routes, without a slash at the end; a domain's file may have it switched off."""
        return self.rest_api.url_for_path().removesuffix("/")

    def _build_rest_api(self) -> apigateway.RestApi:
        rest_api = apigateway.RestApi(
            self,
            "RestApi",
            rest_api_name=cdk.Stack.of(self).stack_name,
            endpoint_configuration=apigateway.EndpointConfiguration(
                types=[apigateway.EndpointType.REGIONAL], ip_address_type=self._ip_address_type()
            ),
            # A setting of the API alone takes effect with the next deployment of its stage; CDK makes one, because its
            # id follows from the API's settings (API Gateway Developer Guide, "Disable the default endpoint").
            disable_execute_api_endpoint=not self._organization.has_default_url,
            # Bodies arrive byte for byte: decoded and encoded again, some would differ from what was signed.
            binary_media_types=["*/*"],
            policy=iam.PolicyDocument.from_json(resource_policy(self._organization.allowed_source_ips)),
            # One role per account and region lets every API write its logs. A new account has none. It stays when this
            # stack is deleted, and even when its first deployment fails: other stacks' APIs use it from then on.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN,
            deploy_options=build_stage_options(self, key=self._key, access_log_format=ACCESS_LOG_FORMAT),
        )
        _acknowledge(rest_api)
        return rest_api

    def _ip_address_type(self) -> apigateway.IpAddressType:
        """Answer IPv6 only if IPv6 networks are allowed: otherwise a caller that prefers it would be locked out."""
        ipv6 = any(":" in network for network in self._organization.allowed_source_ips)
        return apigateway.IpAddressType.DUAL_STACK if ipv6 else apigateway.IpAddressType.IPV4

    def _add_routes(self, ingest: BridgeFunction) -> None:
        integration = apigateway.LambdaIntegration(ingest.live, allow_test_invoke=False)
        self.rest_api.root.add_resource("webhook").add_method("POST", integration)
        add_read_methods(self.rest_api.root.add_resource("health"), integration)

    def _build_domain(self, domain_name: str) -> apigateway.CfnDomainName:
        domain = apigateway.CfnDomainName(
            self,
            "Domain",
            domain_name=domain_name,
            regional_certificate_arn=self._organization.certificate_arn,
            security_policy=self._organization.tls_policy,
            endpoint_access_mode=self._organization.endpoint_access_mode,
            endpoint_configuration=apigateway.CfnDomainName.EndpointConfigurationProperty(
                types=["REGIONAL"],
                ip_address_type={
                    apigateway.IpAddressType.IPV4: "ipv4",
                    apigateway.IpAddressType.DUAL_STACK: "dualstack",
                }[self._ip_address_type()],
            ),
        )
        mapping = apigateway.CfnBasePathMapping(
            self,
            "DomainMapping",
            domain_name=domain.ref,
            rest_api_id=self.rest_api.rest_api_id,
            stage=self.rest_api.deployment_stage.stage_name,
        )
        # Another domain_name makes another domain. The old one stays, and goes on working, until somebody deletes it:
        # VectorCare calls it until the new URL is pasted there (docs/moving.md).
        for each in (domain, mapping):
            each.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
            # With the stack they go: an API to which a domain is mapped cannot be deleted.
            each.cfn_options.deletion_policy = cdk.CfnDeletionPolicy.DELETE
        return domain


def _acknowledge(rest_api: apigateway.RestApi) -> None:
    signed = (
        "VectorCare presents no credentials; it signs the body. The function verifies that signature over the raw "
        "bytes, and the customer's identifier, before anything else; /health gives nothing away."
    )
    acknowledge(
        rest_api,
        {
            "AwsSolutions-APIG2": "A webhook is checked by its signature over the raw bytes and stored whatever it "
            "says; a model would refuse signed webhooks, which VectorCare does not send a fourth time.",
            "AwsSolutions-APIG4": signed,
            "AwsSolutions-COG4": signed,
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/{_PUSH_TO_LOGS}]": "API "
            "Gateway accepts no account role that lacks an action of this policy, which AWS maintains for it.",
        },
    )
    acknowledge(
        rest_api.deployment_stage,
        {
            "AwsSolutions-APIG3": "Nothing is parsed before its RSA signature is verified, and the resource policy "
            "admits only VectorCare's addresses if they are configured; a web ACL could only lose webhooks.",
            "HIPAA.Security-APIGWCacheEnabledAndEncrypted": "The stage has no cache.",
            "HIPAA.Security-APIGWSSLEnabled": "A client certificate identifies the caller to an HTTP backend; this "
            "backend is a Lambda function, and its policy lets only this API's routes invoke it.",
            "Serverless-APIGWDefaultThrottling": "VectorCare asks not to be rate limited, and after three refusals a "
            "webhook is lost: only the account's own limit applies.",
        },
    )
