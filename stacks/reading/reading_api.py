"""The REST API that the organization's dispatch system reads from, and the function that answers it."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from stacks.common.acknowledgments import acknowledge
from stacks.common.rest_api import ACCESS_LOG_FORMAT, READ_METHODS, add_read_methods, build_stage_options, harden
from stacks.common.storage import STATUS_INDEX
from stacks.context import StackContext
from stacks.functions.function import BridgeFunction

# Inside the 29 seconds that API Gateway waits; the function's own calls give up after 8.
TIMEOUT_SECONDS = 15
# Reader and ingest share the account's concurrency (a new account: 10): a caller in a tight loop is throttled (429).
REQUESTS_PER_SECOND = 10
BURST = 5


class ReadingApi(Construct):
    """Three routes, each for ``GET`` and ``HEAD``, for callers that IAM admits.

    It is not the webhook's API: there every body is binary, and the resource policy admits VectorCare's addresses.
    """

    def __init__(self, scope: Construct, construct_id: str, context: StackContext, *, account: IConstruct) -> None:
        super().__init__(scope, construct_id)
        self._context = context
        self.reader = self._build_reader()
        self.rest_api = self._build_rest_api()
        self._methods = self._add_routes()
        harden(self, self.rest_api, organization=context.organization, key=context.encryption.key)
        # A stage that logs can only be created after the account lets API Gateway log.
        self.rest_api.deployment_stage.node.add_dependency(account)
        self._acknowledge()

    @property
    def may_be_refused(self) -> list[IConstruct]:
        """What AWS may refuse because of the organization's file: the TLS policy."""
        return [cast("IConstruct", self.rest_api.node.default_child)]

    @property
    def base_url(self) -> str:
        """The URL of the routes, without a slash at the end."""
        return self.rest_api.url_for_path().removesuffix("/")

    def invoke_statement(self) -> iam.PolicyStatement:
        """Let a principal of this account call all routes; call `acknowledge_ids` for its policy."""
        return iam.PolicyStatement(
            sid="ReadServiceRequests",
            actions=["execute-api:Invoke"],
            resources=[method.method_arn for method in self._methods],
        )

    def acknowledge_ids(self, policy: IConstruct) -> None:
        """Accept the wildcards in a policy with `invoke_statement`."""
        api, stage = (
            cdk.Stack.of(self).get_logical_id(cast("cdk.CfnElement", each.node.default_child))
            for each in (self.rest_api, self.rest_api.deployment_stage)
        )
        routes = f"arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<{api}>/<{stage}>"
        acknowledge(
            policy,
            {
                f"AwsSolutions-IAM5[Resource::{routes}/{method}/service-requests/{rest}]": "A service request's "
                "id is in the path; whoever may read one may read all of the organization's."
                for method in READ_METHODS
                for rest in ("*", "*/events")
            },
        )

    def _build_reader(self) -> BridgeFunction:
        service_requests, events = self._context.storage.service_requests, self._context.storage.events
        return BridgeFunction(
            self,
            "Reader",
            self._context,
            service="reader",
            purpose="Answers the reading API.",
            timeout_seconds=TIMEOUT_SECONDS,
            environment={
                "EVENTS_TABLE": events.table_name,
                "SERVICE_REQUESTS_TABLE": service_requests.table_name,
                "STATUS_INDEX": STATUS_INDEX,
            },
            statements=[
                iam.PolicyStatement(actions=["dynamodb:GetItem"], resources=[service_requests.table_arn]),
                iam.PolicyStatement(
                    actions=["dynamodb:Query"],
                    resources=[f"{service_requests.table_arn}/index/{STATUS_INDEX}", events.table_arn],
                ),
                self._context.encryption.use_for_tables(),
            ],
            no_dead_letters="API Gateway calls the function and waits for its answer: an error is a 5xx to the caller, "
            "which asks again; nothing is written that could be lost.",
        )

    def _build_rest_api(self) -> apigateway.RestApi:
        return apigateway.RestApi(
            self,
            "RestApi",
            rest_api_name=f"{cdk.Stack.of(self).stack_name}-reading",
            endpoint_configuration=apigateway.EndpointConfiguration(
                types=[apigateway.EndpointType.REGIONAL], ip_address_type=apigateway.IpAddressType.DUAL_STACK
            ),
            # The webhook's API creates the account's role for logs.
            cloud_watch_role=False,
            default_method_options=apigateway.MethodOptions(authorization_type=apigateway.AuthorizationType.IAM),
            deploy_options=build_stage_options(
                self,
                key=self._context.encryption.key,
                # Who read, and the id by which the function's log shows what.
                access_log_format=ACCESS_LOG_FORMAT
                | {"caller": "$context.identity.userArn", "function_request_id": "$context.integration.requestId"},
                requests_per_second=REQUESTS_PER_SECOND,
                burst=BURST,
            ),
        )

    def _add_routes(self) -> list[apigateway.Method]:
        integration = apigateway.LambdaIntegration(self.reader.live, allow_test_invoke=False)
        requests = self.rest_api.root.add_resource("service-requests")
        one = requests.add_resource("{service_request_id}")
        of_one = {"method.request.path.service_request_id": True}
        page = {"method.request.querystring.limit": False, "method.request.querystring.next_token": False}
        in_status = {"method.request.querystring.status": True}
        return [
            *add_read_methods(requests, integration, request_parameters=in_status | page),
            *add_read_methods(one, integration, request_parameters=of_one),
            *add_read_methods(one.add_resource("events"), integration, request_parameters=of_one | page),
        ]

    def _acknowledge(self) -> None:
        acknowledge(
            self.rest_api,
            {
                "AwsSolutions-APIG2": "The function refuses parameters that are unknown, repeated or out of range, and "
                "says what is allowed; API Gateway could only see that one is missing.",
                "AwsSolutions-COG4": "Every method requires IAM authorization: the caller is a system without a user "
                "to log in.",
            },
        )
        acknowledge(
            self.rest_api.deployment_stage,
            {
                "AwsSolutions-APIG3": "API Gateway admits only requests that a permitted principal of the account has "
                "signed; a web ACL would add nothing.",
                "HIPAA.Security-APIGWCacheEnabledAndEncrypted": "The stage has no cache.",
                "HIPAA.Security-APIGWSSLEnabled": "A client certificate identifies the caller to an HTTP backend; "
                "this backend is a Lambda function, and its policy lets only this API's routes invoke it.",
            },
        )
