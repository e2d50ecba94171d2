"""What a change set would lose, which permissions are new, who goes in which wave, and what failed first."""

from pathlib import Path
from typing import Any

import pytest

from cli.lib.deploying import changes, failure, gate
from cli.lib.deploying.assembly import StackArtifact
from cli.lib.deploying.changes import Permission
from cli.lib.deploying.waves import Record, canary_of, waves
from cli.lib.errors import BridgeError
from stacks.config.organization import Organization

QUEUE = {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Delete", "UpdateReplacePolicy": "Retain"}
ALLOW = {"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"], "Resource": "*"}

OWN = {"Target": {"Name": "QueueName", "RequiresRecreation": "Always"}, "ChangeSource": "DirectModification"}
OF_KEY = {
    "Target": {"Name": "KmsMasterKeyId", "RequiresRecreation": "Conditionally"},
    "ChangeSource": "ResourceAttribute",
    "CausingEntity": "Key.Arn",
}


def change(action: str, **more: Any) -> dict[str, Any]:
    return {"ResourceChange": {"Action": action, "LogicalResourceId": "Q", "ResourceType": "AWS::SQS::Queue", **more}}


def explain(*found: dict[str, Any], old: Any = None, new: Any = None) -> changes.Plan:
    old = old if old is not None else {"Resources": {"Q": QUEUE}}
    return changes.explain(found, old=old, new=new or {}, is_new=False)


@pytest.mark.parametrize(
    ("found", "action", "kept"),
    [
        (change("Modify", Replacement="True", PolicyAction="ReplaceAndDelete"), "replaced", False),
        (change("Modify", Replacement="True", PolicyAction="ReplaceAndRetain"), "replaced", True),
        # What CloudFormation does not say yet, the deployed template says
        (change("Modify", Replacement="Conditional", Details=[OWN]), "may be replaced", True),
        (change("Remove"), "removed", False),
        (change("Remove", PolicyAction="Retain"), "removed", True),
    ],
)
def test_what_holds_something_and_goes_is_a_loss(found: dict[str, Any], action: str, kept: bool) -> None:
    (loss,) = explain(found).losses
    assert (loss.logical_id, loss.action, loss.kept) == ("Q", action, kept)
    assert loss.what
    assert loss.remedy


@pytest.mark.parametrize(
    "found",
    [
        change("Add"),
        change("Modify", Replacement="False"),
        change("Modify", Replacement="True", ResourceType="AWS::Lambda::Version"),
        change("Remove", ResourceType="AWS::IAM::Policy"),
        # The log of a function that goes, and stays to be read
        change("Remove", ResourceType="AWS::Logs::LogGroup", PolicyAction="Retain"),
    ],
)
def test_what_stays_or_holds_nothing_is_no_loss(found: dict[str, Any]) -> None:
    assert explain(found).losses == ()


@pytest.mark.parametrize(("replacement", "lost"), [("False", set()), ("True", {"Key", "Q"})])
def test_what_refers_to_a_resource_is_replaced_only_if_that_is(replacement: str, lost: set[str]) -> None:
    # Given a queue whose key is given a tag, or is replaced
    key = change("Modify", Replacement=replacement, LogicalResourceId="Key", ResourceType="AWS::KMS::Key")
    queue = change("Modify", Replacement="Conditional", Details=[OF_KEY])
    # When, Then
    assert {loss.logical_id for loss in explain(key, queue).losses} == lost


def test_resources_that_refer_to_each_other_are_judged_too() -> None:
    details = [OF_KEY, {**OF_KEY, "CausingEntity": "Q.Arn"}]
    key = change("Modify", Replacement="Conditional", LogicalResourceId="Key", Details=details)
    assert explain(key, change("Modify", Replacement="Conditional", Details=details)).losses == ()


def test_only_what_nobody_may_do_now_is_a_new_permission() -> None:
    # Given a policy that has one statement, and is given another and a denial
    def policy(*statements: Any) -> dict[str, Any]:
        document = {"PolicyDocument": {"Statement": list(statements)}}
        return {"Resources": {"P": {"Type": "AWS::IAM::Policy", "Properties": document}}}

    more = {**ALLOW, "Action": "sqs:PurgeQueue"}
    # When, Then
    plan = explain(old=policy(ALLOW), new=policy(ALLOW, more, {**more, "Effect": "Deny"}))
    assert plan.permissions == (Permission("P", "sqs:PurgeQueue"),)
    assert explain(old=policy(ALLOW, more), new=policy(ALLOW)).permissions == ()


