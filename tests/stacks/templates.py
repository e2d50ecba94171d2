"""Reading synthesized templates."""

from collections.abc import Mapping
from typing import Any

Resource = Mapping[str, Any]
Template = Mapping[str, Any]

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
}


def of_type(template: Template, resource_type: str) -> dict[str, Resource]:
    """Give the resources of one type by their logical ids; there has to be one, or a rule about them holds nothing."""
    found = {name: resource for name, resource in template["Resources"].items() if resource["Type"] == resource_type}
    assert found, resource_type
    return found


def only(template: Template, resource_type: str) -> Resource:
    """Give the one resource of a type."""
    (resource,) = of_type(template, resource_type).values()
    return resource


def rest_api_id(template: Template, api: str) -> str:
    """Name one of the two REST APIs: the ``webhook``'s, or the one for ``reading``."""
    (found,) = (
        logical_id
        for logical_id, resource in of_type(template, "AWS::ApiGateway::RestApi").items()
        if resource["Properties"]["Name"].endswith("-reading") is (api == "reading")
    )
    return found


def of_api(template: Template, resource_type: str, api: str) -> dict[str, Resource]:
    """Give the resources of one type that belong to an API."""
    logical_id = rest_api_id(template, api)
    found = of_type(template, resource_type).items()
    return {name: each for name, each in found if referred(each["Properties"]["RestApiId"]) == logical_id}


def stage(template: Template, api: str = "webhook") -> Resource:
    """Give the properties of an API's stage."""
    (found,) = of_api(template, "AWS::ApiGateway::Stage", api).values()
    properties: Resource = found["Properties"]
    return properties


def routes(template: Template, api: str) -> dict[str, Resource]:
    """Give an API's methods by their route, such as ``GET /health``."""
    resources = of_api(template, "AWS::ApiGateway::Resource", api)

    def path(resource_id: Any) -> str:
        if referred(resource_id) not in resources:
            return ""
        properties = resources[referred(resource_id)]["Properties"]
        return f"{path(properties['ParentId'])}/{properties['PathPart']}"

    methods = (method["Properties"] for method in of_api(template, "AWS::ApiGateway::Method", api).values())
    return {f"{method['HttpMethod']} {path(method['ResourceId'])}": method for method in methods}


def alarms(template: Template) -> dict[str, Resource]:
    """Give the properties of the alarms by their names in the runbook."""
    found = {}
    for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
        properties = alarm["Properties"]
        found[properties["AlarmName"].rsplit("-", 1)[1]] = properties
    return found


def event_source(template: Template, function: str = "processor") -> Resource:
    """Give the properties of a function's one event source mapping."""
    found: list[Resource] = [
        mapping["Properties"]
        for mapping in of_type(template, "AWS::Lambda::EventSourceMapping").values()
        if called(template, mapping["Properties"]["FunctionName"]) is functions(template)[function]
    ]
    (properties,) = found
    return properties


def queues(template: Template, function: str = "processor") -> tuple[str, str]:
    """Name the queue that a function's event source reads, and its dead-letter queue."""
    queue = referred(event_source(template, function)["EventSourceArn"])
    redrive = template["Resources"][queue]["Properties"]["RedrivePolicy"]
    return queue, referred(redrive["deadLetterTargetArn"])


def unpublished(template: Template) -> str:
    """Name the queue of events that the bus did not take."""
    return referred(template["Outputs"]["UnpublishedQueueUrl"]["Value"])


def named(template: Template) -> dict[str, str]:
    """Give the logical ids of what the functions work on, and of the functions, by a name for people."""
    queue, dead_letters = queues(template)
    command_queue, command_dead_letters = queues(template, "sender")
    outputs = {name: output["Value"] for name, output in template["Outputs"].items()}
    logical_ids = {id(resource): name for name, resource in template["Resources"].items()}
    return {
        "queue": queue,
        "dead letters": dead_letters,
        "command queue": command_queue,
        "command dead letters": command_dead_letters,
        "unpublished": unpublished(template),
        "spool": referred(outputs["SpoolBucket"]),
        "events": referred(outputs["EventsTable"]),
        "service requests": referred(outputs["ServiceRequestsTable"]),
        "commands": referred(outputs["CommandsTable"]),
        "bus": referred(outputs["EventBus"]),
        "secret": referred(outputs["CredentialsSecret"]),
        **{name: logical_ids[id(function)] for name, function in functions(template).items()},
    }


def functions(template: Template) -> dict[str, Resource]:
    """Give the functions by the name that their logs and metrics call them."""
    return {
        function["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: function
        for function in of_type(template, "AWS::Lambda::Function").values()
    }


def released(template: Template) -> dict[str, Resource]:
    """Give the functions that have versions and an alias: all but the one that checks their versions."""
    return {name: function for name, function in functions(template).items() if name != "start_check"}


def live(template: Template, function: str) -> str:
    """Name the alias that everything calls in a function's place."""
    (found,) = (
        logical_id
        for logical_id, alias in of_type(template, "AWS::Lambda::Alias").items()
        if template["Resources"][referred(alias["Properties"]["FunctionName"])] is functions(template)[function]
    )
    return found


def called(template: Template, value: Any) -> Resource:
    """Give the function whose alias `live` a value names, by its ARN or as ``NAME:live``; no other version counts."""
    match value:
        case {"Ref": str(name)} | {
            "Fn::Join": ["", [{"Fn::Select": [6, {"Fn::Split": [":", {"Ref": str(name)}]}]}, ":live"]]
        }:
            alias = template["Resources"][name]["Properties"]
            assert alias["Name"] == "live"
            function: Resource = template["Resources"][referred(alias["FunctionName"])]
        case {"Fn::Join": ["", [{"Ref": str(name)}, ":live"]]}:
            function = template["Resources"][name]
        case _:
            raise AssertionError(f"{value} names no alias")
    assert function["Type"] == "AWS::Lambda::Function"
    return function


def statements(template: Template, function: Resource) -> list[Mapping[str, Any]]:
    """Give the statements of a function's role."""
    role = template["Resources"][referred(function["Properties"]["Role"])]
    return [
        statement for policy in role["Properties"]["Policies"] for statement in policy["PolicyDocument"]["Statement"]
    ]


def policy_of(template: Template, resource_type: str, target: str, logical_id: str) -> list[Mapping[str, Any]]:
    """Give the statements of the resource policy that is attached to a queue, topic or bucket."""
    for policy in of_type(template, resource_type).values():
        targets = policy["Properties"][target]
        if logical_id in [referred(each) for each in (targets if isinstance(targets, list) else [targets])]:
            found: list[Mapping[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
            return found
    raise AssertionError(f"{logical_id} has no {resource_type}")


def resources_of(statement: Resource) -> list[Any]:
    """Give what a statement is about, one resource or several."""
    resource = statement["Resource"]
    return resource if isinstance(resource, list) else [resource]


def listed(value: str | list[str]) -> list[str]:
    """Give what may be one or a list of them as a list."""
    return value if isinstance(value, list) else [value]


def referred(value: Any) -> str:
    """Name the resource that a value refers to, by ``Ref`` or ``Fn::GetAtt``."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return name
    raise AssertionError(f"{value} refers to no resource")


def rendered(value: Any) -> str:
    """Write a value as the text it becomes; of what is known only after the deployment, the logical id in brackets."""
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return PSEUDO.get(name, f"<{name}>")
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(rendered(part) for part in parts)
    raise AssertionError(f"{value} is not known here")
