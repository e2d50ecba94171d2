"""Rule: the deployment guide names each AWS service that patients' data may pass: each must be HIPAA-eligible."""

import re
from pathlib import Path

from tests.stacks.templates import Template, functions

GUIDE = (Path(__file__).parents[2] / "docs/deploying.md").read_text(encoding="utf-8")
NAMES = {
    "ApiGateway": "API Gateway",
    "Events": "EventBridge",
    "Logs": "CloudWatch",
    "Scheduler": "EventBridge with its Scheduler",
    "SecretsManager": "Secrets Manager",
}
# They hold no data of an organization.
WITHOUT_DATA = {"IAM", "CDK", "StartCheck"}


def test_every_service_of_the_template_is_named(template: Template) -> None:
    # Given the services of its resources; its functions also send traces
    used = {resource["Type"].split("::")[1] for resource in template["Resources"].values()} - WITHOUT_DATA
    assert all(each["Properties"]["TracingConfig"] == {"Mode": "Active"} for each in functions(template).values())
    # When the guide lists them
    (listed,) = re.findall(r"this stack uses (.*?)\.", re.sub(r"\s+", " ", GUIDE))
    # Then none is missing
    names = {NAMES.get(service, service) for service in used} | {"X-Ray"}
    assert {name for name in names if not re.search(rf"\b{re.escape(name)}\b", listed)} == set()
