"""The example of a subscription names the bus, existing events, and no key in plain text."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from docs.examples import subscriber
from tests.stacks.templates import Template, of_type, only, referred, rendered
from tests.support.events import SCHEMAS
from vectorcare_bridge.edge.bus import SOURCE

ENDPOINT = {"endpoint": "https://cad.example.com/hooks", "api_key_secret": "invented/api-key"}


def template_of(folder: Path, *, bus: str = "VectorCareBridge-acme", **context: str) -> Template:
    app = cdk.App(context={"bus": bus, **context}, outdir=str(folder), builtin_cloud_formation_validation=False)
    subscriber.build(app)
    template: Template = app.synth().stacks[0].template
    return template


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return template_of(tmp_path_factory.mktemp("subscriber"), **ENDPOINT)


def rules(template: Template) -> dict[str, Any]:
    return {
        next(iter(resource["Properties"]["Targets"]))["Arn"]["Fn::GetAtt"][0]: resource["Properties"]
        for resource in of_type(template, "AWS::Events::Rule").values()
    }


def test_rules_are_on_the_bus_and_let_through_what_is_published(example: Template) -> None:
    documented = {name for name in SCHEMAS["$defs"] if name[0].isupper()}
    found = rules(example)
    assert len(found) == 2
    for rule in found.values():
        assert "VectorCareBridge-acme" in rendered(rule["EventBusName"])
        assert rule["EventPattern"]["source"] == [SOURCE]
        assert set(rule["EventPattern"]["detail-type"]) <= documented
    assert documented in [set(rule["EventPattern"]["detail-type"]) for rule in found.values()]


def test_what_a_target_does_not_take_is_kept(example: Template) -> None:
    for rule in rules(example).values():
        (target,) = rule["Targets"]
        dead_letters = example["Resources"][referred(target["DeadLetterConfig"]["Arn"])]
        assert dead_letters["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


def test_the_endpoint_is_called_with_a_key_that_secrets_manager_keeps(example: Template) -> None:
    destination = only(example, "AWS::Events::ApiDestination")["Properties"]
    connection = only(example, "AWS::Events::Connection")["Properties"]
    assert (destination["HttpMethod"], destination["InvocationEndpoint"]) == ("POST", ENDPOINT["endpoint"])
    assert connection["AuthorizationType"] == "API_KEY"
    header = connection["AuthParameters"]["ApiKeyAuthParameters"]
    assert sorted(header.values()) == ["X-Api-Key", "{{resolve:secretsmanager:invented/api-key:SecretString:::}}"]


def test_without_an_endpoint_there_is_the_queue_alone(tmp_path: Path) -> None:
    template = template_of(tmp_path)
    assert len(rules(template)) == 1
    assert "ApiDestination" not in json.dumps(template)
