"""The reading API: IAM admits callers, and it is what the OpenAPI document describes."""

import json
from typing import Any

from tests.stacks.templates import Template, of_api, referred, rendered, rest_api_id, routes, stage
from tests.support.reading import DOCUMENT

OPERATIONS = {
    f"{method.upper()} {path}": each for path, item in DOCUMENT["paths"].items() for method, each in item.items()
}
# A new account may run only this many functions in parallel, and ingest needs them.
SMALLEST_CONCURRENCY = 10


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference within the document."""
    found: Any = DOCUMENT
    for part in value.get("$ref", "#").split("/")[1:]:
        found = found[part]
    return value if "$ref" not in value else found


def test_the_document_describes_head_as_get_without_a_body_and_no_answer_as_cached() -> None:
    for item in DOCUMENT["paths"].values():
        assert list(item) == ["get", "head"]
        assert item["head"]["parameters"] == item["get"]["parameters"]
        assert item["head"]["responses"].keys() == item["get"]["responses"].keys()
        assert not [each for each in map(resolved, item["head"]["responses"].values()) if "content" in each]
        for answer in map(resolved, item["get"]["responses"].values()):
            assert "Cache-Control" in answer["headers"]


def test_a_method_has_the_authorization_and_the_parameters_of_the_document(template: Template) -> None:
    (scheme,) = DOCUMENT["security"][0]
    assert DOCUMENT["components"]["securitySchemes"][scheme]["x-amazon-apigateway-authtype"] == "awsSigv4"
    kinds = {"path": "path", "query": "querystring"}
    for route, operation in OPERATIONS.items():
        method = routes(template, "reading")[route]
        assert "security" not in operation
        assert method["AuthorizationType"] == "AWS_IAM"
        assert method["RequestParameters"] == {
            f"method.request.{kinds[parameter['in']]}.{parameter['name']}": parameter["required"]
            for parameter in map(resolved, operation["parameters"])
        }


def test_it_takes_text_from_any_address_and_throttles_callers(template: Template) -> None:
    properties = template["Resources"][rest_api_id(template, "reading")]["Properties"]
    assert not {"BinaryMediaTypes", "Policy"} & properties.keys()
    # A domain of the organization's is the webhook's: this API keeps its own address.
    assert not properties.get("DisableExecuteApiEndpoint")
    # Whoever asks in a loop must not take the account's concurrency from ingest.
    (setting,) = stage(template, "reading")["MethodSettings"]
    assert (setting["HttpMethod"], setting["ResourcePath"]) == ("*", "/*")
    assert 0 < setting["ThrottlingBurstLimit"] <= SMALLEST_CONCURRENCY / 2
    assert 0 < setting["ThrottlingRateLimit"] <= SMALLEST_CONCURRENCY


def test_the_access_log_names_the_caller_and_the_functions_log_entry(template: Template) -> None:
    line = json.loads(stage(template, "reading")["AccessLogSetting"]["Format"])
    assert line["caller"] == "$context.identity.userArn"
    assert line["function_request_id"] == "$context.integration.requestId"


def test_the_output_has_the_stage_of_the_document(template: Template) -> None:
    (stage_id,) = of_api(template, "AWS::ApiGateway::Stage", "reading")
    expected = f"https://<{rest_api_id(template, 'reading')}>.execute-api.us-east-1.amazonaws.com/<{stage_id}>"
    assert rendered(template["Outputs"]["ReadingApiUrl"]["Value"]) == expected
    (server,) = DOCUMENT["servers"]
    assert server["url"].endswith(f".amazonaws.com/{stage(template, 'reading')['StageName']}")


def test_the_dispatch_system_may_ask_exactly_the_routes(template: Template) -> None:
    policy = template["Resources"][referred(template["Outputs"]["CadPolicyArn"]["Value"])]["Properties"]
    (statement,) = (each for each in policy["PolicyDocument"]["Statement"] if each.get("Sid") == "ReadServiceRequests")
    (stage_id,) = of_api(template, "AWS::ApiGateway::Stage", "reading")
    arn = f"arn:aws:execute-api:us-east-1:123456789012:<{rest_api_id(template, 'reading')}>/<{stage_id}>"
    assert (statement["Effect"], statement["Action"]) == ("Allow", "execute-api:Invoke")
    assert [rendered(resource).replace("*", "{service_request_id}") for resource in statement["Resource"]] == [
        f"{arn}/{route.replace(' ', '')}" for route in OPERATIONS
    ]
