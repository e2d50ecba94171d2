"""The rule packs see every stack, and every acknowledgment answers a finding."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sns as sns

from stacks.common import acknowledgments
from tests.stacks import synthesis

# Whether they are found depends on the Python that builds: on the newest there is nothing to acknowledge.
RUNTIME = {"AwsSolutions-L1", "Serverless-LambdaLatestVersion"}


def findings(app: cdk.App) -> set[str]:
    """Give the ids that stop synth."""
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    return set(reported(app))


def reported(app: cdk.App) -> Iterator[str]:
    report = json.loads(Path(app.outdir, "validation-report.json").read_text())
    for pack in report["pluginReports"]:
        for violation in pack["violations"]:
            yield violation["ruleName"]


def test_a_violation_stops_synth(folder: Path, tmp_path: Path) -> None:
    # Given
    app = synthesis.application_of(folder, output=tmp_path)
    stack = app.node.find_child("VectorCareBridge-minimal")
    assert isinstance(stack, cdk.Stack)
    sns.Topic(stack, "Plain")
    # When
    found = findings(app)
    # Then
    assert found == {"AwsSolutions-SNS3", "HIPAA.Security-SNSEncryptedKMS"}


def test_every_acknowledgment_answers_a_finding(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given
    acknowledged: set[str] = set()

    class Recorder:
        @staticmethod
        def of(_scope: object) -> type["Recorder"]:
            return Recorder

        @staticmethod
        def acknowledge(*rules: cdk.Acknowledgment) -> None:
            acknowledged.update(rule.id for rule in rules)

    monkeypatch.setattr(
        acknowledgments, "cdk", SimpleNamespace(Validations=Recorder, Acknowledgment=cdk.Acknowledgment)
    )
    # When
    found = findings(synthesis.application_of(folder, output=tmp_path))
    # Then
    assert acknowledged - RUNTIME <= found <= acknowledged
