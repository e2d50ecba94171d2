"""The outbound direction, for every organization: stream, publisher and bus; queue, sender and secret."""

import json
from collections.abc import Mapping
from pathlib import Path

from stacks.config.organization import Organization
from tests.stacks.templates import Template, event_source, of_type, only, referred, rendered, rest_api_id


def test_the_publisher_reads_the_states_stream_from_its_beginning_until_a_batch_is_taken(template: Template) -> None:
    source = event_source(template, "publisher")
    table = referred(template["Outputs"]["ServiceRequestsTable"]["Value"])
    assert source["EventSourceArn"] == {"Fn::GetAtt": [table, "StreamArn"]}
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["BatchSize"] == 100
    # Nothing is given up before the stream itself forgets it.
    assert source["MaximumRetryAttempts"] == -1
    assert "MaximumRecordAgeInSeconds" not in source
    assert source["BisectBatchOnFunctionError"] is True
    assert "FilterCriteria" not in source


def test_a_bus_of_its_own_is_named_like_the_stack_and_has_no_policy(template: Template) -> None:
    bus = only(template, "AWS::Events::EventBus")["Properties"]
    assert bus == {"Name": rendered(template["Resources"][rest_api_id(template, "webhook")]["Properties"]["Name"])}
    assert not [each for each in template["Resources"].values() if each["Type"] == "AWS::Events::EventBusPolicy"]


def test_the_sender_takes_large_batches(template: Template) -> None:
    source = event_source(template, "sender")
    assert (source["BatchSize"], source["MaximumBatchingWindowInSeconds"]) == (500, 2)


def test_the_secret_is_under_the_key_and_holds_a_placeholder_that_the_sender_refuses(template: Template) -> None:
    secret = only(template, "AWS::SecretsManager::Secret")["Properties"]
    (key,) = of_type(template, "AWS::KMS::Key")
    generated = secret["GenerateSecretString"]
    assert referred(secret["KmsKeyId"]) == key
    assert "SecretString" not in secret
    # The sender refuses credentials whose client_id is empty: tests/unit/sender/test_access_token.py.
    assert json.loads(generated["SecretStringTemplate"]) == {"client_id": ""}
    assert generated["GenerateStringKey"] == "client_secret"


def test_a_deployment_that_will_send_no_command_is_warned_about(
    synthesized: Path, organizations: Mapping[str, Organization]
) -> None:
    for organization in organizations.values():
        metadata = (synthesized / "cdk.out" / f"{organization.stack_name}.metadata.json").read_text()
        assert ("has no vectorcare_token_url" in metadata) is (not organization.token_url)
