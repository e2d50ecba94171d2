"""Both REST APIs, for every organization: routes, TLS, logs, and the outputs of the stack."""

import dataclasses
import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from cli.lib.deploying import changes
from stacks.config import moves
from stacks.config.organization import Organization
from tests.stacks import synthesis
from tests.stacks.organization_files import CERTIFICATE_ARN
from tests.stacks.synthesis import template_of
from tests.stacks.templates import (
    Resource,
    Template,
    called,
    functions,
    live,
    of_api,
    of_type,
    only,
    referred,
    released,
    rendered,
    rest_api_id,
    routes,
    stage,
)
from tests.support.reading import DOCUMENT
from vectorcare_bridge.edge import response

ROUTES = {
    "webhook": {"POST /webhook", "GET /health", "HEAD /health"},
    "reading": {f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item},
}
# API Gateway Developer Guide, "Supported security policies": those for Regional APIs that refuse TLS 1.0.
TLS_1_2_OR_NEWER = re.compile(r"SecurityPolicy_TLS13_1_[23]_\w+|TLS_1_2")
# Variables that could put text of the caller into a line.
WRITTEN_BY_THE_CALLER = re.compile(
    r"querystring|header|body|input|userAgent|authorizer|stageVariables|requestOverride|\.path$|message", re.IGNORECASE
)


@pytest.fixture(params=["webhook", "reading"])
def api(request: pytest.FixtureRequest) -> str:
    """Give each API: what is tested with it holds for both."""
    return str(request.param)


def rest_api(template: Template, api: str = "webhook") -> Resource:
    properties: Resource = template["Resources"][rest_api_id(template, api)]["Properties"]
    return properties


def allowed(template: Template) -> dict[str, Resource]:
    """Give the resource policy's statements by the route that they allow."""
    found = {}
    for statement in rest_api(template)["Policy"]["Statement"]:
        assert (statement["Effect"], statement["Action"]) == ("Allow", "execute-api:Invoke")
        _, stage_name, method, path = statement["Resource"].split("/")
        assert stage_name == stage(template)["StageName"]
        found[f"{method} /{path}"] = statement
    return found


def outputs(template: Template) -> Mapping[str, str]:
    return {name: rendered(output["Value"]) for name, output in template["Outputs"].items()}


@pytest.mark.parametrize(("api", "function"), [("webhook", "ingest"), ("reading", "reader")])
def test_one_function_answers_every_route_of_an_api_and_only_these_may_invoke_it(
    template: Template, api: str, function: str
) -> None:
    # Given
    name = live(template, function)
    arn = f"arn:aws:execute-api:us-east-1:123456789012:<{rest_api_id(template, api)}>/prod"
    # When
    for method in routes(template, api).values():
        assert method["Integration"]["Type"] == "AWS_PROXY"
        assert f"/<{name}>/" in rendered(method["Integration"]["Uri"])
    admitted = {
        rendered(permission["Properties"]["SourceArn"]): logical_id
        for logical_id, permission in of_type(template, "AWS::Lambda::Permission").items()
        if permission["Properties"]["Principal"] == "apigateway.amazonaws.com"
        and referred(permission["Properties"]["FunctionName"]) == name
    }
    # Then
    assert set(routes(template, api)) == ROUTES[api]
    assert set(admitted) == {f"{arn}/{re.sub(' |{.*?}', '*', route).replace('*', '', 1)}" for route in ROUTES[api]}
    # And each is admitted before a deployment sends its callers there.
    (deployment,) = of_api(template, "AWS::ApiGateway::Deployment", api).values()
    assert set(admitted.values()) <= set(deployment["DependsOn"])


