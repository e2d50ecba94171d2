"""Rule: each role may do what its function needs, and nothing of that can be left out."""

import json
from collections.abc import Iterator

import pytest

from local import stand as stands
from local.deployment import Assembly
from local.organization import Organization
from local.report import Report
from local.stand import Stand


@pytest.fixture(scope="module")
def guarded_stand(
    assembly: Assembly, organization: Organization, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stand]:
    """Run a stand that refuses what the roles' policies do not allow, and speaks TLS."""
    with stands.running(
        assembly,
        organization,
        directory=tmp_path_factory.mktemp("guarded"),
        port=0,
        report=Report(),
        enforce_iam=True,
    ) as running:
        yield running


def test_with_iam_enforced_the_scenario_passes_and_without_one_permission_it_fails(
    guarded_stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given
    report = Report()

    # When
    allowed = guarded_stand.play_scenario(report)
    _take_away(guarded_stand, "ProcessorFunction", "dynamodb:UpdateItem")
    capsys.readouterr()
    refused = guarded_stand.play_scenario(report, patience=3)

    # Then
    assert allowed
    assert not refused
    assert "WRONG" in capsys.readouterr().out


def _take_away(stand: Stand, function_output: str, action: str) -> None:
    """Remove an action from the policy of a function's role."""
    aws = stand.emulator.aws
    name = stand.deployment.outputs[function_output]
    role = aws.functions.get_function_configuration(FunctionName=name)["Role"].rsplit("/", 1)[-1]
    iam = aws.make("iam")
    taken = 0
    for policy_name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy_name)["PolicyDocument"]
        for statement in document["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            taken += actions.count(action)
            statement["Action"] = [other for other in actions if other != action] or ["none:None"]
        iam.put_role_policy(RoleName=role, PolicyName=policy_name, PolicyDocument=json.dumps(document))
    assert taken
