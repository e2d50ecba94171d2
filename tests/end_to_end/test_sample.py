"""The sample's stack is never made, whatever deploys its template."""

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.emulator import Emulator
from local.synthesis import PROJECT
from stacks.config.organization import load_organization
from tests.stacks import synthesis

STACK = "VectorCareBridge-example"


def test_cloudformation_refuses_the_samples_template_before_it_makes_anything(tmp_path: Path) -> None:
    # Given
    template = synthesis.template_of(load_organization(PROJECT / "organizations/example.toml"), output=tmp_path / "out")
    with Emulator(directory=tmp_path / "emulator", port=0) as emulator:
        cloudformation = emulator.aws.cloudformation
        emulator.aws.ssm.put_parameter(
            Name=template["Parameters"]["BootstrapVersion"]["Default"], Value="30", Type="String"
        )
        emulator.aws.s3.create_bucket(Bucket="templates")
        emulator.aws.s3.put_object(Bucket="templates", Key="sample", Body=json.dumps(template).encode())
        # When
        with pytest.raises(ClientError, match="is a sample and is never deployed"):
            cloudformation.create_change_set(
                StackName=STACK,
                ChangeSetName="first",
                ChangeSetType="CREATE",
                TemplateURL=f"{emulator.endpoint_url}/templates/sample",
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
        # Then
        assert [stack["StackName"] for stack in cloudformation.list_stacks()["StackSummaries"]] == []