def test_api_gateways_own_answers_have_the_headers_of_the_functions_answers(template: Template, api: str) -> None:
    own = dict(response.of(HTTPStatus.OK, {})["headers"])
    del own["Content-Type"]  # API Gateway's answers are JSON anyway
    answers = of_api(template, "AWS::ApiGateway::GatewayResponse", api).values()
    assert {answer["Properties"]["ResponseType"] for answer in answers} == {"DEFAULT_4XX", "DEFAULT_5XX"}
    for answer in answers:
        assert answer["Properties"]["ResponseParameters"] == {
            f"gatewayresponse.header.{name}": f"'{value}'" for name, value in own.items()
        }


def test_an_api_is_regional_and_refuses_tls_older_than_1_2(
    template: Template, organization: Organization, api: str
) -> None:
    properties = rest_api(template, api)
    assert properties["EndpointConfiguration"]["Types"] == ["REGIONAL"]
    assert TLS_1_2_OR_NEWER.fullmatch(properties["SecurityPolicy"])
    given = (organization.tls_policy, organization.endpoint_access)
    assert (properties["SecurityPolicy"], properties["EndpointAccessMode"]) == given


def test_a_policy_from_before_endpoint_access_modes_has_none(
    organizations: Mapping[str, Organization], tmp_path: Path
) -> None:
    # Given
    organization = dataclasses.replace(organizations["everything"], tls_policy="TLS_1_2")
    # When
    template = template_of(organization, output=tmp_path)
    # Then
    domain = only(template, "AWS::ApiGateway::DomainName")["Properties"]
    for properties in (rest_api(template), rest_api(template, "reading"), domain):
        assert properties["SecurityPolicy"] == "TLS_1_2"
        assert "EndpointAccessMode" not in properties


