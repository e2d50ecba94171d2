"""The reading API: IAM admits callers, and it is what the OpenAPI document describes."""

import json
from typing import Any

from stacks.config.organization import Organization
from tests.stacks.templates import Resource, Template, of_api, referred, rendered, rest_api_id, routes
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


def test_a_method_takes_the_parameters_of_the_document(template: Template) -> None:
    kinds = {"path": "path", "query": "querystring"}
    for route, operation in OPERATIONS.items():
        described = {
            f"method.request.{kinds[parameter['in']]}.{parameter['name']}": parameter["required"]
            for parameter in map(resolved, operation["parameters"])
        }
        assert routes(template, "reading")[route]["RequestParameters"] == described


def test_the_document_names_the_stage(template: Template) -> None:
    (server,) = DOCUMENT["servers"]
    assert server["url"].endswith(f".amazonaws.com/{stage(template)['StageName']}")


def test_every_answer_that_the_document_describes_is_never_cached() -> None:
    for operation in OPERATIONS.values():
        for answer in map(resolved, operation["responses"].values()):
            assert "Cache-Control" in answer["headers"]


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
