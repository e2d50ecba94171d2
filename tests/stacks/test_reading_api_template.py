"""The API for reading: IAM lets in, the OpenAPI document describes it, and the webhook's API knows nothing of it."""

import json
from typing import Any

import pytest

from stacks.config.organization import Organization
from tests.stacks.templates import (
    Resource,
    Template,
    functions,
    of_api,
    of_type,
    only,
    referred,
    rendered,
    rest_api_id,
    routes,
)
from tests.support.reading import DOCUMENT

OPERATIONS = {
    f"{method.upper()} {path}": each for path, item in DOCUMENT["paths"].items() for method, each in item.items()
}
# A new account may run only so many functions at once, and ingest needs them.
SMALLEST_CONCURRENCY = 10


def stage(template: Template) -> Resource:
    (found,) = of_api(template, "AWS::ApiGateway::Stage", "reading").values()
    properties: Resource = found["Properties"]
    return properties


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference within the document."""
    found: Any = DOCUMENT
    for part in value.get("$ref", "#").split("/")[1:]:
        found = found[part]
    return value if "$ref" not in value else found


def test_the_template_has_the_routes_of_the_document_and_no_other(template: Template) -> None:
    assert set(routes(template, "reading")) == set(OPERATIONS)
    assert len(OPERATIONS) == 6


def test_head_asks_what_get_asks_and_is_answered_without_a_body() -> None:
    for item in DOCUMENT["paths"].values():
        assert list(item) == ["get", "head"]
        assert item["head"]["parameters"] == item["get"]["parameters"]
        assert item["head"]["responses"].keys() == item["get"]["responses"].keys()
        assert not [each for each in map(resolved, item["head"]["responses"].values()) if "content" in each]


def test_every_method_asks_for_the_authorization_that_the_document_names(template: Template) -> None:
    (scheme,) = DOCUMENT["security"][0]
    assert DOCUMENT["components"]["securitySchemes"][scheme]["x-amazon-apigateway-authtype"] == "awsSigv4"
    for route, method in routes(template, "reading").items():
        assert method["AuthorizationType"] == "AWS_IAM"
        assert "security" not in OPERATIONS[route]


@pytest.mark.parametrize("route", OPERATIONS)
def test_a_method_takes_the_parameters_of_the_document(template: Template, route: str) -> None:
    kinds = {"path": "path", "query": "querystring"}
    described = {
        f"method.request.{kinds[parameter['in']]}.{parameter['name']}": parameter["required"]
        for parameter in map(resolved, OPERATIONS[route]["parameters"])
    }
    assert routes(template, "reading")[route]["RequestParameters"] == described


def test_the_document_names_the_stage(template: Template) -> None:
    (server,) = DOCUMENT["servers"]
    assert server["url"].endswith(f".amazonaws.com/{stage(template)['StageName']}")


def test_every_answer_that_the_document_describes_is_never_cached() -> None:
    for operation in OPERATIONS.values():
        for answer in map(resolved, operation["responses"].values()):
            assert "Cache-Control" in answer["headers"]


def test_the_reader_answers_every_route_and_only_these_may_invoke_it(template: Template) -> None:
    # Given
    (reader,) = (name for name, each in template["Resources"].items() if each is functions(template)["reader"])
    (stage_id,) = of_api(template, "AWS::ApiGateway::Stage", "reading")
    arn = f"arn:aws:execute-api:us-east-1:123456789012:<{rest_api_id(template, 'reading')}>/<{stage_id}>"
    # When
    for method in routes(template, "reading").values():
        assert method["Integration"]["Type"] == "AWS_PROXY"
        assert f"<{reader}.Arn>" in rendered(method["Integration"]["Uri"])
    admitted = {
        rendered(permission["Properties"]["SourceArn"]): permission["Properties"]["Principal"]
        for permission in of_type(template, "AWS::Lambda::Permission").values()
        if referred(permission["Properties"]["FunctionName"]) == reader
    }
    # Then
    assert admitted == {
        f"{arn}/{method}/service-requests{rest}": "apigateway.amazonaws.com"
        for method in ("GET", "HEAD")
        for rest in ("", "/*", "/*/events")
    }


def test_bodies_are_text_and_no_policy_keeps_addresses_out(template: Template, organization: Organization) -> None:
    properties = template["Resources"][rest_api_id(template, "reading")]["Properties"]
    assert not {"BinaryMediaTypes", "Policy"} & properties.keys()
    # A domain of the organization's is the webhook's: this API keeps its own address.
    assert not properties.get("DisableExecuteApiEndpoint"), organization.name


def test_whoever_asks_in_a_loop_takes_no_webhook_its_function(template: Template) -> None:
    (setting,) = stage(template)["MethodSettings"]
    assert (setting["HttpMethod"], setting["ResourcePath"]) == ("*", "/*")
    assert 0 < setting["ThrottlingBurstLimit"] <= SMALLEST_CONCURRENCY / 2
    assert 0 < setting["ThrottlingRateLimit"] <= SMALLEST_CONCURRENCY


def test_the_access_log_says_who_read_and_which_line_says_what(template: Template) -> None:
    line = json.loads(stage(template)["AccessLogSetting"]["Format"])
    assert line["caller"] == "$context.identity.userArn"
    assert line["function_request_id"] == "$context.integration.requestId"


def test_the_account_has_one_setting_for_the_logs_of_all_apis(template: Template) -> None:
    only(template, "AWS::ApiGateway::Account")


def test_the_function_reads_the_index_that_the_table_has(template: Template) -> None:
    variables = functions(template)["reader"]["Properties"]["Environment"]["Variables"]
    table = template["Resources"][referred(variables["SERVICE_REQUESTS_TABLE"])]["Properties"]
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == variables["STATUS_INDEX"]
    # Newest first is the index's own order, and a page of it is whole items.
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["request_status", "last_updated"]
    assert index["Projection"] == {"ProjectionType": "ALL"}


def test_the_url_is_put_out(template: Template) -> None:
    (stage_id,) = of_api(template, "AWS::ApiGateway::Stage", "reading")
    expected = f"https://<{rest_api_id(template, 'reading')}>.execute-api.us-east-1.amazonaws.com/<{stage_id}>"
    assert rendered(template["Outputs"]["ReadingApiUrl"]["Value"]) == expected


def test_the_dispatch_system_may_ask_exactly_the_routes(template: Template) -> None:
    policy = template["Resources"][referred(template["Outputs"]["CadPolicyArn"]["Value"])]["Properties"]
    (statement,) = (each for each in policy["PolicyDocument"]["Statement"] if each.get("Sid") == "ReadServiceRequests")
    (stage_id,) = of_api(template, "AWS::ApiGateway::Stage", "reading")
    arn = f"arn:aws:execute-api:us-east-1:123456789012:<{rest_api_id(template, 'reading')}>/<{stage_id}>"
    assert (statement["Effect"], statement["Action"]) == ("Allow", "execute-api:Invoke")
    assert [rendered(resource).replace("*", "{service_request_id}") for resource in statement["Resource"]] == [
        f"{arn}/{route.replace(' ', '')}" for route in OPERATIONS
    ]