def test_who_may_call_a_function_and_managed_policies_are_permissions_too() -> None:
    function = {"Type": "AWS::Lambda::Permission", "Properties": {"Action": "lambda:InvokeFunction", "Principal": "*"}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/Administrator"]}}
    plan = explain(old={}, new={"Resources": {"F": function, "R": role}})
    assert plan.permissions == (Permission("F", "lambda:InvokeFunction"), Permission("R", "all of Administrator"))


@pytest.mark.parametrize(
    ("others", "sizes"), [(0, [1]), (2, [1, 2]), (3, [1, 3]), (4, [1, 3, 1]), (29, [1, 3, 10, 10, 6])]
)
def test_the_canary_goes_alone_then_three_then_ten_at_a_time(others: int, sizes: list[int]) -> None:
    # Given
    names = ["canary", *(f"o{number:02}" for number in range(others))]
    # When
    found = waves(sorted(names), canary="canary")
    # Then each goes once
    assert [len(wave) for wave in found] == sizes
    assert found[0] == ["canary"]
    assert sorted(name for wave in found for name in wave) == sorted(names)


def test_the_first_uat_organization_is_the_canary_unless_another_is_asked_for() -> None:
    # Given
    fleet = [
        Organization(name=name, public_keys=(), customer_id=name, environment=environment)
        for name, environment in (("a", "production"), ("b", "uat"), ("c", "uat"))
    ]
    # When, Then
    assert canary_of(fleet) == "b"
    assert canary_of(fleet[:1]) == "a"
    assert canary_of(fleet, asked="c") == "c"
    with pytest.raises(BridgeError, match="The canary d is not among"):
        canary_of(fleet, asked="d")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"names": 1, "canary": "a", "done": {}}', "\0"])
def test_a_damaged_record_says_what_to_do(content: str, tmp_path: Path) -> None:
    path = tmp_path / "fleet.json"
    path.write_text(content)
    with pytest.raises(BridgeError, match="is damaged"):
        Record.read(path)


def test_a_stack_with_other_tags_is_another_one_although_no_template_has_them(tmp_path: Path) -> None:
    (tmp_path / "template.json").write_text("{}")
    properties = {"templateFile": "template.json"}
    digests = {
        StackArtifact.read(
            "acme", {"environment": "aws://a/r", "properties": properties | {"tags": tags}}, tmp_path
        ).digest
        for tags in ({}, {"CostCentre": "1"}, {"CostCentre": "2"})
    }
    assert len(digests) == 3


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = Record(tmp_path / "made" / "fleet.json", ["a", "b"], "b", {"a": "digest"})
    record.save()
    assert Record.read(record.path) == record


def test_a_gate_never_has_more_alarms_than_cloudformation_takes() -> None:
    described = [{"AlarmName": name, "AlarmArn": name, "StateValue": "INSUFFICIENT_DATA"} for name in gate.names("s")]
    assert 0 < len(gate.choose("s", described).arns) <= 5


def test_an_alarm_that_rolls_back_is_the_reason_if_no_resource_failed() -> None:
    event = {"ResourceType": "AWS::CloudFormation::Stack", "ResourceStatus": "UPDATE_ROLLBACK_IN_PROGRESS"}
    reason = failure.first_failure([{**event, "ResourceStatusReason": "an alarm went to ALARM"}])
    assert reason is not None
    assert "an alarm went to ALARM" in reason


@pytest.mark.parametrize(
    ("kind", "reason", "is_about_tls"),
    [
        ("AWS::ApiGateway::RestApi", "Endpoint access mode is required for the specified security policy", True),
        ("AWS::ApiGateway::DomainName", "Invalid SecurityPolicy", True),
        ("AWS::ApiGateway::DomainName", "The certificate is not in this region", False),
        ("AWS::S3::Bucket", "Invalid security policy", False),
    ],
)
def test_a_tls_policy_that_aws_refuses_is_no_dead_end(kind: str, reason: str, is_about_tls: bool) -> None:
    event = {"LogicalResourceId": "R", "ResourceType": kind, "ResourceStatus": "CREATE_FAILED"}
    said = failure.first_failure([{**event, "ResourceStatusReason": reason}])
    assert said is not None
    assert said.startswith(f"R ({kind}): {reason}")
    assert ("tls_policy" in said) is is_about_tls