def test_the_webhooks_api_passes_on_bodies_byte_for_byte_and_throttles_no_caller(
    template: Template, organization: Organization
) -> None:
    assert rest_api(template)["BinaryMediaTypes"] == ["*/*"]
    assert "AWS::ApiGateway::UsagePlan" not in {resource["Type"] for resource in template["Resources"].values()}
    for setting in stage(template)["MethodSettings"]:
        assert not setting.keys() & {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
    # IPv6 is answered exactly if it is allowed.
    has_ipv6 = any(":" in network for network in organization.allowed_source_ips)
    assert rest_api(template)["EndpointConfiguration"]["IpAddressType"] == ("dualstack" if has_ipv6 else "ipv4")


def test_health_is_open_and_the_webhook_is_for_the_organizations_networks(
    template: Template, organization: Organization
) -> None:
    assert set(allowed(template)) == ROUTES["webhook"]
    for method in ("GET", "HEAD"):
        assert "Condition" not in allowed(template)[f"{method} /health"]
    condition = allowed(template)["POST /webhook"].get("Condition")
    if organization.allowed_source_ips:
        assert condition == {"IpAddress": {"aws:SourceIp": list(organization.allowed_source_ips)}}
    else:
        assert condition is None


def test_a_changed_policy_is_deployed(
    templates: Mapping[str, Template], organizations: Mapping[str, Organization], tmp_path: Path
) -> None:
    # Given
    unchanged = organizations["addresses"]
    changed = dataclasses.replace(unchanged, allowed_source_ips=("192.0.2.0/24",))
    # When
    after = template_of(changed, output=tmp_path)
    # Then a deployment with another logical id takes the place of the old one
    before = templates["addresses"]
    kept = of_type(before, "AWS::ApiGateway::Deployment").keys() & of_type(after, "AWS::ApiGateway::Deployment").keys()
    assert kept == of_api(before, "AWS::ApiGateway::Deployment", "reading").keys()


DOMAIN: Mapping[str, Any] = {"domain_name": "webhooks.example.com", "certificate_arn": CERTIFICATE_ARN}


def test_a_domain_is_added_beside_the_old_url_which_goes_only_if_the_file_says_so(
    templates: Mapping[str, Template], organizations: Mapping[str, Organization], tmp_path: Path
) -> None:
    # Given a stack without a domain, When it gets one, and later its file lets the old URL go
    bare = organizations["minimal"]
    steps = [dataclasses.replace(bare, **DOMAIN), dataclasses.replace(bare, **DOMAIN, keep_default_url=False)]
    added, gone = (template_of(each, output=tmp_path / str(number)) for number, each in enumerate(steps))
    states = (templates["minimal"], added, gone)
    # Then
    without, with_both, moved = (outputs(template) for template in states)
    assert [rest_api(template)["DisableExecuteApiEndpoint"] for template in states] == [False, False, True]
    # And that takes effect, because the API is deployed again (API Gateway Developer Guide, "Disable the default
    # endpoint for REST APIs").
    deployments = [set(of_api(template, "AWS::ApiGateway::Deployment", "webhook")) for template in (added, gone)]
    assert set.isdisjoint(*deployments)
    # And each output says what there is.
    assert with_both["DefaultWebhookUrl"] == without["WebhookUrl"]
    assert with_both["WebhookUrl"] == moved["WebhookUrl"]
    assert "DefaultWebhookUrl" not in without.keys() | moved.keys()
    # And ingest counts by which of the two VectorCare calls.
    settings = [functions(each)["ingest"]["Properties"]["Environment"]["Variables"] for each in states]
    assert [each["DOMAIN_NAME"] for each in settings] == ["", "webhooks.example.com", "webhooks.example.com"]


def test_a_synthesis_says_what_a_move_has_left_to_do(organizations: Mapping[str, Organization], tmp_path: Path) -> None:
    # Given a file that says nothing of the old URL, and one that still lists a value that anybody knows
    bare = dataclasses.replace(organizations["minimal"], customer_id="W6m~x.Zk3_q-9Jt2Rb7u", environment="production")
    moving = dataclasses.replace(bare, **DOMAIN, former_customer_ids=("minimal",))
    decided = dataclasses.replace(moving, keep_default_url=True, former_customer_ids=("Kp4.b~x_2-9Jt2Rb7uQ",))
    # When
    steps = [[step for step, _ in moves.unfinished(each)] for each in (bare, moving, decided)]
    # Then
    assert steps == [[], ["default-url", "former-customer-id"], []]
    said = synthesis.warnings_of(moving, output=tmp_path)
    assert {text for _, text in moves.unfinished(moving)} <= {text.removeprefix("minimal.toml: ") for text in said}


def test_what_an_update_would_cut_off_is_read_from_the_templates(templates: Mapping[str, Template]) -> None:
    # Given two stacks with customer ids and networks of their own, one of which lists addresses
    found = changes.explain([], old=templates["minimal"], new=templates["addresses"], is_new=False)
    # Then
    assert [loss.logical_id for loss in found.losses] == ["customer_id"]
    assert [text.split()[0] for text in found.cut_offs] == ["allowed_source_ips"]


def test_another_domain_name_leaves_the_old_domain_working(templates: Mapping[str, Template]) -> None:
    for kind in ("DomainName", "BasePathMapping"):
        resource = only(templates["everything"], f"AWS::ApiGateway::{kind}")
        assert resource["UpdateReplacePolicy"] == "Retain"
        # A mapping that stayed behind would keep the API, and so the stack, from being deleted.
        assert resource["DeletionPolicy"] == "Delete"


def test_logs_hold_nothing_that_the_caller_wrote(template: Template, api: str) -> None:
    access_log = stage(template, api)["AccessLogSetting"]["Format"]
    assert isinstance(json.loads(access_log), dict)
    variables = re.findall(r"\$[A-Za-z.]+", access_log)
    assert "$context.requestId" in variables
    assert not [variable for variable in variables if WRITTEN_BY_THE_CALLER.search(variable)]
    for setting in stage(template, api)["MethodSettings"]:
        assert (setting["DataTraceEnabled"], setting["LoggingLevel"]) == (False, "ERROR")


def test_an_api_can_log_before_it_runs_and_after_other_stacks_are_deleted(template: Template, api: str) -> None:
    # Given the execution log, which API Gateway would make without a key, and the account's role for logs
    (stage_resource,) = of_api(template, "AWS::ApiGateway::Stage", api).values()
    stage_name = stage_resource["Properties"]["StageName"]
    name = f"API-Gateway-Execution-Logs_<{rest_api_id(template, api)}>/{stage_name}"
    (log_group,) = (
        logical_id
        for logical_id, group in of_type(template, "AWS::Logs::LogGroup").items()
        if rendered(group["Properties"].get("LogGroupName", "")) == name
    )
    ((account_name, account),) = of_type(template, "AWS::ApiGateway::Account").items()
    role = template["Resources"][referred(account["Properties"]["CloudWatchRoleArn"])]
    # Then
    assert {log_group, account_name} <= set(stage_resource["DependsOn"])
    for each in (account, role):
        assert each["DeletionPolicy"] == each["UpdateReplacePolicy"] == "Retain"


def test_a_domain_is_mapped_to_the_stage_and_refuses_tls_older_than_1_2(templates: Mapping[str, Template]) -> None:
    template = templates["everything"]
    domain = only(template, "AWS::ApiGateway::DomainName")["Properties"]
    mapping = only(template, "AWS::ApiGateway::BasePathMapping")["Properties"]
    assert domain["EndpointConfiguration"]["Types"] == ["REGIONAL"]
    assert "RegionalCertificateArn" in domain
    api = rest_api(template)
    for setting in ("SecurityPolicy", "EndpointAccessMode"):
        assert domain[setting] == api[setting]
    assert TLS_1_2_OR_NEWER.fullmatch(domain["SecurityPolicy"])
    assert referred(mapping["RestApiId"]) == rest_api_id(template, "webhook")
    assert referred(mapping["Stage"]) in of_api(template, "AWS::ApiGateway::Stage", "webhook")
    assert "BasePath" not in mapping


def test_the_webhook_url_is_what_is_pasted_into_vectorcare(template: Template, organization: Organization) -> None:
    (stage_id,) = of_api(template, "AWS::ApiGateway::Stage", "webhook")
    base = f"https://<{rest_api_id(template, 'webhook')}>.execute-api.us-east-1.amazonaws.com/<{stage_id}>"
    if organization.domain_name:
        base = f"https://{organization.domain_name}"
    url = outputs(template)["WebhookUrl"]
    assert url == f"{base}/webhook?customer_id={organization.customer_id}"
    # What ingest compares is what a client reads from the URL.
    assert parse_qs(url.partition("?")[2]) == {"customer_id": [organization.customer_id]}
    assert outputs(template)["HealthUrl"] == f"{base}/health"


# People and programs read these: none is ever renamed.
OUTPUTS = """
WebhookUrl HealthUrl ReadingApiUrl ServiceRequestsTable EventsTable CommandsTable SpoolBucket EventBus CredentialsSecret
QueueUrl DeadLetterQueueUrl UnpublishedQueueUrl OutboundQueueUrl OutboundDeadLetterQueueUrl AlarmTopicArn
BusinessDashboard EngineerDashboard OperatorPolicyArn RestorePolicyArn OutboundOperatorPolicyArn CadPolicyArn
ConsolePolicyArn RollbackPolicyArn VerifyPolicyArn Version
"""


def test_outputs_keep_their_names_and_refer_to_their_functions(template: Template, organization: Organization) -> None:
    by_output = {f"{name.title()}Function": function for name, function in released(template).items()}
    domain = {"DomainTarget"} if organization.domain_name else set()
    twin = {"TwinRegion", "ReconcilePolicyArn"} if organization.twin else set()
    assert set(template["Outputs"]) == {*OUTPUTS.split(), *by_output} | domain | twin
    assert all(output["Description"] for output in template["Outputs"].values())
    assert next(iter(template["Outputs"])) == "WebhookUrl"
    for output, function in by_output.items():
        assert called(template, template["Outputs"][output]["Value"]) is function
