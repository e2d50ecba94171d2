"""The rule packs check every stack, and every acknowledgment answers a finding."""

import json
from pathlib import Path
from types import SimpleNamespace

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sns as sns

from stacks.common import acknowledgments
from stacks.config.organization import Organization
from tests.stacks import synthesis

# Whether they are found depends on the Python that builds: on the newest there is nothing to acknowledge.
RUNTIME = {"AwsSolutions-L1", "Serverless-LambdaLatestVersion"}
# Of a topic without a key.
PLAIN_TOPIC = {"AwsSolutions-SNS3", "HIPAA.Security-SNSEncryptedKMS"}


def test_a_finding_stops_synth_unless_acknowledged_and_each_acknowledgment_answers_one(
    synthesized: Path, organizations: dict[str, Organization], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a stack with everything and a plain topic, whose acknowledgments are only noted down
    acknowledged: set[str] = set()

    class Recorder:
        @staticmethod
        def of(_scope: object) -> type["Recorder"]:
            return Recorder

        @staticmethod
        def acknowledge(*rules: cdk.Acknowledgment) -> None:
            acknowledged.update(rule.id for rule in rules)

    recording = SimpleNamespace(Validations=Recorder, Acknowledgment=cdk.Acknowledgment)
    monkeypatch.setattr(acknowledgments, "cdk", recording)
    everything = organizations["everything"]
    app = synthesis.application_of(
        synthesized / "organizations", output=tmp_path, is_validated=True, organization=everything.name
    )
    stack = app.node.find_child(everything.stack_name)
    assert isinstance(stack, cdk.Stack)
    sns.Topic(stack, "Plain")
    # When
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    # Then
    report = json.loads((tmp_path / "validation-report.json").read_text())
    found = {violation["ruleName"] for pack in report["pluginReports"] for violation in pack["violations"]}
    assert acknowledged - RUNTIME <= found - PLAIN_TOPIC <= acknowledged
    assert found >= PLAIN_TOPIC
